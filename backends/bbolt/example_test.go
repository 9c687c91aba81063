// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	bolt "go.etcd.io/bbolt"
)

// A storage is one file.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := core.Open(ctx, filepath.Join(dir, "notes"), bbolt.Backend{})
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

// A process that has the storage open excludes others. How long those wait is a field of the
// Backend.
func ExampleBackend() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "notes.db")
	b := bbolt.Backend{LockTimeout: 10 * time.Millisecond, FileMode: 0o640}

	db, err := core.Open(ctx, path, b)
	if err != nil {
		log.Fatal(err)
	}
	_, err = core.Open(ctx, path, b)
	fmt.Println("a second writer is locked out:", errors.Is(err, core.ErrLocked))

	var handle *bolt.DB
	fmt.Println("the engine's own handle:", db.As(&handle), handle.IsReadOnly())
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}

	// Several may read.
	for range 2 {
		db, err := core.Open(ctx, path, b, core.WithReadOnly())
		if err != nil {
			log.Fatal(err)
		}
		defer db.Close()
	}
	fmt.Println("two read")
	// Output:
	// a second writer is locked out: true
	// the engine's own handle: true false
	// two read
}
