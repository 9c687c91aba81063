// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"errors"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
)

var spans = []Span{{}, {-time.Hour, 3}, {1, 1 << 62}}

// Views lie in memory of their own, so they do not refer to the stored bytes.
var veiledExtras = formattest.Extras[Span, SpanView]{Value: extras.Value}

func TestVeiled(t *testing.T) {
	formattest.RunWith(t, Veiled(SpanFormat{}), veiledExtras, spans...)
	formattest.Around(t, Veiled[[]byte, []byte])
}

func TestVeiledTwice(t *testing.T) {
	formattest.RunWith(t, Veiled(Veiled(SpanFormat{})), veiledExtras, spans...)
}

func FuzzVeiled(f *testing.F) { formattest.FuzzWith(f, Veiled(SpanFormat{}), veiledExtras, spans...) }

func TestCounted(t *testing.T) {
	formattest.RunWith(t, Counted[Span, SpanView]{SpanFormat{}, new(Counts)}, extras, spans...)
	formattest.RunWith(t, Counted[Span, SpanView]{Veiled(SpanFormat{}), new(Counts)}, veiledExtras, spans...)
}

// A wrapper keeps what it does not change: a counted table is opened without counting, and the other way round.
func TestTables(t *testing.T) {
	ctx := t.Context()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	var counts Counts
	counted, err := core.OpenTable(ctx, db, "veiled", keys.String(), Counted[Span, SpanView]{Veiled(SpanFormat{}), &counts})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"a", "b"} {
		if err := counted.Put(ctx, k, Span{1, 2}); err != nil {
			t.Fatal(err)
		}
	}
	for row, err := range counted.Scan().Rows(ctx) {
		if err != nil || row.Value.To() != 2 {
			t.Errorf("row %q ends at %v, %v", row.Key, row.Value.To(), err)
		}
	}
	if a, v := counts.Appended.Load(), counts.Viewed.Load(); a != 2 || v != 2 {
		t.Errorf("%d values were appended and %d viewed, want 2 and 2", a, v)
	}
	table, err := core.OpenTable(ctx, db, "veiled", keys.String(), Veiled(SpanFormat{}))
	if err != nil {
		t.Fatal(err)
	}
	g, err := table.Get(ctx, "b")
	if err != nil || g.Value().From() != 1 {
		t.Errorf("the row is %v, %v", g.Value(), err)
	}
	g.Close()
	if _, err := core.OpenTable(ctx, db, "veiled", keys.String(), SpanFormat{}); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("opened without its veil: %v", err)
	}
	if err := errors.Join(db.Check(ctx), db.Close()); err != nil {
		t.Error(err)
	}
}

// What explains the format inside explains the veiled one too, whose rows it is given without their veil.
func TestExplain(t *testing.T) {
	ctx := t.Context()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]core.ValueFormat[Span, SpanView]{
		"plain": SpanFormat{}, "veiled": Veiled(SpanFormat{}), "twice": Veiled(Veiled(SpanFormat{})),
	} {
		table, err := core.OpenTable(ctx, db, name, keys.String(), f)
		if err == nil {
			err = table.Put(ctx, "k", Span{time.Second, time.Hour})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	infos, err := db.Tables(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		e, err := info.Explain(Explain, ExplainVeiled(Explain), ExplainVeiled(ExplainVeiled(Explain)))
		if err != nil || e.Schema != "From and To, two durations" {
			t.Errorf("table %s is explained as %q, %v", info.Name, e.Schema, err)
			continue
		}
		raw, err := core.OpenRaw(ctx, db, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range raw.Scan().Rows(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			text, err := e.AppendJSON(nil, row.Key, row.Value)
			if err != nil || string(text) != `{"From":"1s","To":"1h0m0s"}` {
				t.Errorf("the row of table %s is shown as %s, %v", info.Name, text, err)
			}
			if text, err := e.AppendJSON(nil, row.Key, row.Value[1:]); text != nil || !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("a damaged row of table %s is shown as %s, %v", info.Name, text, err)
			}
		}
	}
	if _, err := ExplainVeiled(Explain)(core.TableInfo{ValueFormat: "veiled/1(span/1)"}); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("a veiled table without an ID: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
