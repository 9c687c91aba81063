// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package wrapped

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
)

// shown returns a table as a tool shows it that has no Go type: the schema in words, and a line
// for each row.
func shown(
	t *testing.T, db *core.Storage, name string, explain core.Explainer,
) (schema, rows string, err error) {
	t.Helper()
	e, err := info(t, db, name).Explain(explain)
	if err != nil {
		return "", "", err
	}
	raw, err := core.OpenRaw(t.Context(), db, name)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for row, err := range raw.Scan().Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		line, err := e.AppendJSON(nil, row.Key, row.Value)
		if err != nil {
			return "", "", err
		}
		fmt.Fprintf(&all, "%s\n", line)
	}
	return e.Schema, all.String(), nil
}

func info(t *testing.T, db *core.Storage, name string) core.TableInfo {
	t.Helper()
	infos, err := db.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("there is no table %s", name)
	return core.TableInfo{}
}

func filled[V, W any](
	t *testing.T, db *core.Storage, name string, f core.ValueFormat[V, W], samples []V,
) {
	t.Helper()
	table := open(t, db, name, f)
	for i, v := range samples {
		if err := table.Put(t.Context(), i, v); err != nil {
			t.Fatal(err)
		}
	}
}

// explains tests that rows in everything that goes around a format are shown as they are shown
// without. Only the format inside knows what is in a row and in the metadata. Each format around
// it has to pass on what the inner one recorded, and not its own.
func explains[V, W any](
	t *testing.T, f core.ValueFormat[V, W], explain core.Explainer, samples ...V,
) {
	db, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	filled(t, db, "plain", f, samples)
	schema, rows, err := shown(t, db, "plain", explain)
	if err != nil || strings.Count(rows, "\n") != len(samples) {
		t.Fatalf("without anything around, %d values are shown as\n%s%v", len(samples), rows, err)
	}
	for _, w := range wrappings[V, W](t) {
		t.Run(w.name, func(t *testing.T) {
			formattest.Explain(t, w.wrap(f), w.explain(explain), samples...)
			filled(t, db, w.name, w.wrap(f), samples)
			gotSchema, gotRows, err := shown(t, db, w.name, w.explain(explain))
			if err != nil || gotRows != rows || gotSchema != schema {
				t.Errorf("it is shown as\n%s\n%s, error %v; want\n%s\n%s",
					gotSchema, gotRows, err, schema, rows)
			}
			// an explainer that knows the formats around, and another one inside
			other := core.Explainer(values.Explain)
			if _, _, err := shown(t, db, w.name,
				w.explain(other)); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("the wrong format inside: error %v", err)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	t.Run("cbor", func(t *testing.T) { explains(t, cbor.New[person](), cbor.Explain, people...) })
	t.Run("gob", func(t *testing.T) { explains(t, gob.New[person](), gob.Explain, people...) })
	t.Run("archive", func(t *testing.T) {
		explains(t, archive.New[Note, NoteView](), archive.Explain, notes...)
	})
	t.Run("flatbuffers", func(t *testing.T) {
		explains(t, flatbuffers.New[fb.CharT, fb.Char](fb.Schema), flatbuffers.Explain, chars...)
	})
	t.Run("protobuf", func(t *testing.T) {
		explains(t, protobuf.New[*pb.Char](), protobuf.Explain, messages...)
	})
}

// What a table records of the type inside keeps working while the type changes, whatever goes
// around it. A renamed field is a question there too, and the words still name the old fields.
func TestTheTypeInsideChanges(t *testing.T) {
	type renamed struct {
		FullName string
		Born     int
		Tags     []string
	}
	db, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ways := wrappings[renamed, renamed](t)
	for i, w := range wrappings[person, person](t) {
		for name, inside := range map[string]struct {
			was     core.ValueFormat[person, person]
			is, yes core.ValueFormat[renamed, renamed]
			explain core.Explainer
			words   string
		}{
			"cbor": {
				cbor.New[person](), cbor.New[renamed](),
				cbor.New[renamed](cbor.WithRemoved("Name")), cbor.Explain,
				"\nearlier: Name string",
			},
			"gob": {
				gob.New[person](), gob.New[renamed](),
				gob.New[renamed](gob.WithRemoved("Name")), gob.Explain,
				"FullName",
			},
		} {
			table := w.name + " " + name
			filled(t, db, table, w.wrap(inside.was), people)
			_, err := core.OpenTable(t.Context(), db, table, keys.Int(), ways[i].wrap(inside.is))
			if !errors.Is(err, core.ErrFormatMismatch) ||
				!strings.Contains(err.Error(), `WithRemoved("Name")`) {
				t.Errorf("%s: a renamed field opens with %v", table, err)
			}
			open(t, db, table, ways[i].wrap(inside.yes))
			schema, rows, err := shown(t, db, table, w.explain(inside.explain))
			if err != nil || !strings.Contains(schema, inside.words) ||
				!strings.Contains(rows, `"Name":"Ada"`) {
				t.Errorf("%s is shown as\n%s\n%s, error %v", table, schema, rows, err)
			}
		}
	}
}

// Without the key nothing of a row or of its type is shown.
func TestExplainWithoutTheKey(t *testing.T) {
	db, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	filled(t, db, "t", encrypt.New(compress.New(cbor.New[person]()), ring(t, 1)), people)
	schema, rows, err := shown(t, db, "t",
		encrypt.Explain(compress.Explain(cbor.Explain), ring(t, 2)))
	if !errors.Is(err, encrypt.ErrKey) || schema != "" || rows != "" {
		t.Errorf("it is shown as %q, %q, error %v", schema, rows, err)
	}
}
