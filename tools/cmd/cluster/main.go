// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Cluster runs until its time is over. It kills servers of real clusters, stops them and cuts
// connections while clients in several processes use storages on them, and checks what the clients
// were told. It prints the counts as a table in Markdown.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/tools/cluster"
)

func main() {
	backendtest.RunChild(cluster.Children)
	length := flag.Duration("time", 5*time.Minute, "how `long` to go on with each engine, at least "+
		"until every scenario has run")
	engine := flag.String("engine", "all", "postgres, etcd or all")
	flag.Parse()
	if err := run(*length, *engine); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(length time.Duration, engine string) error {
	engines, err := cluster.EnginesNamed(engine)
	if err != nil {
		return err
	}
	for _, e := range engines {
		if err := try(e, length); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return nil
}

// try runs all scenarios on a cluster, again and again.
func try(e cluster.Engine, length time.Duration) (err error) {
	c, err := e.Start()
	if err != nil {
		return err
	}
	s, err := cluster.NewSite(c)
	if err != nil {
		return err
	}
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	var report cluster.Report
	start := time.Now()
	for round := 0; round == 0 || time.Since(start) < length; round++ {
		for _, sc := range cluster.Scenarios {
			f, err := cluster.Usual.Run(context.Background(), s, sc, rand.Uint64())
			if err == nil {
				fmt.Printf("%s, %s: %s\n", e.Name, sc.Name, f)
				report.Add(sc.Name, f)
				err = f.Err()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", sc.Name, err)
			}
		}
	}
	fmt.Printf("\n%s, %d clients in %d processes, %v:\n\n", e.Name,
		cluster.Usual.Processes*cluster.Usual.Clients, cluster.Usual.Processes,
		time.Since(start).Round(time.Second))
	return report.Write(os.Stdout)
}
