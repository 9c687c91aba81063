// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/backends/badger"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// A storage is one directory.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := core.Open(ctx, filepath.Join(dir, "notes"), badger.Backend{})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	notes, err := core.OpenTable(ctx, db, "notes", keys.String(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	if err := notes.Put(ctx, "today", "buy milk"); err != nil {
		log.Fatal(err)
	}
	note, err := notes.Get(ctx, "today")
	if err != nil {
		log.Fatal(err)
	}
	defer note.Close()
	if err := notes.Put(ctx, "today", "buy bread"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the guard still shows:", note.Value())
	for row, err := range notes.Scan().Rows(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Key+":", row.Value)
	}
	// Output:
	// the guard still shows: buy milk
	// today: buy bread
}

// Tables are compressed if the Backend says so. The choice may change whenever the storage is
// opened.
func ExampleBackend() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "texts")
	for _, b := range []badger.Backend{{Compression: badger.ZSTD}, {Compression: badger.None}} {
		db, err := core.Open(ctx, path, b)
		if err != nil {
			log.Fatal(err)
		}
		texts, err := core.OpenTable(ctx, db, "texts", keys.Int(), values.String())
		if err != nil {
			log.Fatal(err)
		}
		n, err := texts.Count(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if err := texts.Put(ctx, n, strings.Repeat("text ", 1000)); err != nil {
			log.Fatal(err)
		}
		if _, err := db.Compact(ctx); err != nil { // writes all tables anew, as b says
			log.Fatal(err)
		}
		fmt.Println(n+1, "rows")
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1 rows
	// 2 rows
}
