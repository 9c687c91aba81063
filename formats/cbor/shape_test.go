// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"encoding"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/shape"
	"github.com/guardkv/guardkv/core/shape/shapetest"
	"github.com/guardkv/guardkv/formats/cbor"
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
		Person: cbor.New[shapetest.Person](),
		Renamed: func(removed ...string) core.ValueFormat[shapetest.Renamed, shapetest.Renamed] {
			return cbor.New[shapetest.Renamed](cbor.WithRemoved(removed...))
		},
		Retyped: func(retyped ...string) core.ValueFormat[shapetest.Retyped, shapetest.Retyped] {
			return cbor.New[shapetest.Retyped](cbor.WithRetyped(retyped...))
		},
		Any: cbor.New[any](),
		Map: cbor.New[map[string]any](),
	})
}

// The question about a field is answered by the name that is stored, which is the tag's.
func TestFieldsAreKnownByTheirTags(t *testing.T) {
	type was struct {
		Name string
		Age  int `cbor:"1,keyasint"`
	}
	type renamed struct {
		FullName string
		Age      int `cbor:"1,keyasint"`
	}
	type kept struct {
		FullName string `cbor:"Name"`
		Age      string `cbor:"1,keyasint"`
	}
	s := newStorage(t)
	first, _ := opened(t, s, cbor.New[was]())
	if err := first.Put(t.Context(), "ann", was{Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	if _, got := opened(t, s, cbor.New[renamed]()); !strings.Contains(got, `cbor:"Name"`) {
		t.Errorf("the question does not name the tag: %s", got)
	}
	_, got := opened(t, s, cbor.New[kept]())
	if want := "the field 1 is stored as int"; !strings.Contains(got, want) {
		t.Errorf("the question does not say %q: %s", want, got)
	}
	second, got := opened(t, s, cbor.New[kept](cbor.WithRetyped("1")))
	if second == nil {
		t.Fatal(got)
	}
	_, got = opened(t, s, cbor.New[fxcbor.RawMessage]())
	if got != recorded(t, s) || !strings.Contains(got, "cbor_test.kept") {
		t.Errorf("what is recorded is %s", got)
	}
	type same struct {
		FullName string `cbor:"Name"`
	}
	third, got := opened(t, s, cbor.New[same]())
	if third == nil {
		t.Fatal(got)
	}
	if v, err := third.Load(t.Context(), "ann"); v.FullName != "Ann" || err != nil {
		t.Errorf("with the tag it is %+v, %v", v, err)
	}
}

type intCBOR struct{ n int }

func (o intCBOR) MarshalCBOR() ([]byte, error) { return fxcbor.Marshal(o.n) }
func (o *intCBOR) UnmarshalCBOR(b []byte) error {
	return fxcbor.Unmarshal(b, &o.n)
}

type lengthText int

func (o lengthText) MarshalText() ([]byte, error) {
	return []byte(strings.Repeat("x", int(o))), nil
}

func (o *lengthText) UnmarshalText(b []byte) error {
	*o = lengthText(len(b))
	return nil
}

var _ encoding.TextUnmarshaler = (*lengthText)(nil)

type part struct {
	X uint8 `cbor:",omitempty"`
}

type inPlace struct {
	_ struct{} `cbor:",toarray"`
	B string
	A *float32
}

type shaped struct {
	part
	Named   part `json:"named"`
	Self    *shaped
	Maps    map[int8][]*part
	Bytes   []byte
	Hash    [4]uint8
	Three   [3]bool
	Big     *big.Int
	Day     time.Time `cbor:"7,keyasint"`
	Own     intCBOR
	Text    lengthText
	Any     any
	Raw     fxcbor.RawMessage
	Str     fxcbor.ByteString
	InOrder inPlace
	Seven   int `cbor:"7"`
	Left    int `cbor:"-"`
}

func TestWhatIsRecordedOfAType(t *testing.T) {
	want := `cbor_test.shaped {
  7 (Day) time
  "7" (Seven) int
  Any any
  Big int
  Bytes bytes
  Hash bytes(4)
  InOrder cbor_test.inPlace
  Maps map[int][]cbor_test.part
  Own any
  Raw any
  Self cbor_test.shaped
  Str bytes
  Text int
  Three [3]bool
  X (part.X) int
  named (Named) cbor_test.part
}
cbor_test.inPlace in order {
  B string
  A float
}
cbor_test.part {
  X int
}`
	if _, got := opened(t, newStorage(t), cbor.New[shaped]()); got != want {
		t.Errorf("it is recorded as\n%s\nwant\n%s", got, want)
	}
	want = strings.Replace(want, "Text int", "Text any", 1)
	if _, got := opened(t, newStorage(t), cbor.New[*shaped](cbor.WithText())); got != want {
		t.Errorf("with text it is recorded as\n%s\nwant\n%s", got, want)
	}
}

// The question about a renamed field says how to keep its number: another tag than for a name.
func TestTheQuestionSaysHowToKeepANumber(t *testing.T) {
	type was struct {
		Name string `cbor:"7,keyasint"`
	}
	type is struct {
		Name string `cbor:"8,keyasint"`
	}
	s := newStorage(t)
	opened(t, s, cbor.New[was]())
	_, got := opened(t, s, cbor.New[is]())
	if want := "by its number with the tag `cbor:\"7,keyasint\"`"; !strings.Contains(got, want) {
		t.Errorf("the error does not say %q: %s", want, got)
	}
}

// Tools bind formats without asking CheckValue first: nothing of a type that does not fit may be
// recorded.
func TestATypeThatDoesNotFitIsNotRecorded(t *testing.T) {
	_, meta, err := core.PowersOf(cbor.New[struct{ F func() }]()).Bind(nil)
	if err == nil || meta != nil {
		t.Errorf("recorded as %q, error %v", meta, err)
	}
}
