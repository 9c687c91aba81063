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

// unfitKey is a key format that finds out what K is, and does not like it.
type unfitKey struct{ core.KeyFormat[uint64] }

var errUnfit = errors.New("no such keys")

func (unfitKey) CheckKey() error { return errUnfit }

// A key format that cannot do for K is refused before anything is stored, and not by the first row.
func TestOpenTableAsksTheKeyFormat(t *testing.T) {
	ctx := context.Background()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := core.OpenTable(ctx, db, "rows",
		unfitKey{keys.Uint64()}, values.Bytes()); !errors.Is(err, errUnfit) {
		t.Errorf("error %v, want that of CheckKey", err)
	}
	if tables, err := db.Tables(ctx); err != nil || len(tables) > 0 {
		t.Errorf("%d tables were made, error %v", len(tables), err)
	}
}
