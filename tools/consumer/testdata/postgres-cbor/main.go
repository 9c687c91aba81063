// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Command postgres-cbor is an application on a server. Without a URL of one in its environment
// it asks where nobody answers, and goes on.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/guardkv/guardkv/backends/postgres"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/formats/cbor"
)

type person struct {
	Name string
	Born int
}

var ada = person{"Ada Lovelace", 1815}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	server := postgres.Backend{URL: os.Getenv("POSTGRES_URL")}
	if server.URL == "" {
		server.URL = "postgres://127.0.0.1:1/people?connect_timeout=1"
	}
	db, err := core.Open(ctx, "people", server)
	if errors.Is(err, core.ErrUnavailable) {
		fmt.Printf("%s, born %d\n", ada.Name, ada.Born)
		return nil
	} else if err != nil {
		return err
	}
	people, err := core.OpenTable(ctx, db, "people", keys.Uint64(), cbor.New[person]())
	if err != nil {
		return err
	}
	if err := people.Put(ctx, 1815, ada); err != nil {
		return err
	}
	found, err := people.Load(ctx, 1815)
	if err != nil {
		return err
	}
	fmt.Printf("%s, born %d\n", found.Name, found.Born)
	return db.Close()
}
