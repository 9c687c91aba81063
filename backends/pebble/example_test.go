// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/backends/pebble"
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

	db, err := core.Open(ctx, filepath.Join(dir, "notes"), pebble.Backend{})
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

// An open storage keeps blocks in memory, up to a size that is a field of the Backend. Compact
// runs beside readers.
func ExampleBackend() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := core.Open(ctx, filepath.Join(dir, "numbers"), pebble.Backend{CacheSize: 16 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	numbers, err := core.OpenTable(ctx, db, "numbers", keys.Int(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	stats, err := numbers.PutStream(ctx, func(yield func(int, string) bool) {
		for i := range 10_000 {
			if !yield(i, "a number") {
				return
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	// one write, whatever is in the range
	if err := numbers.Scan().From(100).Clear(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := db.Compact(ctx); err != nil {
		log.Fatal(err)
	}
	left, err := numbers.Count(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Rows, "rows, then", left)
	// Output: 10000 rows, then 100
}
