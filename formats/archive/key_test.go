// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/internal/keyed"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
)

func keyFormat() core.KeyFormat[keyed.Key] { return archive.Key[keyed.Key, keyed.KeyView]() }

var someKeys = []keyed.Key{
	{},
	{
		Name: "a",
		Year: -1, At: time.Unix(1, 2).UTC(), For: time.Hour, Hash: [4]byte{1, 2}, Good: true,
	},
	{Name: "a", Part: keyed.Part{City: "C"}},
	{Name: "aC"},
	{Part: keyed.Part{City: "a", Street: "C"}, Ids: [2]keyed.ID{{N: 1}, {N: 2}}},
	{Ids: [2]keyed.ID{{N: 2}, {N: 1}}},
}

func TestKey(t *testing.T) { formattest.RunKey(t, keyFormat(), someKeys...) }

func FuzzKey(f *testing.F) { formattest.FuzzKey(f, keyFormat(), someKeys...) }

// The same instant in two zones is one key, as it is one row.
func TestKeyZones(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	var b [2][]byte
	for i, in := range []time.Time{at, at.In(time.FixedZone("x", 3600))} {
		var err error
		if b[i], err = keyFormat().Append(nil, keyed.Key{At: in}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b[0], b[1]) {
		t.Errorf("%x and %x", b[0], b[1])
	}
}

// A type with which one key could be two, or two keys one, is refused when the table is opened,
// and by each call.
func TestKeyTypes(t *testing.T) {
	refused(t, archive.Key[keyed.Float, keyed.FloatView](), "Float.X is a float64")
	refused(t, archive.Key[keyed.Slice, keyed.SliceView](), "Slice.X is a []uint8")
	refused(t, archive.Key[keyed.Pointer, keyed.PointerView](), "Pointer.X is a *int")
	refused(t, archive.Key[keyed.Left, keyed.LeftView](), "Left.y is left out")
	refused(t, archive.Key[keyed.Addr, keyed.AddrView](), "Addr.X encodes itself")
	refused(t, archive.Key[keyed.Deep, keyed.DeepView](), "Deep.X[].X is a float64")
}

func refused[K any](t *testing.T, f core.KeyFormat[K], want string) {
	t.Helper()
	var k K
	_, appended := f.Append(nil, k)
	_, decoded := f.Decode(nil)
	s, err := core.Open(t.Context(), "x", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, opened := core.OpenTable(t.Context(), s, "x", f, values.String())
	for _, err := range []error{appended, decoded, opened} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The ID of a key is what its encoding depends on: it must never change.
func TestKeyID(t *testing.T) {
	const want = "archive-key/1(archive/1 Key;;struct ID 4;0 N uint32;;struct Key 47;0 Name string;8 Year int16;10 At time;22 For duration;" +
		"30 Hash [4]uint8;34 Good bool;35 Part Part;39 Ids [2]fixed(ID);;struct Part 16;0 City string;8 Street string)"
	if got := keyFormat().ID(); got != want {
		t.Errorf("the ID is %q", got)
	}
	e, err := archive.ExplainKey(want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := keyFormat().Append(nil, someKeys[1])
	if err != nil {
		t.Fatal(err)
	}
	const shown = `{"Name":"a","Year":-1,"At":"1970-01-01T00:00:01.000000002Z","For":"1h0m0s","Hash":"AQIAAA==","Good":true,` +
		`"Part":{"City":"","Street":""},"Ids":[{"N":0},{"N":0}]}`
	if got, err := e.AppendJSON([]byte("x"), b); err != nil || string(got) != "x"+shown {
		t.Errorf("it is shown as %s, error %v", got, err)
	}
	for _, bad := range [][]byte{nil, b[:len(b)-1], append(slices.Clone(b), 0)} {
		if got, err := e.AppendJSON(nil, bad); got != nil || !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%x is shown as %s, error %v", bad, got, err)
		}
	}
	for _, id := range []string{"", "archive/1", "archive-key/2(x)", "archive-key/1"} {
		if _, err := archive.ExplainKey(id); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("the ID %q: error %v", id, err)
		}
	}
	if _, err := archive.ExplainKey("archive-key/1(x)"); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("a damaged ID: error %v", err)
	}
}

// Rows are found by their keys, in a storage.
func TestKeyTable(t *testing.T) {
	ctx := context.Background()
	s, err := core.Open(ctx, "x", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	table, err := core.OpenTable(ctx, s, "x", keyFormat(), nodes())
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range someKeys {
		if err := table.Put(ctx, k,
			kinds.Node{Name: k.Name, Children: make([]kinds.Node, i)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, k := range someKeys {
		err := table.View(ctx, k, func(v kinds.NodeView) error {
			if v.Name() != k.Name || v.Children().Len() != i {
				t.Errorf("%+v has %q and %d", k, v.Name(), v.Children().Len())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
