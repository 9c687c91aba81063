// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// Inside a composite key a text (a string or bytes) is escaped and marks its own end: the byte 0x00
// becomes 0x00 0xff, and 0x00 0x01 is the end. The end sorts below everything that could continue
// the text, including an escaped 0x00, so a text sorts before all longer texts that begin with it.
const (
	textMark = 0x00 // what follows is one of:
	textEnd  = 0x01
	textZero = 0xff
)

func appendText(dst, text []byte) []byte {
	if bytes.IndexByte(text, textMark) >= 0 {
		return append(appendTextPrefix(dst, text), textMark, textEnd)
	}
	return append(append(dst, text...), textMark, textEnd)
}

// appendTextPrefix appends the bytes that the encodings of text, and of all texts that start with
// it, have in common.
func appendTextPrefix(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, 0)
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), textMark, textZero)
		text = text[i+1:]
	}
}

// textRange is the range of all texts that start with prefix, which it keeps.
func textRange[T any](id string, prefix []byte) core.KeyRange[T] {
	s := beginning(prefix, nil)
	if bytes.IndexByte(prefix, 0) >= 0 { // else both encodings begin with the same
		s.part = beginning(appendTextPrefix(nil, prefix), nil).part
	}
	return made[T](id, true, s)
}

// takeText splits a text off b. If nothing was escaped, the text is a part of b; otherwise it is a
// copy.
func takeText(id string, b []byte) (text []byte, copied bool, rest []byte, err error) {
	for {
		i := bytes.IndexByte(b, textMark)
		if i < 0 || i+1 == len(b) {
			return nil, false, nil, corrupt(id, "has no end")
		}
		switch b[i+1] {
		case textEnd:
			if !copied {
				return b[:i:i], false, b[i+2:], nil
			}
			return append(text, b[:i]...), true, b[i+2:], nil
		case textZero:
			text, copied = append(text, b[:i+1]...), true
			b = b[i+2:]
		default:
			return nil, false, nil, corrupt(id, "has 0x00 before %#x, want 0xff or 0x01", b[i+1])
		}
	}
}

// bytesOfString returns the bytes of s, which must not be changed.
func bytesOfString(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// stringOfBytes returns a string that refers to b.
func stringOfBytes(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
