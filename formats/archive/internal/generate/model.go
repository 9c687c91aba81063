// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"fmt"
	"go/types"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// typ is a type that can be archived, as Go and as its schema have it.
type typ struct {
	schema *schema.Type
	code   string // the type in Go
	// the basic type in Go that it is made of; code is another one if the type has a name
	plain     string
	name      string // what it is called in names that are made of it
	elem, key *typ
	def       *structType
	oneof     *oneofType
}

// structType is a struct that is archived.
type structType struct {
	name   string // in the schema
	code   string // in Go
	view   string
	encode string // the function that encodes it
	root   bool
	fields []*field // in the order of their places; those that are live
	def    *schema.Def
	named  *types.Named
	was    []string
}

// field is a field of a struct.
type field struct {
	name     string // in Go
	accessor string
	typ      *typ
	was      []string
	at       int
}

// oneofType is an interface whose types are listed.
type oneofType struct {
	name    string
	code    string
	view    string
	encode  string
	members []member
	def     *schema.Def
}

type member struct {
	def     *structType
	pointer bool
	tag     int
}

// names are what a name is that is made of others.

func (t *typ) kind() schema.Kind { return t.schema.Kind }

// exported makes a name begin with a capital letter.
func exported(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(r)) + name[n:]
}

// converted is an expression of the plain type as one of t.
func (t *typ) converted(expr string) string {
	if t.code == t.plain {
		return expr
	}
	return t.code + "(" + expr + ")"
}

// asPlain is an expression of type t as one of the plain type.
func (t *typ) asPlain(expr string) string {
	if t.code == t.plain {
		return expr
	}
	return t.plain + "(" + expr + ")"
}

// inline reports whether values lie in the fixed part and refer to nothing.
func (t *typ) inline() bool {
	switch t.kind() {
	case schema.Optional:
		return t.elem.kind().Scalar()
	case schema.Array:
		return t.elem.inline()
	}
	return t.kind().Scalar()
}

// number reports whether values are integers or floats.
func (t *typ) number() bool {
	switch t.kind() {
	case schema.Bool, schema.Complex64, schema.Complex128, schema.Time:
		return false
	}
	return t.kind().Scalar()
}

// place is an offset: a number of bytes behind what may be an expression.
type place struct {
	base string
	n    int
}

func at(n int) place { return place{"", n} }

func (p place) plus(n int) place { return place{p.base, p.n + n} }

func (p place) String() string {
	switch {
	case p.base == "":
		return fmt.Sprint(p.n)
	case p.n == 0:
		return p.base
	}
	return fmt.Sprintf("%s+%d", p.base, p.n)
}

// element is the place of an element of some size.
func (p place) element(i string, size int) place {
	if size != 1 {
		i = fmt.Sprintf("%s*%d", i, size)
	}
	if p.base == "" && p.n == 0 {
		return place{i, 0}
	}
	return place{strings.TrimSuffix(p.String(), "+0") + "+" + i, 0}
}
