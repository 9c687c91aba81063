// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Command bbolt-archive is an application with one engine and one format.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/formats/archive"
)

//go:generate go tool guardkv-archive -type Person

// Person is what the table holds.
type Person struct {
	Name string
	Born int
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	db, err := core.Open(ctx, "people.db", bbolt.Backend{})
	if err != nil {
		return err
	}
	people, err := core.OpenTable(ctx, db, "people", keys.Uint64(), archive.New[Person, PersonView]())
	if err != nil {
		return err
	}
	if err := people.Put(ctx, 1815, Person{"Ada Lovelace", 1815}); err != nil {
		return err
	}
	if err := show(ctx, people, 1815); err != nil {
		return err
	}
	if _, err := people.Get(ctx, 1816); !errors.Is(err, core.ErrNotFound) {
		return fmt.Errorf("got %v for a key that is absent", err)
	}
	return db.Close()
}

func show(ctx context.Context, people *core.Table[uint64, Person, PersonView], key uint64) error {
	g, err := people.Get(ctx, key)
	if err != nil {
		return err
	}
	defer g.Close()
	fmt.Printf("%s, born %d\n", g.Value().Name(), g.Value().Born())
	return nil
}
