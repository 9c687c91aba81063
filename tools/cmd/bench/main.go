// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Bench compares work done through GuardKV with the same work done by hand on the engine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/pprof"

	"github.com/guardkv/guardkv/tools/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run reads the flags and runs the benchmarks.
func run(ctx context.Context) error {
	cfg := bench.Config{Out: os.Stdout}
	flag.BoolVar(&cfg.Short, "short", false, "less data and fewer rounds: done in two minutes")
	flag.StringVar(&cfg.Dir, "dir", "",
		"make the databases in this `folder`, whose disk is then measured")
	flag.Float64Var(&cfg.Slowdown, "slowdown", 0,
		"slow GuardKV down by this `fraction` of the time by hand, to test the harness")
	flag.Func("run", "do only the works whose names match this `regexp`, such as bbolt/get/128B",
		func(s string) (err error) {
			cfg.Run, err = regexp.Compile(s)
			return err
		})
	flag.IntVar(&cfg.Yours.Size, "size", 0, "your data: `bytes` of a record (default 128)")
	flag.IntVar(&cfg.Yours.Rows, "rows",
		0, "your data: `number` of records (default 1000000, with -short 100000)")
	flag.IntVar(&cfg.Yours.Reads, "reads",
		0, "your data: `percent` of the operations that read, -1 for none (default 90)")
	list := flag.Bool("list", false, "print the names of the works")
	json := flag.String("json", "", "write everything that was measured to this `file`")
	html := flag.String("html", "", "write a page with charts to this `file`")
	gate := flag.Bool("gate", false, "measure only the works with bounds, and fail if one exceeds them")
	profile := flag.String("cpuprofile", "", "write a profile for go tool pprof to this `file`")
	again := flag.String("from", "",
		"measure nothing, but make the page from a `file` that -json wrote")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flag.Arg(0))
	}
	if *list {
		return bench.List(cfg)
	}
	if *gate {
		return bench.Gate(ctx, cfg)
	}
	if terminal(os.Stderr) {
		cfg.Progress = os.Stderr
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return errors.Join(err, f.Close())
		}
		defer f.Close()
		defer pprof.StopCPUProfile()
	}
	files, err := create(map[string]*io.Writer{*json: &cfg.JSON, *html: &cfg.HTML})
	if err != nil {
		return err
	}
	if *again != "" {
		err = bench.Render(*again, cfg)
	} else {
		err = bench.Run(ctx, cfg)
	}
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// create creates the requested files before anything is measured, so that an error comes early.
func create(outputs map[string]*io.Writer) (files []*os.File, err error) {
	for path, w := range outputs {
		if path == "" {
			continue
		}
		f, err := os.Create(path)
		if err != nil {
			return files, err
		}
		*w, files = f, append(files, f)
	}
	return files, nil
}

// terminal reports whether f is a device that shows characters.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
