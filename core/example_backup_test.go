// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// A backup is restored to any backend: here both are in memory, and the file is a buffer.
func ExampleRestore() {
	ctx := context.Background()
	db, err := core.Open(ctx, "people", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	people, err := core.OpenTable(ctx, db, "people",
		keys.String(), values.String(), core.WithChecksums())
	if err != nil {
		log.Fatal(err)
	}
	if err := people.Put(ctx, "ada", "Ada Lovelace"); err != nil {
		log.Fatal(err)
	}

	var file bytes.Buffer
	if err := db.Backup(ctx, &file); err != nil {
		log.Fatal(err)
	}

	progress := func(p core.RestoreProgress) { fmt.Println(p.Rows, "rows of", p.Bytes, "bytes") }
	restored,
		err := core.Restore(ctx, "people", memory.New(), &file, core.WithRestoreProgress(progress))
	if err != nil {
		log.Fatal(err)
	}
	defer restored.Close()
	people, err = core.OpenTable(ctx, restored, "people", keys.String(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(people.Load(ctx, "ada"))
	// Output:
	// 1 rows of 147 bytes
	// Ada Lovelace <nil>
}
