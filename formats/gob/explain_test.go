// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

// explained returns what is recorded with a table of T, and its values.
func explained[T any](t testing.TB, v T) (core.TableInfo, []byte) {
	t.Helper()
	f, meta, err := core.PowersOf(gobformat.New[T]()).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return core.TableInfo{ValueFormat: "gob/1", Meta: meta}, b
}

func wantShown[T any](t *testing.T, v T, schema, want string) {
	t.Helper()
	info, b := explained(t, v)
	e, err := gobformat.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	if e.Schema != schema && schema != "" {
		t.Errorf("%T is described as %s, want %s", v, e.Schema, schema)
	}
	got, err := e.AppendJSON([]byte("x"), nil, b)
	if string(got) != "x"+want || err != nil || !json.Valid(got[1:]) {
		t.Errorf("%+v is shown as %s, %v; want x%s", v, got, err, want)
	}
}

type linked struct {
	Any  any
	Next *linked
}

func TestExplain(t *testing.T) {
	wantShown(t, companies[0], "", `{"Codes":[0,0,0]}`)
	wantShown(t, companies[1], "", `{"CIK":320193,"Name":"Apple","Raw":"AAE=","Codes":[-1,0,1]}`)
	wantShown(t, companies[2].Grid, "[][]int", `[[1],[-2,3]]`)
	wantShown(t, companies[3].Prices, "map[string]float", `{"bb":"-Infinity"}`)
	wantShown(t, map[int][]bool{7: {true, false}}, "map[int][]bool", `[[7,[true,false]]]`)
	wantShown(t, map[int]int{}, "map[int]int", `[]`)
	wantShown(t, map[string]string{"\xff": "\xff"}, "map[string]string",
		`{"{\"base64\":\"/w==\"}":{"base64":"/w=="}}`)
	wantShown(t, complex64(1+2i), "complex", `[1,2]`)
	wantShown(t, "a\"b", "string", `"a\"b"`)
	wantShown(t, (*company)(nil), "", `null`)
	wantShown(t, linked{Any: []int{1}, Next: &linked{Next: &linked{Any: "deep"}}},
		"struct{Any interface; Next ^1}",
		`{"Any":{"type":"[]int","value":[1]},"Next":{"Next":{"Any":{"type":"string","value":"deep"}}}}`)
	wantShown(t, shape{Name: "s", Many: []any{point{1, 2}, nil}},
		"struct{Name string; Any interface; Many []interface}",
		`{"Name":"s","Many":[{"type":"github.com/guardkv/guardkv/formats/gob_test.point","value":{"X":1,"Y":2}},null]}`)
}

func TestExplainTellsAllDescriptions(t *testing.T) {
	type was struct{ A int }
	type is struct {
		A int
		B string
	}
	_, meta, err := core.PowersOf(gobformat.New[was]()).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, meta, err := core.PowersOf(gobformat.New[is]()).Bind(meta)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Append(nil, is{1, "b"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := gobformat.Explain(core.TableInfo{ValueFormat: "gob/1", Meta: meta})
	if want := "description 2: struct{A int; B string}\ndescription 1: struct{A int}"; e.Schema != want || err != nil {
		t.Errorf("the words are %s, %v", e.Schema, err)
	}
	if got, err := e.AppendJSON(nil, nil, b); string(got) != `{"A":1,"B":"b"}` || err != nil {
		t.Errorf("the row is %s, %v", got, err)
	}
	b[0] = 3
	if got, err := e.AppendJSON(nil, nil, b); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("a row of a later description is %s, %v", got, err)
	}
}

func TestExplainRefuses(t *testing.T) {
	if _, err := gobformat.Explain(core.TableInfo{ValueFormat: "cbor/1"}); !errors.Is(err,
		errors.ErrUnsupported) {
		t.Errorf("another format: %v", err)
	}
	for _, meta := range [][]byte{nil, {}, []byte("x"), []byte("gob/1\n\x05")} {
		if _, err := gobformat.Explain(core.TableInfo{
			ValueFormat: "gob/1",
			Meta:        meta,
		}); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("with the metadata %q: %v", meta, err)
		}
	}
	info, b := explained(t, companies[2])
	e, err := gobformat.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if got, err := e.AppendJSON(nil, nil,
			b[:n]); n != 1 && (!errors.Is(err, core.ErrCorrupt) || got != nil) {
			t.Errorf("%d bytes of %d are shown as %s, %v", n, len(b), got, err)
		}
	}
	if got, err := e.AppendJSON(nil, nil, append(b, 0)); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("with a byte behind it: %s, %v", got, err)
	}
}

func TestExplainKey(t *testing.T) {
	type part struct {
		Tags []string
		Same []part
	}
	type key struct {
		City string
		N    [2]int8
		Yes  bool
		Part part
	}
	f := gobformat.Key[key]()
	b, err := f.Append(nil,
		key{"Oslo", [2]int8{1, -2}, true, part{[]string{"a"}, []part{{[]string{"b"}, nil}}}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := gobformat.ExplainKey(f.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"City":"Oslo","N":[1,-2],"Yes":true,"Part":{"Tags":["a"],"Same":[{"Tags":["b"]}]}}`
	if got, err := e.AppendJSON(nil, b); string(got) != want || err != nil {
		t.Errorf("the key is shown as %s, %v; want %s", got, err, want)
	}
	for _, id := range []string{
		"", "gob/1", "gob-key/1", "gob-key/2 int", "gob-key/1 ", "gob-key/1 intx", "gob-key/1 [",
		"gob-key/1 [x]int", "gob-key/1 ^1",
		"gob-key/1 []^2", "gob-key/1 struct{", "gob-key/1 struct{A int", "gob-key/1 map[int",
		"gob-key/1 " + strings.Repeat("[]", 5000) + "int",
	} {
		if _, err := gobformat.ExplainKey(id); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("ExplainKey(%.40q): %v", id, err)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, c := range companies {
		info, b := explained(f, c)
		f.Add(info.Meta, b, "[]int")
	}
	info, b := explained(f, linked{Any: []int{1}})
	f.Add(info.Meta, b, "struct{A string; B []^1}")
	f.Fuzz(func(t *testing.T, meta, b []byte, id string) {
		if e, err := gobformat.ExplainKey("gob-key/1 " + id); err == nil {
			if got, err := e.AppendJSON(nil, b); err == nil && !json.Valid(got) {
				t.Errorf("%s: %x is shown as %q", id, b, got)
			}
		}
		e, err := gobformat.Explain(core.TableInfo{ValueFormat: "gob/1", Meta: meta})
		if err != nil {
			return
		}
		if got, err := e.AppendJSON(nil, nil, b); err == nil && !json.Valid(got) {
			t.Errorf("%x is shown as %q", b, got)
		}
	})
}

func TestExplainer(t *testing.T) {
	formattest.Explain(t, gobformat.New[company](), gobformat.Explain, companies...)
}
