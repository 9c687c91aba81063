// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package shape is for formats that store the names of fields in every value, as JSON and CBOR
// do. It records with a table what its values look like. Reading such a value into another type
// is no error: a field that was renamed reads as zero, and is zero when the row is put back.
// The record shows that a field may have been renamed, and [Bind] asks.
//
// A format makes a [Type] of its Go type, following the rules by which it stores values, and
// calls [Bind] in its Bind. The record is a list of all types that ever opened the table to
// write, the newest last. A type that is in the list opens the table: programs of several
// versions may take turns. A new type is compared with the list:
//   - A field may be added, and removed.
//   - A field that is gone while another one of the same type is new is a question: renamed, or
//     removed? Renamed fields keep their stored name by a tag; for a removed one the program has to
//     say so, by an option of the format.
//   - A field that has another type is a question too, even if it was removed in between. Integers
//     of all sizes are one type, floats are one type, and a pointer is the type that it points to.
//     An interface, or a type that encodes itself, does not say what it holds, and fits everything.
//   - The length of an array, and the order of a struct that is stored as a list, stay as they are.
//
// [Bind] asks by returning [core.ErrFormatMismatch]; the error names the field and both sides.
// Names of types do not matter.
package shape

// Type says how the values of a Go type are stored.
type Type struct {
	Kind   Kind    // which the fields below belong to
	Name   string  // of the Go type, for people
	Len    int     // of Array and ByteArray
	Key    *Type   // of Map
	Elem   *Type   // of List, Array and Map
	Fields []Field // of Struct, in any order, and of Tuple, in their order
}

// Field is a field of a Struct or Tuple.
type Field struct {
	Name string // under which it is stored; in a Tuple it is for people
	Go   string // its name in Go, if that is another one; for people
	Type *Type  // how its values are stored
}

// Kind is a kind of [Type].
type Kind uint8

// The kinds of types.
const (
	Any Kind = iota // anything: interfaces, raw messages, types that encode themselves
	Bool
	Int   // integers of any size
	Float // of any size
	String
	Time
	Bytes
	ByteArray // bytes of a length that the type says
	List
	Array // a list of a length that the type says
	Map
	Struct
	Tuple // a struct that is stored as a list: fields are known by their place
)

// leaves are the names of the kinds that are not made of others.
var leaves = map[string]Kind{
	"any": Any, "bool": Bool, "int": Int, "float": Float, "string": String, "time": Time,
	"bytes": Bytes,
}

var leafNames = map[Kind]string{
	Any: "any", Bool: "bool", Int: "int", Float: "float", String: "string", Time: "time",
	Bytes: "bytes",
}

// node reports whether the type is written once and then referred to by its number.
func (t *Type) node() bool { return t.Kind == Struct || t.Kind == Tuple }

// vague reports whether values of the type may have fields of any name and type.
func (t *Type) vague() bool {
	switch t.Kind {
	case Any:
		return true
	case Map, List:
		return t.Elem.Kind == Any
	}
	return false
}
