// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package shape_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/shape"
)

type (
	typ   = shape.Type
	field = shape.Field
)

var (
	anything = &typ{Kind: shape.Any}
	boolean  = &typ{Kind: shape.Bool}
	integer  = &typ{Kind: shape.Int}
	float    = &typ{Kind: shape.Float}
	text     = &typ{Kind: shape.String}
	raw      = &typ{Kind: shape.Bytes}
)

func list(elem *typ) *typ         { return &typ{Kind: shape.List, Elem: elem} }
func array(n int, elem *typ) *typ { return &typ{Kind: shape.Array, Len: n, Elem: elem} }
func mapOf(key, elem *typ) *typ   { return &typ{Kind: shape.Map, Key: key, Elem: elem} }
func structOf(f ...field) *typ    { return &typ{Kind: shape.Struct, Name: "main.T", Fields: f} }
func tuple(f ...field) *typ       { return &typ{Kind: shape.Tuple, Fields: f} }
func one(name string, t *typ) *typ {
	return structOf(field{Name: name, Type: t})
}

// tree contains itself, and more than once.
func tree(leaf string) *typ {
	t := structOf(field{Name: leaf, Type: text})
	t.Fields = append(t.Fields, field{Name: "Left", Type: t},
		field{Name: "More", Type: mapOf(text, list(t))})
	return t
}

// forest contains itself without a struct.
func forest() *typ {
	t := list(nil)
	t.Elem = mapOf(text, t)
	return t
}

func keep(name string) string { return fmt.Sprintf("with the tag x:%q", name) }

func options(o shape.Options) shape.Options {
	o.Keep = keep
	return o
}

// history binds one type after the other.
func history(t *testing.T, types ...*typ) []byte {
	t.Helper()
	var meta []byte
	for i, typ := range types {
		var err error
		if meta, err = shape.Bind(meta, typ, options(shape.Options{})); err != nil {
			t.Fatalf("version %d: %v", i+1, err)
		}
	}
	return meta
}

// What each change of a type counts as, and after which other changes. This package exists to
// prevent that a zero is read in place of what is stored.
func TestBind(t *testing.T) {
	a, b, c := field{Name: "A", Type: text}, field{Name: "B", Type: text}, field{
		Name: "C",
		Type: integer,
	}
	removed := func(names ...string) shape.Options { return shape.Options{Removed: names} }
	retyped := func(names ...string) shape.Options { return shape.Options{Retyped: names} }
	none := shape.Options{}
	tests := []struct {
		name string
		old  []*typ
		now  *typ
		o    shape.Options
		want string // "" if it opens the table
	}{
		{"nothing recorded", nil, structOf(a), none, ""},
		{"the same", []*typ{structOf(a, c)}, structOf(c, a), none, ""},
		{"added", []*typ{structOf(a)}, structOf(a, b), none, ""},
		{"removed", []*typ{structOf(a, b)}, structOf(a), none, ""},
		{
			"renamed",
			[]*typ{structOf(a, c)},
			structOf(b, c), none,
			`the field A (string) is stored and not in this program, which has B instead`,
		},
		{"the tag is named", []*typ{structOf(a)}, structOf(b), none, `with the tag x:"A"`},
		{"the option is named", []*typ{structOf(a)}, structOf(b), none, `WithRemoved("A")`},
		{"answered", []*typ{structOf(a, c)}, structOf(b, c), removed("A"), ""},
		{
			"answered for another",
			[]*typ{structOf(a, c)},
			structOf(b, c), removed("B"),
			"WithRemoved names B, which the type has",
		},
		{"another type is new", []*typ{structOf(a)}, structOf(c), none, ""},
		{
			"removed before the other was added",
			[]*typ{structOf(a, c), structOf(c)},
			structOf(b, c), none, "",
		},
		{
			"an older program in between",
			[]*typ{structOf(a), structOf(a, b), structOf(a)},
			structOf(a, field{Name: "D", Type: text}), none, "the field B",
		},
		{
			"back to an older program",
			[]*typ{structOf(a, b), structOf(b), structOf(b, c)},
			structOf(a, b), none, "",
		},
		{
			"retyped",
			[]*typ{structOf(a)},
			one("A", integer), none,
			`the field A is stored as string, and is int in this program`,
		},
		{"retyped on purpose", []*typ{structOf(a)}, one("A", integer), retyped("A"), ""},
		{
			"retyped when it was gone",
			[]*typ{structOf(a, c), structOf(c)},
			structOf(field{Name: "A", Type: integer}, c), none, `the field A is stored as string`,
		},
		{
			"int to float",
			[]*typ{one("A", integer)},
			one("A", float), none, `stored as int, and is float`,
		},
		{
			"bytes to string",
			[]*typ{one("A", raw)},
			one("A", text), none, `stored as bytes, and is string`,
		},
		{"anything to int", []*typ{one("A", anything)}, one("A", integer), none, ""},
		{"int to anything", []*typ{one("A", integer)}, one("A", anything), none, ""},
		{
			"int to anything to string",
			[]*typ{one("A", integer), one("A", anything)},
			one("A", text),
			none, `stored as int, and is string`,
		},
		{
			"list to array",
			[]*typ{one("A", list(text))},
			one("A", array(2, text)), none,
			`stored as []string, and is [2]string`,
		},
		{
			"longer array",
			[]*typ{one("A", array(2, text))},
			one("A", array(3, text)), none,
			`stored as [2]string, and is [3]string`,
		},
		{
			"elements",
			[]*typ{one("A", list(one("B", text)))},
			one("A", list(one("B", integer))),
			none, `the field A[].B is stored as string`,
		},
		{
			"keys",
			[]*typ{one("A", mapOf(text, text))},
			one("A", mapOf(integer, text)), none,
			`the field A[key] is stored as string`,
		},
		{
			"renamed inside",
			[]*typ{one("A", mapOf(text, structOf(a)))},
			one("A", mapOf(text, structOf(b))), none, `WithRemoved("A[].A")`,
		},
		{
			"answered inside",
			[]*typ{one("A", mapOf(text, structOf(a)))},
			one("A", mapOf(text, structOf(b))), removed("A[].A"), "",
		},
		{
			"a list is renamed",
			[]*typ{one("A", list(text))},
			one("B", list(text)), none, `the field A ([]string)`,
		},
		{"another list is new", []*typ{one("A", list(text))}, one("B", list(integer)), none, ""},
		{"two questions", []*typ{structOf(a, c)}, structOf(field{Name: "A", Type: boolean},
			field{Name: "D", Type: integer}), none, "the field C"},
		{
			"struct to map",
			[]*typ{structOf(a)},
			mapOf(text, text), none,
			`the value is stored as main.T, and is map[string]string`,
		},
		{
			"map to struct",
			[]*typ{mapOf(text, text)},
			structOf(a), none,
			`the value is stored as map[string]string`,
		},
		{"to a map of anything", []*typ{structOf(a)}, mapOf(text, anything), none, ""},
		{"recursive", []*typ{tree("A")}, tree("B"), none, `WithRemoved("A")`},
		{"recursive, added", []*typ{tree("A")}, func() *typ {
			t := tree("A")
			t.Fields = append(t.Fields, b)
			return t
		}(), none, ""},
		{
			"forest",
			[]*typ{forest()},
			list(mapOf(text, list(mapOf(text, list(text))))), none,
			`is stored as`,
		},
		{"in order, renamed", []*typ{tuple(a, c)}, tuple(b, c), none, ""},
		{
			"in order, swapped",
			[]*typ{tuple(a, b)},
			tuple(b, a), none,
			`the field A is stored in place 1 of a list, and is in place 2`,
		},
		{
			"in order, added",
			[]*typ{tuple(a)},
			tuple(a, b), none,
			`the value is stored as a list of 1 fields, and has 2`,
		},
		{
			"in order, retyped",
			[]*typ{tuple(a)},
			tuple(field{Name: "A", Type: integer}), none,
			`the field A is stored as string`,
		},
		{"case", []*typ{one("name", text)}, one("Name", text), none, "the field name"},
		{
			"case is the same",
			[]*typ{one("name", text)},
			one("Name", text),
			shape.Options{FoldCase: true},
			"",
		},
		{"numbers", []*typ{one("1", text)}, one("2", text), none, `WithRemoved("1")`},
		{
			"Go names of numbers",
			[]*typ{structOf(field{Name: "1", Go: "A", Type: text})},
			structOf(field{Name: "1", Go: "B", Type: text}), none, "",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stored := history(t, test.old...)
			meta, err := shape.Bind(stored, test.now, options(test.o))
			if test.want == "" {
				if err != nil {
					t.Fatalf("it is refused: %v", err)
				}
				again, err := shape.Bind(meta, test.now, options(shape.Options{}))
				if err != nil || !bytes.Equal(again, meta) {
					t.Errorf("the second time it is recorded as %q, not %q, %v", again, meta, err)
				}
				for i, old := range test.old {
					if _, err := shape.Bind(meta, old, options(shape.Options{})); err != nil {
						t.Errorf("then version %d is refused: %v", i+1, err)
					}
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want one with %q", err, test.want)
			}
			if !errors.Is(err, core.ErrFormatMismatch) && !strings.HasPrefix(test.want,
				"WithRemoved names") {
				t.Errorf("the error is no ErrFormatMismatch: %v", err)
			}
		})
	}
}

// A tool that opens a table as any type must not be taken for the newest version of the program.
func TestVagueTypesAreNotRecorded(t *testing.T) {
	stored := history(t, one("A", text))
	for _, now := range []*typ{anything, mapOf(text, anything), list(anything)} {
		if meta, err := shape.Bind(nil, now, options(shape.Options{})); meta != nil || err != nil {
			t.Errorf("%v is recorded as %q, %v", now, meta, err)
		}
		if meta, err := shape.Bind(stored, now, options(shape.Options{})); !bytes.Equal(meta,
			stored) || err != nil {
			t.Errorf("%v makes it %q, %v", now, meta, err)
		}
	}
}

// What is recorded is in files: these bytes never change.
func TestGoldenBytes(t *testing.T) {
	address := structOf(field{Name: "Street", Type: text})
	address.Name = "main.Address"
	user := structOf(
		field{Name: "2", Go: "Since", Type: &typ{Kind: shape.Time}},
		field{Name: "10", Go: "Homes", Type: list(address)},
		field{Name: "1", Go: "Name", Type: text},
		field{Name: "Hash", Type: &typ{Kind: shape.ByteArray, Len: 32}},
		field{
			Name: "Point",
			Type: tuple(field{Name: "Y", Type: float}, field{Name: "X", Type: float}),
		},
		field{Name: "Nested", Type: mapOf(mapOf(integer, raw), array(3, boolean))},
		field{Name: "Trees", Type: forest()},
	)
	for _, test := range []struct {
		t    *typ
		want string
	}{
		{integer, `[[{"is":"int"}]]`},
		{one("A", anything), `[[{"name":"main.T","fields":[["A","any"]]}]]`},
		{
			tree("A"),
			`[[{"name":"main.T","fields":[["A","string"],["Left","#0"],["More","map[string][]#0"]]}]]`,
		},
		{forest(), `[[{"is":"[]map[string]#0"}]]`},
		{
			user,
			`[[{"name":"main.T","fields":[["1","string","Name"],["2","time","Since"],["10","[]#1","Homes"],["Hash","bytes(32)"],` +
				`["Nested","map[map[int]bytes][3]bool"],["Point","#2"],["Trees","#3"]]},` +
				`{"name":"main.Address","fields":[["Street","string"]]},{"tuple":true,"fields":[["Y","float"],["X","float"]]},{"is":"[]map[string]#3"}]]`,
		},
	} {
		meta, err := shape.Bind(nil, test.t, options(shape.Options{}))
		if want := "shape/1\n" + test.want; string(meta) != want || err != nil {
			t.Errorf("it is recorded as\n%s, %v, want\n%s", meta, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	address := structOf(field{Name: "Street", Type: text})
	address.Name = "main.Address"
	old := structOf(field{Name: "1", Go: "Name", Type: text}, field{Name: "Old", Type: text},
		field{Name: "Homes", Type: list(address)})
	moved := structOf(field{Name: "Street", Type: text}, field{Name: "Zip", Type: integer})
	moved.Name = "main.Address"
	now := structOf(field{Name: "1", Go: "Name", Type: text}, field{
		Name: "Homes",
		Type: list(moved),
	}, field{Name: "In", Type: tuple(field{Name: "X", Type: float})})
	for _, test := range []struct {
		versions []*typ
		want     string
	}{
		{nil, ""},
		{[]*typ{integer}, "int"},
		{[]*typ{forest()}, "[]map[string]#0"},
		{[]*typ{tree("A")}, "main.T {\n  A string\n  Left main.T\n  More map[string][]main.T\n}"},
		{[]*typ{old, now}, `main.T {
  1 (Name) string
  Homes []main.Address
  In #2
}
main.Address {
  Street string
  Zip int
}
#2 in order {
  X float
}
earlier: Old string`},
	} {
		got, err := shape.Words(history(t, test.versions...))
		if got != test.want || err != nil {
			t.Errorf("the words are\n%s\n%v, want\n%s", got, err, test.want)
		}
	}
}

func TestDamageIsFound(t *testing.T) {
	whole := string(history(t, one("A", text),
		structOf(field{Name: "A", Type: text}, field{Name: "B", Type: integer})))
	later := strings.Replace(whole, "shape/1", "shape/2", 1)
	for _, test := range []struct {
		stored string
		is     error
	}{
		{later, core.ErrFormatMismatch},
		{"", core.ErrCorrupt},
		{"gob/1\n", core.ErrCorrupt},
		{whole[:len(whole)-1], core.ErrCorrupt},
		{whole + " ", core.ErrCorrupt},
		{whole + "[]", core.ErrCorrupt},
		{strings.Replace(whole, `"fields"`, `"unknown"`, 1), core.ErrCorrupt},
		{strings.Replace(whole, `"string"`, `"strin"`, 1), core.ErrCorrupt},
		{strings.Replace(whole, `"string"`, `"#1"`, 1), core.ErrCorrupt},
		{strings.Replace(whole, `"string"`, `"#-1"`, 1), core.ErrCorrupt},
		{strings.Replace(whole, `"string"`, `"[01]int"`, 1), core.ErrCorrupt},
		{
			strings.Replace(whole, `"string"`, `"`+strings.Repeat("[]", 1000)+`int"`, 1),
			core.ErrCorrupt,
		},
		{strings.Replace(whole, `"string"`, `"string","A"`, 1), core.ErrCorrupt},
		{strings.Replace(whole, `["B","int"]`, `["A","int"]`, 1), core.ErrCorrupt},
		{"shape/1\n[]", core.ErrCorrupt},
		{"shape/1\n[[]]", core.ErrCorrupt},
		{"shape/1\nnull", core.ErrCorrupt},
		{`shape/1` + "\n" + `[[{"is":"#0"}]]`, core.ErrCorrupt},
	} {
		if meta, err := shape.Bind([]byte(test.stored), one("A", text),
			options(shape.Options{})); !errors.Is(err, test.is) {
			t.Errorf("Bind(%.60q) = %q, %v; want %v", test.stored, meta, err, test.is)
		}
		if _, err := shape.Words([]byte(test.stored)); !errors.Is(err, test.is) {
			t.Errorf("Words(%.60q) returns %v; want %v", test.stored, err, test.is)
		}
	}
}

// A table outlives many versions of a program. The first ones are forgotten before the
// catalog's row grows too large.
func TestTheListOfTypesIsBounded(t *testing.T) {
	var meta []byte
	var now *typ
	last := "none"
	for i := range 300 {
		name := fmt.Sprintf("%s%d", strings.Repeat("x", 2000), i)
		now = structOf(field{Name: "A", Type: integer}, field{Name: name, Type: text})
		var err error
		if meta, err = shape.Bind(meta, now,
			options(shape.Options{Removed: []string{last}})); err != nil {
			t.Fatal(err)
		}
		last = name
	}
	if len(meta) > 256<<10 {
		t.Errorf("%d bytes are recorded", len(meta))
	}
	if again, err := shape.Bind(meta, now, options(shape.Options{})); !bytes.Equal(again,
		meta) || err != nil {
		t.Errorf("the last type is not recorded: %v", err)
	}
	huge := structOf(field{Name: strings.Repeat("x", 300<<10), Type: text})
	// not recorded
	if again, err := shape.Bind(meta, huge, options(shape.Options{})); !bytes.Equal(again,
		meta) || err != nil {
		t.Errorf("a huge type makes it %d bytes, %v", len(again), err)
	}
}

// random returns a type made of the nodes, which may contain each other in all ways.
func random(r *rand.Rand) *typ {
	nodes := make([]*typ, 1+r.IntN(6))
	for i := range nodes {
		nodes[i] = new(typ)
	}
	pick := func() *typ {
		if r.IntN(3) == 0 {
			return &typ{Kind: shape.Kind(r.IntN(int(shape.Bytes) + 1))}
		}
		return nodes[r.IntN(len(nodes))]
	}
	for _, n := range nodes {
		n.Kind = shape.ByteArray + shape.Kind(r.IntN(int(shape.Tuple-shape.ByteArray)+1))
		switch n.Kind {
		case shape.ByteArray:
			n.Len = r.IntN(9)
		case shape.Array:
			n.Len = r.IntN(9)
			n.Elem = pick()
		case shape.Map:
			n.Key, n.Elem = pick(), pick()
		case shape.List:
			n.Elem = pick()
		default:
			for i := range r.IntN(4) {
				n.Fields = append(n.Fields, field{Name: fmt.Sprint("F", i), Type: pick()})
			}
		}
	}
	return nodes[0]
}

// What was recorded must be read again, whatever the type is: a table whose metadata is refused
// cannot be opened.
func TestWhatIsRecordedIsReadAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		now := random(r)
		meta, err := shape.Bind(nil, now, options(shape.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		again, err := shape.Bind(meta, now, options(shape.Options{}))
		if err != nil || !bytes.Equal(again, meta) {
			t.Fatalf("%q is read as %q, %v", meta, again, err)
		}
		if _, err := shape.Bind(meta, random(r),
			options(shape.Options{})); err != nil && !errors.Is(err, core.ErrFormatMismatch) {
			t.Fatalf("%q: %v", meta, err)
		}
	}
}

func FuzzBind(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		meta, err := shape.Bind(nil, random(r), options(shape.Options{}))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(meta, uint64(7))
	}
	f.Add([]byte("shape/1\n"+`[[{"is":"map[#0]#0"}]]`), uint64(1))
	f.Fuzz(func(t *testing.T, stored []byte, seed uint64) {
		if stored == nil {
			return
		}
		if _, err := shape.Words(stored); err != nil {
			return
		}
		now := random(rand.New(rand.NewPCG(seed, seed)))
		meta, err := shape.Bind(stored, now, options(shape.Options{}))
		if err != nil {
			return
		}
		if again, err := shape.Bind(meta, now,
			options(shape.Options{})); err != nil || !bytes.Equal(again, meta) {
			t.Errorf("%q is recorded and then %q, %v", meta, again, err)
		}
	})
}
