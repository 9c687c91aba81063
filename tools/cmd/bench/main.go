// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Bench compares work done through GuardKV with the same work done by hand on the engine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"

	"github.com/guardkv/guardkv/tools/bench"
)

func main() {
	cfg := bench.Config{Out: os.Stdout}
	flag.BoolVar(&cfg.Short, "short", false, "less data and fewer rounds: done in well under a minute")
	flag.StringVar(&cfg.Dir, "dir", "", "make the databases in this `folder`, whose disk is then measured")
	flag.Float64Var(&cfg.Slowdown, "slowdown", 0,
		"slow GuardKV down by this `part` of the time needed by hand, to test the harness")
	flag.Func("run", "do only what matches this `regexp`: "+strings.Join(bench.Names(), ", "), func(s string) (err error) {
		cfg.Run, err = regexp.Compile(s)
		return err
	})
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench.Run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}
