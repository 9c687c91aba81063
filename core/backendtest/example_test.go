// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// The test of a backend, with yours in place of the one in memory. Each promise is a subtest.
func ExampleRun() {
	TestBackend := func(t *testing.T) {
		backendtest.Run(t, func(t *testing.T) backendtest.Target {
			path := filepath.Join(t.TempDir(), "storage")
			return backendtest.Target{Backend: memory.New(), Path: path}
		})
	}
	_ = TestBackend // go test calls it
}

// What does a program do when the disk is full? The engine says that nothing was written, so
// the storage goes on.
func ExampleFault() {
	ctx := context.Background()
	disk := backendtest.Fault(memory.New())
	db, err := core.Open(ctx, "notes", disk)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	notes, err := core.OpenTable(ctx, db, "notes", keys.Int(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	full := fmt.Errorf("%w: %w", core.ErrNoRoom, errors.New("no space left on device"))
	disk.Fail(backendtest.Failure{Op: backendtest.OpApply, N: 2, Err: full})
	for i := range 3 {
		err := notes.Put(ctx, i, "text")
		fmt.Println(i, "is stored:", err == nil, "- the disk is full:",
			errors.Is(err, core.ErrNoRoom))
	}
	// Output:
	// 0 is stored: true - the disk is full: false
	// 1 is stored: false - the disk is full: true
	// 2 is stored: true - the disk is full: false
}

// A view that is kept beyond its guard is read as it was by chance; behind Spoil it never is.
func ExampleSpoil() {
	ctx := context.Background()
	db, err := core.Open(ctx, "notes", backendtest.Spoil(memory.New()))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	notes, err := core.OpenTable(ctx, db, "notes", keys.Int(), values.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	if err := notes.Put(ctx, 1, []byte("text")); err != nil {
		log.Fatal(err)
	}
	g, err := notes.Get(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	kept := g.Value()
	fmt.Printf("%q\n", kept)
	g.Close()
	fmt.Printf("%q\n", kept) // a mistake
	// Output:
	// "text"
	// "\xcc\xcc\xcc\xcc"
}

// How often does a program go to the server? The time of a trip is left out here.
func ExampleLatency() {
	ctx := context.Background()
	server := backendtest.Latency(memory.New(), 0)
	db, err := core.Open(ctx, "notes", server)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	notes, err := core.OpenTable(ctx, db, "notes", keys.Int(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	trips := func(what string, call func() error) {
		before := server.Trips()
		if err := call(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(what, server.Trips()-before)
	}
	trips("Put:", func() error { return notes.Put(ctx, 1, "text") })
	trips("Load:", func() error { _, err := notes.Load(ctx, 1); return err })
	trips("a transaction:", func() error {
		return db.Update(ctx, func(tx *core.Tx) error {
			text, err := notes.In(tx).Get(ctx, 1)
			if err != nil {
				return err
			}
			return notes.In(tx).Put(ctx, 2, text)
		})
	})
	// Output:
	// Put: 1
	// Load: 1
	// a transaction: 2
}
