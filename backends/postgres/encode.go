// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"encoding/binary"
	"slices"
)

// This file writes the messages of a request; see "Message Formats" in PostgreSQL's manual. All
// values are in binary form.

const oidBytea = 17 // the number of the type

// message appends the head of a message, and returns the place of its length.
func (c *conn) message(kind byte) (at int) {
	c.out = append(c.out, kind, 0, 0, 0, 0)
	return len(c.out) - 4
}

// end sets the length of a message.
func (c *conn) end(at int) {
	binary.BigEndian.PutUint32(c.out[at:], uint32(len(c.out)-at))
}

func (c *conn) text(s string) { c.out = append(append(c.out, s...), 0) }

func (c *conn) int16(n int) { c.out = binary.BigEndian.AppendUint16(c.out, uint16(n)) }

func (c *conn) int32(n int) { c.out = binary.BigEndian.AppendUint32(c.out, uint32(n)) }

// bind begins the execution of a statement of the storage.
func (c *conn) bind(s statement) (at int) {
	if !c.prepared[s] && !slices.Contains(c.asked, s) {
		c.parse(s.name(), c.pool.texts[s])
		c.asked = append(c.asked, s)
	}
	return c.bindTo(s.name())
}

// once begins the execution of a statement that is not kept.
func (c *conn) once(text string) (at int) {
	c.parse("", text)
	return c.bindTo("")
}

func (c *conn) parse(name, text string) {
	at := c.message('P')
	c.text(name)
	c.text(text)
	c.int16(0) // the server infers the types of arguments
	c.end(at)
}

func (c *conn) bindTo(name string) (at int) {
	at = c.message('B')
	c.text("") // no named portal
	c.text(name)
	c.int16(1) // all arguments
	c.int16(1) // are binary
	return at
}

// exec executes a statement of the storage without arguments.
func (c *conn) exec(s statement) {
	at := c.bind(s)
	c.int16(0)
	c.execute(at)
}

// execute ends what bind or once began, after the number of arguments and the arguments were
// written.
func (c *conn) execute(at int) {
	c.int16(1) // all columns
	c.int16(1) // are binary
	c.end(at)
	at = c.message('E')
	c.text("")
	c.int32(0) // all rows
	c.end(at)
	c.steps++
}

// sync ends the request.
func (c *conn) sync() { c.end(c.message('S')) }

// bytes appends an argument; nil is NULL.
func (c *conn) bytes(b []byte) {
	if b == nil {
		c.int32(-1)
		return
	}
	c.int32(len(b))
	c.out = append(c.out, b...)
}

func (c *conn) int8(n int64) {
	c.int32(8)
	c.out = binary.BigEndian.AppendUint64(c.out, uint64(n))
}

// array appends an argument that is an array of n byte strings; nil is NULL.
func (c *conn) array(n int, element func(i int) []byte) {
	at := len(c.out)
	c.int32(0)
	if n == 0 {
		c.int32(0) // dimensions
		c.int32(0)
		c.int32(oidBytea)
	} else {
		c.int32(1)
		c.int32(1) // there may be NULL
		c.int32(oidBytea)
		c.int32(n)
		c.int32(1)
		for i := range n {
			c.bytes(element(i))
		}
	}
	binary.BigEndian.PutUint32(c.out[at:], uint32(len(c.out)-at-4))
}
