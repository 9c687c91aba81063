// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// unfitValue is a value format that finds out what V is, and does not like it.
type unfitValue struct {
	core.ValueFormat[[]byte, []byte]
}

var errUnfitValue = errors.New("no such values")

func (unfitValue) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte, []byte]{CheckValue: func() error { return errUnfitValue }}
}

// A value format that does not fit V was found out only with the first row, after the table had
// been made, or never: what was read was not what had been stored. Now OpenTable refuses it, for
// new and existing tables.
func TestOpenTableAsksTheValueFormat(t *testing.T) {
	ctx := context.Background()
	db, err := core.Open(ctx, "db", memory.New(), core.WithRecreate(core.OnFormatChange))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unfit := unfitValue{values.Bytes()}
	if _, err := core.OpenTable(ctx, db, "rows",
		keys.Uint64(), unfit); !errors.Is(err, errUnfitValue) {
		t.Errorf("a new table: error %v, want that of CheckValue", err)
	}
	if tables, err := db.Tables(ctx); err != nil || len(tables) > 0 {
		t.Errorf("%d tables were made, error %v", len(tables), err)
	}
	if _, err := core.OpenTable(ctx, db, "rows", keys.Uint64(), values.Bytes()); err != nil {
		t.Fatal(err)
	}
	if _, err := core.OpenTable(ctx, db, "rows",
		keys.String(), unfit); !errors.Is(err, errUnfitValue) {
		t.Errorf("an old table of other keys: error %v, want that of CheckValue", err)
	}
	if tables, err := db.Tables(ctx); err != nil || len(tables) != 1 {
		t.Errorf("%d tables are there, want the one; error %v", len(tables), err)
	}
}
