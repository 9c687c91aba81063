// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"fmt"
	"log"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
)

// Filing is a struct of the program, and FilingView what guardkv-archive generated of it.
func Example() {
	ctx := context.Background()
	db, err := core.Open(ctx, "filings", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	filings, err := core.OpenTable(ctx, db, "filings",
		keys.Uint64(), archive.New[kinds.Filing, kinds.FilingView]())
	if err != nil {
		log.Fatal(err)
	}
	filing := kinds.Filing{
		Number: 7, Form: "10-K",
		Notes: []kinds.Note{{Text: "draft"}, {Text: "late"}},
	}
	if err := filings.Put(ctx, 7, filing); err != nil {
		log.Fatal(err)
	}
	g, err := filings.Get(ctx, 7)
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	fmt.Println(g.Value().Form(), g.Value().Tags().Len())
	for i, note := range g.Value().Notes().All() {
		fmt.Println(i, note.Text())
	}
	// Output:
	// 10-K 0
	// 0 draft
	// 1 late
}
