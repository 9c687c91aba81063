// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

// Null is a key that may be absent, as in [database/sql.Null]. Where Valid is false, V does not matter: all such keys
// are the same key, null, which is decoded with a zero V.
type Null[T any] struct {
	V     T
	Valid bool
}

// Optional is the format of keys of part or null. Null sorts first; under [Desc] it sorts last.
func Optional[T any](part Part[T]) Part[Null[T]] {
	need("Optional", "only", part)
	return optional[T]{part}
}

type optional[T any] struct{ part Part[T] }

const (
	optionalNull  = 0x00
	optionalValue = 0x01 // the value follows
)

func (f optional[T]) ID() string    { return "optional(" + f.part.ID() + ")" }
func (f optional[T]) Ordered() bool { return f.part.Ordered() }
func (f optional[T]) Owned() bool   { return isOwned(f.part) }

func (f optional[T]) Append(dst []byte, k Null[T]) ([]byte, error) {
	if !k.Valid {
		return append(dst, optionalNull), nil
	}
	return f.part.Append(append(dst, optionalValue), k.V)
}

func (f optional[T]) AppendPart(dst []byte, k Null[T]) ([]byte, error) {
	if !k.Valid {
		return append(dst, optionalNull), nil
	}
	return f.part.AppendPart(append(dst, optionalValue), k.V)
}

func (f optional[T]) Decode(b []byte) (Null[T], error) {
	valid, b, err := f.takeMark(b)
	if err != nil {
		return Null[T]{}, err
	}
	if !valid && len(b) > 0 {
		return Null[T]{}, corrupt(f.ID(), "is null and has %d bytes too many", len(b))
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

func (f optional[T]) TakePart(b []byte) (k Null[T], rest []byte, err error) {
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

func (f optional[T]) takeMark(b []byte) (valid bool, rest []byte, err error) {
	switch {
	case len(b) == 0:
		return false, nil, corrupt(f.ID(), "is empty, want at least a byte")
	case b[0] > optionalValue:
		return false, nil, corrupt(f.ID(), "begins with %#x, want 0 or 1", b[0])
	default:
		return b[0] == optionalValue, b[1:], nil
	}
}
