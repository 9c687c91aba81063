// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"strings"
)

// Copy counts the bytes that are copied from a record, so that they are no more than it has. A
// verified record is as long as everything that its references show together. A record that
// somebody forged, and that is trusted, may refer to one part from many places, and to those places
// from many others: copying it could take years, and all memory. Copying panics instead.
type Copy struct{ left int }

// Copy returns the counter for copying the struct.
func (r Record) Copy() Copy { return copyOf(r.b) }

// Copy returns the counter for copying the elements.
func (l List) Copy() Copy { return copyOf(l.b) }

// copyOf allows each byte twice: one byte may be a struct, and that struct an element.
func copyOf(b []byte) Copy { return Copy{2 * len(b)} }

var errForged = errors.New("archive: the record refers to a part of it more than once: it was " +
	"forged, and its checksum too")

func (c *Copy) spend(n int) {
	if c.left -= n; c.left < 0 {
		panic(errForged)
	}
}

// Struct counts a struct, if the record has it.
func (c *Copy) Struct(r Record) {
	if r.b != nil {
		c.spend(1)
	}
}

// Elements counts n elements of a slice or map.
func (c *Copy) Elements(n int) { c.spend(n) }

// Text returns a copy of a string.
func (c *Copy) Text(s string) string {
	c.spend(len(s))
	return strings.Clone(s)
}

// CopyBytes returns a copy of bytes; the copy of nil is nil.
func CopyBytes[S ~[]byte](c *Copy, b []byte) S {
	if b == nil {
		return nil
	}
	c.spend(len(b))
	return append(S{}, b...)
}
