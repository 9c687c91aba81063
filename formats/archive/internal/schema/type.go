// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import "strconv"

// Kind is the kind of a type.
type Kind uint8

// The kinds of types. Those from Bool to Duration are scalars.
const (
	Invalid Kind = iota
	Bool
	Int8
	Int16
	Int32
	Int64
	Int
	Uint8
	Uint16
	Uint32
	Uint64
	Uint
	Float32
	Float64
	Complex64
	Complex128
	Time     // seconds since the year 1 and nanoseconds, UTC
	Duration // nanoseconds
	String
	Bytes
	Binary   // what a type that encodes itself makes of a value
	Optional // of a scalar, string or binary
	Struct   // a reference to a struct
	Pointer  // one that may be nil
	Fixed    // a struct in place
	Oneof    // a tag and a reference
	Slice
	Array
	Map
)

var kindNames = [...]string{
	Bool: "bool", Int8: "int8", Int16: "int16", Int32: "int32", Int64: "int64", Int: "int",
	Uint8: "uint8", Uint16: "uint16", Uint32: "uint32", Uint64: "uint64", Uint: "uint",
	Float32: "float32", Float64: "float64", Complex64: "complex64", Complex128: "complex128",
	Time: "time", Duration: "duration", String: "string", Bytes: "bytes",
}

// kindNamed returns the kind of a type that is one word, or Invalid for other words.
func kindNamed(word string) Kind {
	for k, name := range kindNames {
		if name == word && name != "" {
			return Kind(k)
		}
	}
	return Invalid
}

// IsWord reports whether a name already means a type, so that no struct may have it.
func IsWord(name string) bool { return kindNamed(name) != Invalid }

// Scalar reports whether values have one size and refer to nothing.
func (k Kind) Scalar() bool { return k >= Bool && k <= Duration }

// scalarSize returns the size of a scalar, or 0 for other kinds.
func (k Kind) scalarSize() int {
	switch k {
	case Bool, Int8, Uint8:
		return 1
	case Int16, Uint16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	case Int64, Uint64, Int, Uint, Float64, Complex64, Duration:
		return 8
	case Time:
		return 12
	case Complex128:
		return 16
	}
	return 0
}

// Type is the type of a field, key or element.
type Type struct {
	Kind Kind
	Name string // of the definition; of a Binary: its type in Go
	Len  int    // of an Array
	Key  *Type  // of a Map
	Elem *Type  // of a Map, Slice, Array or Optional
}

// Refers reports whether the type is made of a definition.
func (t *Type) Refers() bool {
	switch t.Kind {
	case Struct, Pointer, Fixed, Oneof:
		return true
	}
	return false
}

// Walk calls fn for the type and all types in it.
func (t *Type) Walk(fn func(*Type)) {
	fn(t)
	if t.Key != nil {
		t.Key.Walk(fn)
	}
	if t.Elem != nil {
		t.Elem.Walk(fn)
	}
}

// String returns the type as it is written in schemas.
func (t *Type) String() string {
	switch t.Kind {
	case Binary:
		return "binary(" + t.Name + ")"
	case Optional:
		return "?" + t.Elem.String()
	case Struct:
		return t.Name
	case Pointer:
		return "*" + t.Name
	case Fixed:
		return "fixed(" + t.Name + ")"
	case Oneof:
		return "oneof(" + t.Name + ")"
	case Slice:
		return "[]" + t.Elem.String()
	case Array:
		return "[" + strconv.Itoa(t.Len) + "]" + t.Elem.String()
	case Map:
		return "map[" + t.Key.String() + "]" + t.Elem.String()
	}
	return kindNames[t.Kind]
}

// Size returns the number of bytes that a value takes in a fixed part, or a number above
// MaxFixed if it takes too many.
func (s *Schema) Size(t *Type) int {
	switch t.Kind {
	case String, Bytes, Binary, Slice, Map:
		return 8
	case Struct, Pointer:
		return 4
	case Oneof:
		return 6
	case Optional:
		if n := t.Elem.Kind.scalarSize(); n > 0 {
			return 1 + n
		}
		return 8
	case Fixed:
		if d := s.Def(t.Name); d != nil {
			return d.Size()
		}
		return 0
	case Array:
		return min(t.Len, MaxFixed+1) * min(s.Size(t.Elem), MaxFixed+1)
	}
	return t.Kind.scalarSize()
}
