// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

type (
	holder[T any] struct{ V T }
	secret        struct{ x int }
	Hidden        struct{ x int }
	stamped       struct {
		time.Time
		Note string
	}
	timeOnly struct{ time.Time }
	inner    struct{ A int }
	outer    struct {
		*inner
		B int
	}
	Left        struct{ Name string }
	Right       struct{ Name string }
	twoEmbedded struct {
		Left
		Right
	}
	shadowing struct {
		Left
		Name string
	}
	EmbedsItself struct {
		*EmbedsItself
		N int
	}
	embedsHidden struct {
		Hidden
		N int
	}
	pointsToItself *pointsToItself
	sharedName     struct {
		A string `json:"B"`
		B string
	}
	leftOut struct {
		Name string
		Hash []byte `json:"-"`
	}
	redacted string
	chain    struct {
		N    int
		Next *chain
	}
)

func (redacted) MarshalText() ([]byte, error) { return []byte("***"), nil }

// ownStamped embeds a time and says itself how it is stored, which is as it should be.
type ownStamped struct {
	time.Time
	Note string
}

func (o ownStamped) MarshalJSON() ([]byte, error) {
	return json.Marshal([]string{o.Format(time.RFC3339), o.Note})
}

func (o *ownStamped) UnmarshalJSON(b []byte) error {
	var parts [2]string
	err := json.Unmarshal(b, &parts)
	if err == nil {
		o.Time, err = time.Parse(time.RFC3339, parts[0])
	}
	o.Note = parts[1]
	return err
}

// openJSON opens a table for values of type T in a new storage, and says how many there are afterwards.
func openJSON[T any](t *testing.T) (*core.Table[int, T, T], int, error) {
	t.Helper()
	s, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	table, failed := core.OpenTable(t.Context(), s, "t", keys.Int(), values.JSON[T]())
	tables, err := s.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table, len(tables), failed
}

func wantRefused[T any](t *testing.T, says string) {
	t.Helper()
	_, tables, err := openJSON[T](t)
	if err == nil || tables > 0 || !strings.Contains(err.Error(), says) {
		t.Errorf("%v: %d tables, error %v; want one that says %q", reflect.TypeFor[T](), tables, err, says)
	}
}

// All of these were stored without an error, and then could not be read, or were read without what they held; or the
// table was made and no row could ever be put into it. struct{*big.Int} even panicked when it was read.
func TestJSONRefusesTypesThatLose(t *testing.T) {
	wantRefused[holder[error]](t, "holder[error].V is of type error")
	wantRefused[[]map[string]*holder[fmt.Stringer]](t, "[][].V is of type fmt.Stringer")
	wantRefused[sharedName](t, `the field B shares the name "B" with A`)
	wantRefused[twoEmbedded](t, "the field Right.Name shares")
	wantRefused[shadowing](t, "the field Left.Name shares")
	wantRefused[EmbedsItself](t, "embedded more than once")
	wantRefused[embedsHidden](t, "the field Hidden is of type")
	wantRefused[holder[secret]](t, ".V is of type values_test.secret, of which nothing is stored")
	wantRefused[struct{ N atomic.Int64 }](t, ".N is of type atomic.Int64")
	wantRefused[outer](t, "the field inner is an embedded pointer")
	wantRefused[stamped](t, "embedded field Time, which knows nothing of Note")
	wantRefused[struct{ stamped }](t, "nothing of Note")
	wantRefused[struct{ *big.Int }](t, "embedded field Int, which is nil when it is read")
	wantRefused[redacted](t, "MarshalText and no UnmarshalText")
	wantRefused[pointsToItself](t, "leads to nothing but itself")
	wantRefused[map[float64]int](t, "keys of the map map[float64]int are of type float64")
	wantRefused[holder[map[any]int]](t, ".V are of type interface {}")
	wantRefused[map[*big.Int]int](t, "are of type *big.Int")
	wantRefused[holder[chan int]](t, ".V is of type chan int")
	wantRefused[func()](t, "func()")
	wantRefused[holder[complex64]](t, ".V is of type complex64")
}

func wantKept[T any](t *testing.T, v T) {
	t.Helper()
	table, _, err := openJSON[T](t)
	if err != nil {
		t.Error(err)
		return
	}
	if err := table.Put(t.Context(), 1, v); err != nil {
		t.Errorf("%T: %v", v, err)
		return
	}
	if got, err := table.Load(t.Context(), 1); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%T: %+v is read as %+v, error %v", v, v, got, err)
	}
}

func TestJSONKeepsTheRest(t *testing.T) {
	day := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	wantKept(t, timeOnly{day})
	wantKept(t, ownStamped{day, "kept"})
	wantKept(t, leftOut{Name: "ada"})
	wantKept(t, holder[struct{}]{})
	wantKept(t, holder[*big.Rat]{big.NewRat(1, 3)})
	wantKept(t, holder[map[time.Month][]int]{map[time.Month][]int{1: {}, 2: nil}})
	wantKept(t, holder[map[bigKey]string]{map[bigKey]string{7: "x"}})
	wantKept(t, holder[json.RawMessage]{json.RawMessage(`"\ufffd"`)})
	wantKept(t, holder[string]{"\ufffd and \\ufffd"})
	wantKept(t, holder[uint64]{1<<64 - 1})
}

// bigKey is a number that is a key as text.
type bigKey int

func (k bigKey) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "k%d", int(k)), nil }

func (k *bigKey) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "k%d", (*int)(k))
	return err
}

// What is not UTF-8 was replaced in silence, and two keys of a map could become one.
func TestJSONRefusesInvalidUTF8(t *testing.T) {
	for _, v := range []any{
		"a\xffb", []string{"", "\xff"}, map[string]int{"a\xff": 1, "a\xfe": 2}, holder[any]{"\xff"}, &address{Street: `\` + "\xff"},
	} {
		if b, err := values.JSON[any]().Append(nil, v); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
			t.Errorf("%+q is stored as %s, error %v", v, b, err)
		}
	}
}

// encoding/json calls itself for each level, until the stack is full: a list that ends took the process down. Others
// were stored, and are nested more deeply than it reads.
func TestJSONRefusesEndlessValues(t *testing.T) {
	var long, unread, fits *chain
	for i := range 3_000_000 {
		long = &chain{i, long}
		switch i {
		case maxLevels - 1:
			fits = long
		case maxLevels:
			unread = long
		}
	}
	cycle := &chain{}
	cycle.Next = cycle
	items := []any{nil}
	items[0] = items
	var self any
	self = &self
	for i, v := range []any{long, unread, cycle, items, self, map[string]any{"a": items}} {
		if b, err := values.JSON[any]().Append(nil, v); !errors.Is(err, core.ErrTooLarge) || b != nil {
			t.Errorf("%d: %d bytes, error %v; want ErrTooLarge", i, len(b), err)
		}
	}
	f := values.JSON[*chain]()
	b, err := f.Append(nil, fits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.View(b); err != nil {
		t.Errorf("%d levels are written, and not read: %v", maxLevels, err)
	}
}

const maxLevels = 10_000
