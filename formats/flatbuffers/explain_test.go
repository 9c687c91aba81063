// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/fb"
)

// explained returns what is recorded with a table, and one of its values.
func explained[V, W any](t testing.TB, f core.ValueFormat[V, W], v V) (core.TableInfo, []byte) {
	t.Helper()
	bound, meta, err := core.PowersOf(f).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bound.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return core.TableInfo{ValueFormat: "flatbuffers/1", Meta: meta}, b
}

func TestExplain(t *testing.T) {
	value := fb.CharT{Name: "DIGIT \"ONE", Category: "Nd", Upper: 7, Properties: []string{"a", "b"}}
	info, b := explained(t, flatbuffers.New[fb.CharT, fb.Char](fb.Schema), value)
	e, err := flatbuffers.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	words := "table fb.Char {\n  name:string (required)\n  category:string\n  script:string\n  upper:uint\n  lower:uint\n  title:uint\n  properties:[string]\n}"
	if e.Schema != words {
		t.Errorf("the schema is\n%s\nwant\n%s", e.Schema, words)
	}
	want := `{"name":"DIGIT \"ONE","category":"Nd","script":"","upper":7,"properties":["a","b"]}`
	if got, err := e.AppendJSON([]byte("x"), nil, b); string(got) != "x"+want || err != nil {
		t.Errorf("it is shown as %s, %v; want x%s", got, err, want)
	}
}

// The zoo has all that a schema can have: what is shown of it must be what generated code reads.
func TestExplainShowsEverything(t *testing.T) {
	for _, a := range animals {
		info, b := explained(t, newZoo(), a)
		e, err := flatbuffers.Explain(info)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.AppendJSON(nil, nil, b)
		if err != nil || !json.Valid(got) {
			t.Errorf("%+v is shown as %s, %v", a, got, err)
		}
		if a.Name != "" && !strings.Contains(string(got), string(must(json.Marshal(a.Name)))) {
			t.Errorf("the name %q is not in %s", a.Name, got)
		}
	}
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func TestExplainRefuses(t *testing.T) {
	if _, err := flatbuffers.Explain(core.TableInfo{ValueFormat: "cbor/1"}); !errors.Is(err,
		errors.ErrUnsupported) {
		t.Errorf("another format: %v", err)
	}
	for _, meta := range []string{"", "x", "FBS\x01"} {
		if _, err := flatbuffers.Explain(core.TableInfo{
			ValueFormat: "flatbuffers/1",
			Meta:        []byte(meta),
		}); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("with the schema %q: %v", meta, err)
		}
	}
	info, b := explained(t, newZoo(), animals[len(animals)-1])
	e, err := flatbuffers.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	for n := range min(len(b), 64) {
		if got, err := e.AppendJSON(nil, nil, b[:n]); !errors.Is(err,
			core.ErrCorrupt) || got != nil {
			t.Errorf("%d bytes of %d are shown as %s, %v", n, len(b), got, err)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, a := range animals {
		info, b := explained(f, newZoo(), a)
		f.Add(info.Meta, b)
	}
	f.Fuzz(func(t *testing.T, meta, b []byte) {
		e, err := flatbuffers.Explain(core.TableInfo{ValueFormat: "flatbuffers/1", Meta: meta})
		if err != nil {
			return
		}
		if got, err := e.AppendJSON(nil, nil, b); err == nil && !json.Valid(got) {
			t.Errorf("%x is shown as %q", b, got)
		}
	})
}

func TestExplainer(t *testing.T) {
	formattest.Explain(t, newZoo(), flatbuffers.Explain, animals...)
}
