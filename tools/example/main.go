// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Command example is the program of the README.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/formats/cbor"
)

type Person struct {
	Name string `cbor:"1,keyasint"`
	Born int    `cbor:"2,keyasint"`
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
	defer db.Close()
	people, err := core.OpenTable(ctx, db, "people", keys.String(), cbor.New[Person]())
	if err != nil {
		return err
	}

	// A write returns when it is durable. Writes of many goroutines share commits.
	if err := people.Put(ctx, "ada", Person{"Ada Lovelace", 1815}); err != nil {
		return err
	}
	if err := people.Put(ctx, "alan", Person{"Alan Turing", 1912}); err != nil {
		return err
	}

	// A guard holds a row as it is, whatever is written meanwhile, and blocks nobody.
	ada, err := people.Get(ctx, "ada")
	if err != nil {
		return err // errors.Is(err, core.ErrNotFound) when absent
	}
	defer ada.Close()

	// A transaction over any number of tables: all of it or nothing.
	err = db.Update(ctx, func(tx *core.Tx) error {
		p := people.In(tx)
		if err := p.Put(ctx, "ada", Person{"Augusta Ada King", 1815}); err != nil {
			return err
		}
		return p.Put(ctx, "grace", Person{"Grace Hopper", 1906})
	})
	if err != nil {
		return err
	}
	fmt.Println("the guard still shows", ada.Value().Name)

	// A scan sees one moment, in the order of the keys.
	for row, err := range people.Scan().From("a").To("b").Rows(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(row.Key, row.Value.Name, row.Value.Born)
	}
	return nil
}
