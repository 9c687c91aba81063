// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/values"
)

type address struct {
	Street string
	Tags   []string       `json:",omitempty"`
	Extra  map[string]int `json:",omitempty"`
	Next   *address       `json:",omitempty"`
	Other  any            `json:",omitempty"`
	Codes  [3]uint8       `json:",omitzero"`
	Seen   time.Time      `json:",omitzero"`
	Weight float64        `json:",omitzero"`
}

var (
	byteSamples   = [][]byte{nil, []byte("a"), {0, 255, 0}, bytes.Repeat([]byte("long "), 100)}
	stringSamples = []string{"", "a", "\x00\xff", strings.Repeat("long ", 100)}
	jsonSamples   = []address{
		{},
		{Street: "<Main & Side>", Tags: []string{"a", "b"}},
		{Extra: map[string]int{"z": 1, "a": -2, "m": 3}, Next: &address{Street: "next"}},
		{
			Street: strings.Repeat("é", 100), Other: "text", Codes: [3]uint8{1, 2, 3}, Weight: -0.1,
			Seen: time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC),
		},
	}
	zeroCopy = formattest.Extras[[]byte, []byte]{Same: bytes.Equal, Borrows: true}
)

func pointers(vs []address) []*address {
	all := []*address{nil}
	for _, v := range vs {
		all = append(all, &v)
	}
	return all
}

func TestBytes(t *testing.T) { formattest.RunWith(t, values.Bytes(), zeroCopy, byteSamples...) }
func TestString(t *testing.T) {
	formattest.RunWith(t, values.String(), formattest.Extras[string, string]{Borrows: true},
		stringSamples...)
}
func TestJSON(t *testing.T) { formattest.Run(t, values.JSON[address](), jsonSamples...) }
func TestJSONPointer(t *testing.T) {
	formattest.Run(t, values.JSON[*address](), pointers(jsonSamples)...)
}

func TestJSONAny(t *testing.T) {
	formattest.Run(t, values.JSON[any](), any(nil), any("text"), any(1.5),
		any([]any{true, map[string]any{"a": nil}}))
}

func FuzzJSON(f *testing.F) { formattest.Fuzz(f, values.JSON[address](), jsonSamples...) }
func FuzzJSONPointer(f *testing.F) {
	formattest.Fuzz(f, values.JSON[*address](), pointers(jsonSamples)...)
}

func BenchmarkBytes(b *testing.B)  { formattest.Bench(b, values.Bytes(), byteSamples...) }
func BenchmarkString(b *testing.B) { formattest.Bench(b, values.String(), stringSamples...) }
func BenchmarkJSON(b *testing.B)   { formattest.Bench(b, values.JSON[address](), jsonSamples...) }

// The IDs are stored with every table: changing one makes the tables of old programs unreadable.
func TestIDs(t *testing.T) {
	for want, got := range map[string]string{
		"bytes": values.Bytes().ID(), "string": values.String().ID(),
		"json": values.JSON[address]().ID(),
	} {
		if got != want {
			t.Errorf("ID %q, want %q", got, want)
		}
	}
}

func TestViewsAreTheBytes(t *testing.T) {
	b := []byte("stored")
	view, err := values.Bytes().View(b[:3])
	if err != nil || unsafe.SliceData(view) != unsafe.SliceData(b) {
		t.Errorf("the view is a copy, or an error: %v", err)
	}
	if cap(view) != 3 {
		t.Errorf("there is room for %d bytes in a view of 3: append could write into the engine's memory", cap(view))
	}
	s, err := values.String().View(b)
	if err != nil || unsafe.StringData(s) != unsafe.SliceData(b) {
		t.Errorf("the string is a copy, or an error: %v", err)
	}
}

func TestJSONRefuses(t *testing.T) {
	f := values.JSON[address]()
	for _, bad := range []string{
		"", " ", "{", "nul", "[]", `{"Street":1}`, `{} {}`, `{}x`, "{}\x00", `{"Codes":[256]}`,
		strings.Repeat("[", 20000),
	} {
		if _, err := f.View([]byte(bad)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%.20q: error %v, want ErrCorrupt", bad, err)
		}
	}
}

func TestJSONText(t *testing.T) {
	got, err := values.JSON[address]().Append([]byte(">"), jsonSamples[1])
	if err != nil {
		t.Fatal(err)
	}
	if want := `>{"Street":"<Main & Side>","Tags":["a","b"]}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Types grow and shrink between releases.
func TestJSONEvolves(t *testing.T) {
	type first struct{ A, B int }
	type second struct{ B, C int }
	b, err := values.JSON[first]().Append(nil, first{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	got, err := values.JSON[second]().View(b)
	if err != nil || got != (second{B: 2}) {
		t.Errorf("got %+v and error %v", got, err)
	}
}

// After a failure nothing of the old value, or of half a new one, is left.
func TestJSONViewIntoAfterError(t *testing.T) {
	w := jsonSamples[2]
	kept := w.Extra
	err := core.PowersOf(values.JSON[address]()).ViewInto([]byte(`{"Street":"new","Tags":3}`), &w)
	if err == nil {
		t.Fatal("a number was read as a list")
	}
	if w.Street != "" || w.Extra != nil || len(kept) != 3 {
		t.Errorf("left behind: %+v; the old map has %d of 3 entries", w, len(kept))
	}
}

// fussy fails to encode in every way a user's method can.
type fussy struct{ Mode string }

func (f fussy) MarshalJSON() ([]byte, error) {
	switch f.Mode {
	case "error":
		return nil, errFussy
	case "panic":
		panic(errFussy)
	case "junk":
		return []byte("{"), nil
	}
	return []byte(`{"Mode":"fine"}`), nil
}

func (f *fussy) UnmarshalJSON(b []byte) error {
	type plain fussy
	return json.Unmarshal(b, (*plain)(f))
}

var errFussy = errors.New("fussy")

// Errors and panics in the methods of a value leave nothing behind that a later call could trip
// over.
func TestJSONAfterUserFailures(t *testing.T) {
	f := values.JSON[[]fussy]()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 200 {
				mode := []string{"error", "panic", "junk"}[(i+n)%3]
				if err := tryAppend(f, []fussy{{"fine"}, {mode}}); err == nil {
					t.Errorf("%s: no error", mode)
				}
				b, err := f.Append(nil, []fussy{{"fine"}})
				if err != nil || string(b) != `[{"Mode":"fine"}]` {
					t.Errorf("after %s: %s, error %v", mode, b, err)
				}
			}
		})
	}
	wg.Wait()
	if err := tryAppend(f, []fussy{{"error"}}); !errors.Is(err, errFussy) {
		t.Errorf("the error %v does not wrap the method's own", err)
	}
}

func tryAppend[T any](f core.ValueFormat[T, T], v T) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	_, err = f.Append(nil, v)
	return err
}

func TestJSONCannotEncode(t *testing.T) {
	var unsupported *json.UnsupportedValueError
	if _, err := values.JSON[address]().Append(nil, address{Weight: math.NaN()}); !errors.As(err,
		&unsupported) {
		t.Errorf("NaN: error %v", err)
	}
}

// The values that were encoded, and the memory they were encoded into, may be big. A pool keeps
// what it holds through one collection, so the test would see it.
func TestJSONPoolKeepsNothingAlive(t *testing.T) {
	f := values.JSON[*[1 << 16]byte]()
	value, dst := new([1 << 16]byte), new([1 << 20]byte)
	if _, err := f.Append(dst[:0], value); err != nil {
		t.Fatal(err)
	}
	v, d := weak.Make(value), weak.Make(dst)
	runtime.GC()
	if v.Value() != nil || d.Value() != nil {
		t.Errorf("the value is kept: %v; its buffer: %v", v.Value() != nil, d.Value() != nil)
	}
	runtime.KeepAlive(f)
}
