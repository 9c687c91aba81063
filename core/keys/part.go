// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// Part is a key format that can also be a component of a composite key. Every format of this
// package is one; an outside format that implements it composes with them. It is safe for
// concurrent use.
//
// If the ranges of a part should also work inside composites, the part gives them bounds there
// with [core.KeyRange.WithPart].
//
// A part has two encodings. The standalone one, of Append and Decode, fills the whole key. The part
// encoding, of AppendPart and TakePart, is followed by other components, so it must mark its own
// end: no part encoding is a prefix of another. Both are in the order of K, and no key has two
// encodings.
type Part[K any] interface {
	core.KeyFormat[K]

	// AppendPart appends the part encoding of k to dst. The arguments may be reused when the call
	// returns.
	AppendPart(dst []byte, k K) ([]byte, error)

	// TakePart decodes the part encoding at the start of b and returns the rest of b. It never
	// panics. The key does not refer to b, unless the format's own doc says so.
	TakePart(b []byte) (k K, rest []byte, err error)
}

// The optional powers of a Part.
type (
	// PartPrefixer is a part whose keys have prefixes, as strings have. FirstPrefix uses it.
	PartPrefixer[K any] interface {
		// AppendPartPrefix appends the bytes that the part encodings of all keys that start with k
		// begin with, and no others. The arguments may be reused when the call returns.
		AppendPartPrefix(dst []byte, k K) ([]byte, error)
	}
	// Owner is a part that knows whether its decoded keys never refer to the bytes that they were
	// decoded from. If they never do, [Desc] decodes without an allocation of its own.
	Owner interface {
		Owned() bool
	}
)

// owned is embedded in the formats that are ordered and whose decoded keys own their memory.
type owned struct{}

func (owned) Ordered() bool { return true }
func (owned) Owned() bool   { return true }

func isOwned[K any](p Part[K]) bool {
	o, ok := p.(Owner)
	return ok && o.Owned()
}

// checkPart returns why K cannot be a key, if p knows.
func checkPart[K any](p Part[K]) error {
	if c, ok := p.(core.KeyChecker); ok {
		return c.CheckKey()
	}
	return nil
}

func appendPartPrefix[K any](dst []byte, p Part[K], k K) ([]byte, error) {
	if q, ok := p.(PartPrefixer[K]); ok {
		return q.AppendPartPrefix(dst, k)
	}
	return nil, noPrefix(p.ID())
}

func noPrefix(id string) error {
	return fmt.Errorf("%s keys have no prefixes, use a range from one key to another: %w", id,
		errors.ErrUnsupported)
}

// cut splits the first n bytes off b.
func cut(id string, b []byte, n int) (head, rest []byte, err error) {
	if len(b) < n {
		return nil, nil, corrupt(id, "has %d bytes, want %d", len(b), n)
	}
	return b[:n], b[n:], nil
}

// exactly is nil if b has n bytes.
func exactly(id string, b []byte, n int) error {
	if len(b) != n {
		return corrupt(id, "has %d bytes, want %d", len(b), n)
	}
	return nil
}

func corrupt(id, format string, args ...any) error {
	return fmt.Errorf("%w: %s key %s", core.ErrCorrupt, id, fmt.Sprintf(format, args...))
}

// need panics if a format is made of a nil part: its first use would panic too, but would not
// say why.
func need[K any](maker, which string, part Part[K]) {
	if part == nil {
		panic("keys." + maker + ": the " + which + " part is nil")
	}
}
