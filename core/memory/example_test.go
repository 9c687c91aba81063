// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"context"
	"fmt"
	"log"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// Storages belong to the Backend: one that was closed is opened again at its path, as on disk.
func Example() {
	ctx := context.Background()
	b := memory.New()
	for range 2 {
		db, err := core.Open(ctx, "visits", b)
		if err != nil {
			log.Fatal(err)
		}
		visits, err := core.OpenTable(ctx, db, "visits", keys.String(), values.JSON[int]())
		if err != nil {
			log.Fatal(err)
		}
		err = visits.Modify(ctx, "ada", func(old int, _ bool) (int, core.Change, error) {
			return old + 1, core.Store, nil
		})
		if err != nil {
			log.Fatal(err)
		}
		n, err := visits.Load(ctx, "ada")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("visit", n)
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// visit 1
	// visit 2
}

// Paths are names, and what lies beside each other is what starts alike.
func ExampleBackend_List() {
	ctx := context.Background()
	b := memory.New()
	for _, path := range []string{"b", "a/2", "a/1"} {
		db, err := core.Open(ctx, path, b)
		if err != nil {
			log.Fatal(err)
		}
		defer db.Close()
	}
	fmt.Println(b.List(ctx, "a/"))
	// Output: [a/1 a/2] <nil>
}
