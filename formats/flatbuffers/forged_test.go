// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/testfb"
)

// forger writes records whose name is longer than the record says.
type forger struct {
	core.ValueFormat[testfb.AnimalT, testfb.Animal]
}

func (f forger) Append(dst []byte, v testfb.AnimalT) ([]byte, error) {
	b, err := f.ValueFormat.Append(dst, v)
	if err == nil {
		b[len(dst)+strings.Index(string(b[len(dst):]), v.Name)-4] = 200
	}
	return b, err
}

func (f forger) Powers() core.FormatPowers[testfb.AnimalT, testfb.Animal] {
	p := core.PowersOf(f.ValueFormat)
	p.Bind = f.Bind
	return p
}

func (f forger) Bind(
	stored []byte,
) (core.ValueFormat[testfb.AnimalT, testfb.Animal], []byte, error) {
	bound, meta, err := core.PowersOf(f.ValueFormat).Bind(stored)
	return forger{bound}, meta, err
}

// Check believed checksums, but whoever writes a row also writes its checksum. Check has to verify
// rows, and can once the table is open: a storage that is being opened knows no format.
func TestCheckVerifiesForgedRows(t *testing.T) {
	ctx := context.Background()
	backend := memory.New()
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		path := "forged" + string(rune('0'+len(opts)))
		reopen := func(f core.ValueFormat[testfb.AnimalT, testfb.Animal], use func(*core.Storage, *core.Table[string, testfb.AnimalT, testfb.Animal]) error) {
			t.Helper()
			db, err := core.Open(ctx, path, backend, core.WithValidation(core.ValidateFull))
			if err != nil {
				t.Fatalf("%d options: %v", len(opts), err)
			}
			defer db.Close()
			table, err := core.OpenTable(ctx, db, "animals", keys.String(), f, opts...)
			if err != nil {
				t.Fatal(err)
			}
			if err := use(db, table); err != nil {
				t.Fatalf("%d options: %v", len(opts), err)
			}
		}
		reopen(forger{newZoo()},
			func(_ *core.Storage, table *core.Table[string, testfb.AnimalT, testfb.Animal]) error {
				return table.Put(ctx, "rex", testfb.AnimalT{Name: "the name at the end"})
			})
		reopen(newZoo(),
			func(db *core.Storage, table *core.Table[string, testfb.AnimalT, testfb.Animal]) error {
				if err := db.Check(ctx); !errors.Is(err,
					core.ErrCorrupt) || !strings.Contains(err.Error(), "flatbuffers of") {
					t.Errorf("%d options: a check says %v, want ErrCorrupt of the record",
						len(opts), err)
				}
				_, err := table.Delete(ctx, "rex")
				return errors.Join(err, db.Check(ctx))
			})
	}
}
