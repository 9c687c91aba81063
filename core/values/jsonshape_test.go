// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/shape"
	"github.com/guardkv/guardkv/core/values"
)

// opened opens a table of people, and returns the error or what is recorded then, in words.
func opened[V any](
	t *testing.T, s *core.Storage, f core.ValueFormat[V, V],
) (*core.TableOf[string, V], string) {
	t.Helper()
	table, err := core.OpenTable(t.Context(), s, "people", keys.String(), f)
	if err != nil {
		if !errors.Is(err, core.ErrFormatMismatch) {
			t.Fatalf("the error is no ErrFormatMismatch: %v", err)
		}
		return nil, err.Error()
	}
	return table, recorded(t, s)
}

// recorded returns what is recorded of the only table.
func recorded(t *testing.T, s *core.Storage) string {
	t.Helper()
	infos, err := s.Tables(t.Context())
	if err != nil || len(infos) != 1 {
		t.Fatalf("there are the tables %v, %v", infos, err)
	}
	words, err := shape.Words(infos[0].Meta)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

func newStorage(t *testing.T) *core.Storage {
	t.Helper()
	s, err := core.Open(t.Context(), "people", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// older is the format as it was before it recorded anything.
type older[V any] struct{ core.ValueFormat[V, V] }

// A release renamed a field, and every row that was there read as if it had none: no error, and
// what was put back had lost it.
func TestARenamedFieldIsAQuestion(t *testing.T) {
	type was struct{ Name, City string }
	type renamed struct {
		FullName string
		City     string
	}
	type kept struct {
		FullName string `json:"Name"`
		City     string
	}
	s := newStorage(t)
	first, words := opened(t, s, values.JSON[was]())
	if want := "values_test.was {\n  City string\n  Name string\n}"; words != want {
		t.Errorf("what is recorded is\n%s\nwant\n%s", words, want)
	}
	if err := first.Put(t.Context(), "ann", was{"Ann", "Oslo"}); err != nil {
		t.Fatal(err)
	}
	_, got := opened(t, s, values.JSON[renamed]())
	for _, want := range []string{
		"the field Name (string)", "FullName",
		`json:"Name"`, `WithRemoved("Name")`, "values_test.renamed",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the error does not say %q: %s", want, got)
		}
	}
	second, got := opened(t, s, values.JSON[kept]())
	if second == nil {
		t.Fatal(got)
	}
	if v, err := second.Load(t.Context(), "ann"); v.FullName != "Ann" || err != nil {
		t.Errorf("with the tag it is %+v, %v", v, err)
	}
	third, got := opened(t, s, values.JSON[renamed](values.WithRemoved("Name")))
	if third == nil {
		t.Fatal(got)
	}
	if v, err := third.Load(t.Context(), "ann"); v != (renamed{City: "Oslo"}) || err != nil {
		t.Errorf("without the field it is %+v, %v", v, err)
	}
	for range 2 { // they may take turns now, and the question was answered once
		if _, got := opened(t, s, values.JSON[was]()); got != recorded(t, s) {
			t.Error(got)
		}
		if _, got := opened(t, s, values.JSON[renamed]()); got != recorded(t, s) {
			t.Error(got)
		}
	}
}

func TestARetypedFieldIsAQuestion(t *testing.T) {
	type was struct {
		Age   int `json:"age"`
		Since time.Time
	}
	type is struct {
		Age   string `json:"age"`
		Since time.Time
	}
	s := newStorage(t)
	opened(t, s, values.JSON[was]())
	_, got := opened(t, s, values.JSON[is]())
	if want := "the field age is stored as int, and is string in this program"; !strings.Contains(got, want) {
		t.Errorf("the error does not say %q: %s", want, got)
	}
	if table, got := opened(t, s, values.JSON[is](values.WithRetyped("age"))); table == nil {
		t.Errorf("on purpose: %s", got)
	}
}

// Tables of before have no metadata, and programs of before know none. Both go on.
func TestTablesThatRecordedNothing(t *testing.T) {
	type was struct{ Name string }
	type renamed struct{ Title string }
	s := newStorage(t)
	before, words := opened(t, s, core.ValueFormat[was, was](older[was]{values.JSON[was]()}))
	if words != "" {
		t.Fatalf("what is recorded is %q", words)
	}
	if err := before.Put(t.Context(), "ann", was{"Ann"}); err != nil {
		t.Fatal(err)
	}
	now, words := opened(t, s, values.JSON[was]())
	if now == nil || !strings.Contains(words, "Name string") {
		t.Fatalf("the first one to open it records %q", words)
	}
	if v, err := now.Load(t.Context(), "ann"); v.Name != "Ann" || err != nil {
		t.Errorf("the row is %+v, %v", v, err)
	}
	if table, got := opened(t, s,
		core.ValueFormat[was, was](older[was]{values.JSON[was]()})); table == nil || got != words {
		t.Errorf("the program of before: %s", got)
	}
	if table, got := opened(t, s, values.JSON[renamed]()); table != nil {
		t.Errorf("a renamed field is no question, and recorded is %s", got)
	}
}

// A tool without the type must not change what is recorded.
func TestATypeThatSaysNothingIsNotRecorded(t *testing.T) {
	type was struct{ Name string }
	type renamed struct{ Title string }
	s := newStorage(t)
	_, words := opened(t, s, values.JSON[was]())
	for _, open := range []func() string{
		func() string { _, got := opened(t, s, values.JSON[any]()); return got },
		func() string { _, got := opened(t, s, values.JSON[map[string]any]()); return got },
		func() string { _, got := opened(t, s, values.JSON[json.RawMessage]()); return got },
	} {
		if got := open(); got != words {
			t.Errorf("what is recorded was %q, and is %q", words, got)
		}
	}
	if table, _ := opened(t, s, values.JSON[renamed]()); table != nil {
		t.Error("a renamed field is no question")
	}
}

type ownText int

func (o ownText) MarshalText() ([]byte, error) { return []byte(strings.Repeat("x", int(o))), nil }
func (o *ownText) UnmarshalText(b []byte) error {
	*o = ownText(len(b))
	return nil
}

type part struct {
	X uint8 `json:",omitempty"`
}

type shaped struct {
	part
	Named  part `json:"named"`
	Self   *shaped
	Maps   map[int8][]*part
	Texts  map[ownText]float32
	Bytes  []byte
	Hash   [4]uint8
	Three  [3]bool
	Big    *big.Int
	Day    time.Time
	Text   ownText
	Any    any
	Raw    json.RawMessage
	Number json.Number
	Quoted *int `json:",string"`
	Left   int  `json:"-"`
}

func TestWhatIsRecordedOfAType(t *testing.T) {
	want := `values_test.shaped {
  Any any
  Big int
  Bytes bytes
  Day time
  Hash [4]int
  Maps map[int][]values_test.part
  Number any
  Quoted string
  Raw any
  Self values_test.shaped
  Text any
  Texts map[any]float
  Three [3]bool
  X (part.X) int
  named (Named) values_test.part
}
values_test.part {
  X int
}`
	if _, got := opened(t, newStorage(t), values.JSON[*shaped]()); got != want {
		t.Errorf("it is recorded as\n%s\nwant\n%s", got, want)
	}
}

// encoding/json finds a field by its name in another case, so that such a new name is no
// question, and loses nothing.
func TestAnotherCaseIsTheSameField(t *testing.T) {
	type was struct{ Name string }
	type is struct {
		Title string `json:"name"`
	}
	s := newStorage(t)
	first, _ := opened(t, s, values.JSON[was]())
	if err := first.Put(t.Context(), "ann", was{"Ann"}); err != nil {
		t.Fatal(err)
	}
	second, got := opened(t, s, values.JSON[is]())
	if second == nil {
		t.Fatal(got)
	}
	if v, err := second.Load(t.Context(), "ann"); v.Title != "Ann" || err != nil {
		t.Errorf("the row is %+v, %v", v, err)
	}
}
