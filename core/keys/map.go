// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// MapFormat is the format of keys that are stored as those of another format. [Map] makes it.
type MapFormat[K, P any] struct {
	mapping[K, P]
	name string
}

// mapping stores k as to(k), a key of part.
type mapping[K, P any] struct {
	id   string
	part Part[P]
	to   func(K) (P, error)
	from func(P) (K, error)
}

var (
	_ Part[int]          = MapFormat[int, string]{}
	_ Owner              = MapFormat[int, string]{}
	_ core.KeyChecker    = MapFormat[int, string]{}
	_ core.Prefixer[int] = MapFormat[int, string]{}
	_ PartPrefixer[int]  = MapFormat[int, string]{}
)

// Map is the format of a type of your own, such as a struct, whose keys are stored as those of part
// and sorted in their order. to returns what is stored for a key. from must undo to, and fail for
// anything that to never returns. The call that got a key returns the error of to; an error of from
// means that the stored bytes are not a key, and becomes [core.ErrCorrupt]. Both functions may be
// called concurrently.
//
// name distinguishes formats that store different things as the same part. It is part of the ID and
// so of the table, and consists of ASCII letters, digits, and the signs . _ - /
func Map[K, P any](
	name string, part Part[P], to func(K) (P, error), from func(P) (K, error),
) MapFormat[K, P] {
	need("Map", "only", part)
	return MapFormat[K, P]{mapping[K, P]{composite("map", name, part.ID()), part, to, from}, name}
}

// CheckKey returns why the format cannot be used: because of the arguments of [Map], or of part.
func (f MapFormat[K, P]) CheckKey() error {
	switch {
	case f.name == "" || strings.ContainsFunc(f.name, notInName):
		return fmt.Errorf("the name %q of a key format must consist of letters, digits, and . _ - /",
			f.name)
	case f.to == nil || f.from == nil:
		return errors.New("keys.Map needs both functions, to and from")
	}
	return checkPart(f.part)
}

func notInName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("._-/", r)
}

// Range is the range of all keys that are stored as keys in r, a range that part made. If the part
// of f is a [Pair] named pair, f.Range(pair.First(x)) has the keys that are stored with the first
// component x.
func (f MapFormat[K, P]) Range(r core.KeyRange[P]) core.KeyRange[K] {
	return made[K](f.id, f.Ordered(), spanOf(r, f.part.ID()))
}

// ID is map(name,part).
func (f mapping[K, P]) ID() string { return f.id }

// Ordered is true if part is ordered, as all formats of this package are.
func (f mapping[K, P]) Ordered() bool { return f.part.Ordered() }

// Owned implements [Owner].
func (f mapping[K, P]) Owned() bool { return isOwned(f.part) }

// Append appends what k is mapped to as it would stand alone.
func (f mapping[K, P]) Append(dst []byte, k K) ([]byte, error) {
	p, err := f.store(k)
	if err != nil {
		return nil, err
	}
	return f.part.Append(dst, p)
}

// AppendPart appends what k is mapped to as a part.
func (f mapping[K, P]) AppendPart(dst []byte, k K) ([]byte, error) {
	p, err := f.store(k)
	if err != nil {
		return nil, err
	}
	return f.part.AppendPart(dst, p)
}

// AppendPartPrefix appends the bytes that begin all parts that start with what k is mapped to.
func (f mapping[K, P]) AppendPartPrefix(dst []byte, k K) ([]byte, error) {
	p, err := f.store(k)
	if err != nil {
		return nil, err
	}
	return appendPartPrefix(dst, f.part, p)
}

// Prefix is the range of all keys that are stored as those that start with what k is mapped to, if
// part has prefixes.
func (f mapping[K, P]) Prefix(k K) core.KeyRange[K] {
	p, err := f.store(k)
	if err != nil {
		return made[K](f.id, f.Ordered(), span{err: err})
	}
	return made[K](f.id, f.Ordered(), prefixOf(f.part, p))
}

// Decode decodes what Append appended, and nothing else. The key refers to b only if part is a
// view, and from keeps what it got.
func (f mapping[K, P]) Decode(b []byte) (k K, err error) {
	p, err := f.part.Decode(b)
	if err != nil {
		return k, fmt.Errorf("%s: %w", f.id, err)
	}
	return f.load(p)
}

// TakePart takes what AppendPart appended, and nothing else. The key refers to b only if part is a
// view, and from keeps what it got.
func (f mapping[K, P]) TakePart(b []byte) (k K, rest []byte, err error) {
	p, rest, err := f.part.TakePart(b)
	if err != nil {
		return k, nil, fmt.Errorf("%s: %w", f.id, err)
	}
	if k, err = f.load(p); err != nil {
		return k, nil, err
	}
	return k, rest, nil
}

func (f mapping[K, P]) store(k K) (p P, err error) {
	if p, err = f.to(k); err != nil {
		return p, fmt.Errorf("%s: %w", f.id, err)
	}
	return p, nil
}

func (f mapping[K, P]) load(p P) (K, error) {
	k, err := f.from(p)
	if err != nil {
		var none K
		return none, fmt.Errorf("%w: %s: %w", core.ErrCorrupt, f.id, err)
	}
	return k, nil
}
