// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import "github.com/guardkv/guardkv/core"

// Null is a key that may be null, like [database/sql.Null]. If Valid is false, V does not
// matter: all such keys are the same key, null, which is decoded with a zero V.
type Null[T any] struct {
	V     T
	Valid bool
}

// OptionalFormat is the format of keys that may be null. [Optional] makes it.
type OptionalFormat[T any] struct {
	part Part[T]
	id   string
}

var (
	_ Part[Null[string]]          = OptionalFormat[string]{}
	_ Owner                       = OptionalFormat[string]{}
	_ core.KeyChecker             = OptionalFormat[string]{}
	_ core.Prefixer[Null[string]] = OptionalFormat[string]{}
	_ PartPrefixer[Null[string]]  = OptionalFormat[string]{}
)

// Optional is the format of keys of part or null. Null sorts first; under [Desc] it sorts last.
func Optional[T any](part Part[T]) OptionalFormat[T] {
	need("Optional", "only", part)
	return OptionalFormat[T]{part, composite("optional", part.ID())}
}

const (
	optionalNull  = 0x00
	optionalValue = 0x01 // the value follows
)

// Key returns the key that holds v. It is not null.
func (f OptionalFormat[T]) Key(v T) Null[T] { return Null[T]{v, true} }

// ID is optional(part).
func (f OptionalFormat[T]) ID() string { return f.id }

// Ordered is true if part is ordered, as all formats of this package are.
func (f OptionalFormat[T]) Ordered() bool { return f.part.Ordered() }

// Owned implements [Owner].
func (f OptionalFormat[T]) Owned() bool { return isOwned(f.part) }

// CheckKey returns why part cannot be a key, if it knows.
func (f OptionalFormat[T]) CheckKey() error { return checkPart(f.part) }

// Append appends a mark and, unless k is null, the value as it would stand alone. The arguments may
// be reused when the call returns.
func (f OptionalFormat[T]) Append(dst []byte, k Null[T]) ([]byte, error) {
	if !k.Valid {
		return append(dst, optionalNull), nil
	}
	return f.part.Append(append(dst, optionalValue), k.V)
}

// AppendPart appends a mark and, unless k is null, the value as a part. The arguments may be reused
// when the call returns.
func (f OptionalFormat[T]) AppendPart(dst []byte, k Null[T]) ([]byte, error) {
	if !k.Valid {
		return append(dst, optionalNull), nil
	}
	return f.part.AppendPart(append(dst, optionalValue), k.V)
}

// AppendPartPrefix appends a mark and, unless k is null, the bytes that begin the parts of all
// values that start with k's.
func (f OptionalFormat[T]) AppendPartPrefix(dst []byte, k Null[T]) ([]byte, error) {
	if !k.Valid {
		return append(dst, optionalNull), nil
	}
	return appendPartPrefix(append(dst, optionalValue), f.part, k.V)
}

// Prefix is the range of all keys whose value starts with that of k, if part has prefixes. If k is
// null, it is the range of null alone.
func (f OptionalFormat[T]) Prefix(k Null[T]) core.KeyRange[Null[T]] {
	if !k.Valid {
		return f.made(beginning([]byte{optionalNull}, nil))
	}
	return f.made(prefixOf(f.part, k.V).behind([]byte{optionalValue}, nil))
}

// Range is the range of all keys whose value is in r, a range that part made. Null is not in it.
func (f OptionalFormat[T]) Range(r core.KeyRange[T]) core.KeyRange[Null[T]] {
	return f.made(spanOf(r, f.part.ID()).behind([]byte{optionalValue}, nil))
}

func (f OptionalFormat[T]) made(s span) core.KeyRange[Null[T]] {
	return made[Null[T]](f.id, f.Ordered(), s)
}

// Decode decodes what Append appended, and nothing else. The key refers to b only if part is a
// view.
func (f OptionalFormat[T]) Decode(b []byte) (Null[T], error) {
	valid, b, err := f.takeMark(b)
	if err != nil {
		return Null[T]{}, err
	}
	if !valid && len(b) > 0 {
		return Null[T]{}, corrupt(f.id, "is null and has %d bytes too many", len(b))
	}
	if !valid {
		return Null[T]{}, nil
	}
	v, err := f.part.Decode(b)
	if err != nil {
		return Null[T]{}, err
	}
	return Null[T]{v, true}, nil
}

// TakePart takes what AppendPart appended, and nothing else. The key refers to b only if part is a
// view.
func (f OptionalFormat[T]) TakePart(b []byte) (k Null[T], rest []byte, err error) {
	valid, b, err := f.takeMark(b)
	if err != nil || !valid {
		return Null[T]{}, b, err
	}
	v, rest, err := f.part.TakePart(b)
	if err != nil {
		return Null[T]{}, nil, err
	}
	return Null[T]{v, true}, rest, nil
}

func (f OptionalFormat[T]) takeMark(b []byte) (valid bool, rest []byte, err error) {
	switch {
	case len(b) == 0:
		return false, nil, corrupt(f.id, "is empty, want at least a byte")
	case b[0] > optionalValue:
		return false, nil, corrupt(f.id, "begins with %#x, want 0 or 1", b[0])
	default:
		return b[0] == optionalValue, b[1:], nil
	}
}
