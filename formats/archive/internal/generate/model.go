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

// typ is a type that can be archived, as it is in Go and in the schema.
type typ struct {
	schema *schema.Type
	code   string // the type in Go
	// the basic Go type that it is made of; code differs from it if the type has a name
	plain     string
	name      string // the form of its name that other names are made of
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
	fields []*field // the live ones, in the order of their places
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

// The following functions make names and expressions from other ones.

func (t *typ) kind() schema.Kind { return t.schema.Kind }

// exported makes a name begin with a capital letter.
func exported(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(r)) + name[n:]
}

// converted converts an expression of the plain type to type t.
func (t *typ) converted(expr string) string {
	if t.code == t.plain {
		return expr
	}
	return t.code + "(" + expr + ")"
}

// asPlain converts an expression of type t to the plain type.
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

// place is an offset: a base, which may be an expression, plus a number of bytes.
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

// element returns the place of an element of some size.
func (p place) element(i string, size int) place {
	if size != 1 {
		i = fmt.Sprintf("%s*%d", i, size)
	}
	if p.base == "" && p.n == 0 {
		return place{i, 0}
	}
	return place{strings.TrimSuffix(p.String(), "+0") + "+" + i, 0}
}
