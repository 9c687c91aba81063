// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"math/bits"
	"sync"
)

// buffer is memory that is reused. b holds what it is lent for.
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

// Release lets others use the buffer.
func (b *buffer) Release() {
	b.b = b.b[:0]
	buffers[b.class].Put(b)
}
