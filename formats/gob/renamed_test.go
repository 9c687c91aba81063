// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package gob_test

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

type (
	resident        struct{ Name, City string }
	residentRenamed struct {
		FullName string
		City     string
	}
	residentBoth struct{ FullName, Name, City string }
)

// opens opens a table of residents, and fails on other errors than questions.
func opens[V any](
	t *testing.T, s *core.Storage, opts ...gobformat.Option,
) (*core.TableOf[string, V], error) {
	t.Helper()
	table, err := core.OpenTable(t.Context(), s, "residents", keys.String(),
		gobformat.New[V](opts...))
	if err != nil {
		wantMismatch(t, err)
	}
	return table, err
}

// A release renamed a field, and every row that was there read as if it had none: no error, and
// what was put back had lost it. The table had the old description all the time.
func TestARenamedFieldIsAQuestion(t *testing.T) {
	s, err := core.Open(t.Context(), "residents", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, err := opens[resident](t, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Put(t.Context(), "ann", resident{"Ann", "Oslo"}); err != nil {
		t.Fatal(err)
	}
	_, err = opens[residentRenamed](t, s)
	wantMismatch(t, err, "the field Name (string)", "has FullName instead",
		`WithRemoved("Name")`, "gob_test.residentRenamed")
	dry, err := core.CompareTable(t.Context(), s, "residents", keys.String(),
		gobformat.New[residentRenamed]())
	if err != nil {
		t.Fatal(err)
	}
	wantMismatch(t, dry.Refused, "has FullName instead")

	// The way to rename a field without losing it: both for a while.
	both, err := opens[residentBoth](t, s)
	if err != nil {
		t.Fatal(err)
	}
	ann, err := both.Load(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	ann.FullName, ann.Name = ann.Name, ""
	if err := both.Put(t.Context(), "ann", ann); err != nil {
		t.Fatal(err)
	}
	// nothing is new now
	after, err := opens[residentRenamed](t, s)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := after.Load(t.Context(), "ann"); err != nil ||
		v != (residentRenamed{"Ann", "Oslo"}) {
		t.Errorf("it is %+v, error %v", v, err)
	}
}

// Whoever says that the field was removed is not asked again, nor are the programs that had it.
func TestARemovedFieldIsAskedAboutOnce(t *testing.T) {
	f, meta := bind[resident](t, nil)
	row := write(t, f, resident{"Ann", "Oslo"})
	removed, meta := bind[residentRenamed](t, meta, gobformat.WithRemoved("Name", "Never"))
	wantRead(t, removed, row, residentRenamed{City: "Oslo"})
	for range 2 {
		again, meta2 := bind[residentRenamed](t, meta)
		wantRead(t, again, row, residentRenamed{City: "Oslo"})
		old, meta3 := bind[resident](t, meta2)
		wantRead(t, old, row, resident{"Ann", "Oslo"})
		if !slices.Equal(meta, meta3) {
			t.Error("known types change the metadata")
		}
	}
	if _, _, err := core.PowersOf(gobformat.New[residentBoth](
		gobformat.WithRemoved("Name"))).Bind(meta); err == nil ||
		!strings.Contains(err.Error(), "WithRemoved names Name, which the type has") {
		t.Errorf("error %v", err)
	}
}

type (
	treeOld struct {
		Kids  map[string][]*treeOld
		Label string
	}
	treeNew struct {
		Kids  map[string][]*treeNew
		Title string
	}
	Spot   struct{ X, Y int }
	placed struct {
		Spot
		Z int
	}
)

// What looks like a rename, in every place of a type, and what does not.
func TestWhatIsTakenForARename(t *testing.T) {
	type deepOld struct {
		Lines map[string][2][]struct{ Item, Note string }
	}
	type deepNew struct {
		Lines map[string][2][]struct{ Item, Remark string }
	}
	type keyOld struct{ M map[struct{ A, B int }]bool }
	type keyNew struct{ M map[struct{ A, C int }]bool }
	type structs struct {
		A int
		P struct{ X int }
	}
	type structsNew struct {
		A int
		Q *struct{ Y string }
	}
	for name, c := range map[string]struct {
		err error
		at  string // "" if there is no question
	}{
		"deep":         {rebind[deepOld, deepNew](t), "Lines[][][].Note"},
		"key":          {rebind[keyOld, keyNew](t), "M[key].B"},
		"recursive":    {rebind[treeOld, treeNew](t), "Label"},
		"other fields": {rebind[structs, structsNew](t), "P"},
		"int sizes":    {rebind[struct{ K, A int }, struct{ K, B int8 }](t), "A"},
		"pointers":     {rebind[struct{ K, A int }, struct{ K, B *int }](t), "A"},
		"self-made": {
			rebind[struct {
				K int
				A time.Time
			}, struct {
				K int
				B time.Time
			}](t), "A",
		},
		"lists": {
			rebind[struct{ K, A []string }, struct {
				K, B []string
				C    []int
			}](t), "A",
		},
		"by key": {
			rebind[struct {
				K int
				A map[string]int
			}, struct {
				K int
				B map[int]int
			}](t), "",
		},
		"by element": {
			rebind[struct {
				K int
				A []string
			}, struct {
				K int
				B []int
			}](t), "",
		},
		"by length": {
			rebind[struct {
				K int
				A [2]int
			}, struct {
				K int
				B [3]int
			}](t), "",
		},
		"binary and gob": {
			rebind[struct {
				K int
				A *big.Int
			}, struct {
				K int
				B selfMade
			}](t), "",
		},
		"int and uint": {
			rebind[struct {
				K int
				A int
			}, struct {
				K int
				B uint
			}](t), "",
		},
		// gob finds a stored field in the embedded struct too
		"promoted": {rebind[struct{ X, Y int }, placed](t), ""},
		"added":    {rebind[struct{ A int }, struct{ A, B int }](t), ""},
		"removed":  {rebind[struct{ A, B int }, struct{ A int }](t), ""},
		"moved":    {rebind[struct{ A, B int }, struct{ B, A int }](t), ""},
	} {
		if c.at == "" {
			if c.err != nil {
				t.Errorf("%s: %v", name, c.err)
			}
			continue
		}
		wantMismatch(t, c.err, "the field "+c.at+" (", `WithRemoved("`+c.at+`")`)
		if n := strings.Count(c.err.Error(), "WithRemoved"); n != 1 {
			t.Errorf("%s: %d questions: %v", name, n, c.err)
		}
	}
}

// What was asked about when it was removed is not asked about again when the next field goes,
// and a field that comes back is not new.
func TestFieldsThatComeAndGo(t *testing.T) {
	_, meta := bind[struct{ K, A int }](t, nil)
	_, meta = bind[struct{ K int }](t, meta)
	_, meta = bind[struct{ K, B int }](t, meta)
	_, _, err := core.PowersOf(gobformat.New[struct{ K, C int }]()).Bind(meta)
	wantMismatch(t, err, "the field B (int)", "has C instead")
	if strings.Contains(err.Error(), "the field A") {
		t.Errorf("it asks about A too: %v", err)
	}
	if _, _, err := core.PowersOf(gobformat.New[struct {
		A, K int
		D    string
	}]()).Bind(meta); err != nil {
		t.Errorf("A is no new name of B: %v", err)
	}
}

// Metadata that was made to do harm must not make opening a table endless, nor the error huge.
func TestQuestionsAreBounded(t *testing.T) {
	type many struct {
		K, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12 int
	}
	type more struct {
		K, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12 int
	}
	err := rebind[many, more](t)
	if n := strings.Count(err.Error(), "WithRemoved"); !errors.Is(err, core.ErrFormatMismatch) ||
		n != 8 {
		t.Errorf("%d questions: %v", n, err)
	}
}
