// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"math/bits"
	"sync"
)

// buffer is memory that is reused, and cleared first.
type buffer struct {
	b     []byte
	class int // b has room for 1<<class bytes
}

// buffers holds the free buffers, by class, so that a row of a few bytes does not occupy a large
// buffer.
var buffers [bits.UintSize]sync.Pool

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) *buffer {
	const smallest = 8
	class := smallest
	if n > 1<<smallest {
		class = bits.Len(uint(n - 1))
	}
	if b, ok := buffers[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, 1<<class), class}
}

// Release clears the buffer and lets others use it.
func (b *buffer) Release() {
	clear(b.b)
	b.b = b.b[:0]
	buffers[b.class].Put(b)
}

// scratch is the memory that one call needs while it runs.
type scratch struct {
	plain []byte // what is encrypted
	data  []byte // associated data
}

// The memory has room for small rows from the start: if an inner format outgrows it and then fails,
// the memory that the format allocated is not known here, and cannot be cleared.
var scratches = sync.Pool{New: func() any { return &scratch{plain: make([]byte, 0, 512)} }}

// release clears the plain bytes, and lets others use the memory.
func (s *scratch) release() {
	const most = 1 << 20 // what is kept for small rows
	clear(s.plain)
	if cap(s.plain) > most {
		s.plain = nil
	}
	s.plain, s.data = s.plain[:0], s.data[:0]
	scratches.Put(s)
}
