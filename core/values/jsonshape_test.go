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
	"github.com/guardkv/guardkv/core/shape/shapetest"
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

// What is recorded of types, and what is asked about them, is that of package shape.
func TestTypesAreRecorded(t *testing.T) {
	shapetest.Run(t, shapetest.Formats{
		Person: values.JSON[shapetest.Person](),
		Renamed: func(removed ...string) core.ValueFormat[shapetest.Renamed, shapetest.Renamed] {
			return values.JSON[shapetest.Renamed](values.WithRemoved(removed...))
		},
		Retyped: func(retyped ...string) core.ValueFormat[shapetest.Retyped, shapetest.Retyped] {
			return values.JSON[shapetest.Retyped](values.WithRetyped(retyped...))
		},
		Any: values.JSON[any](),
		Map: values.JSON[map[string]any](),
	})
}

// The question about a field is answered by the name that is stored, which is the tag's.
func TestFieldsAreKnownByTheirTags(t *testing.T) {
	type was struct {
		Name string
		Age  int `json:"age"`
	}
	type renamed struct {
		FullName string
		Age      int `json:"age"`
	}
	type kept struct {
		FullName string `json:"Name"`
		Age      string `json:"age"`
	}
	s := newStorage(t)
	first, _ := opened(t, s, values.JSON[was]())
	if err := first.Put(t.Context(), "ann", was{Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	if _, got := opened(t, s, values.JSON[renamed]()); !strings.Contains(got, `json:"Name"`) {
		t.Errorf("the question does not name the tag: %s", got)
	}
	_, got := opened(t, s, values.JSON[kept]())
	if want := "the field age is stored as int"; !strings.Contains(got, want) {
		t.Errorf("the question does not say %q: %s", want, got)
	}
	second, got := opened(t, s, values.JSON[kept](values.WithRetyped("age")))
	if second == nil {
		t.Fatal(got)
	}
	_, got = opened(t, s, values.JSON[json.RawMessage]())
	if got != recorded(t, s) || !strings.Contains(got, "values_test.kept") {
		t.Errorf("what is recorded is %s", got)
	}
	type same struct {
		FullName string `json:"Name"`
	}
	third, got := opened(t, s, values.JSON[same]())
	if third == nil {
		t.Fatal(got)
	}
	if v, err := third.Load(t.Context(), "ann"); v.FullName != "Ann" || err != nil {
		t.Errorf("with the tag it is %+v, %v", v, err)
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
