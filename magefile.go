// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build mage

// The verbs of this repository: go tool mage -l lists them, nothing has to be installed. What
// each one does is in package tools.
package main

import (
	"time"

	"github.com/guardkv/guardkv/tools"
)

// Demo runs the demonstration on one backend and one format. A server is that of -url, or one
// that is started and thrown away.
func Demo(backend, format, keep, url *string) error {
	return tools.Demo(backend, format, keep, url)
}

// Test runs the tests of all modules, in random order, each published one alone with the versions
// that its own go.mod picks.
func Test() error { return tools.Test() }

// Servers builds the servers that tests need and that no system's packages have to have: etcd. Of
// PostgreSQL the tests take the system's package.
func Servers() error { return tools.Servers() }

// Race is Test under the race detector, where goroutines share something. It needs a C compiler.
func Race() error { return tools.Race() }

// Lint runs the linters and checks headers, links and leftovers.
func Lint() error { return tools.Lint() }

// Isolated builds each module alone, as Test tests it, checks that its go.mod is tidy, and checks
// its types for other platforms.
func Isolated() error { return tools.Isolated() }

// Consumer builds programs outside the workspace and checks what is linked into them. -write
// puts it into docs/choosing.md.
func Consumer(write *bool) error { return tools.Consumer(write) }

// Release says which modules would get which tags, and with -do commits and tags.
// -date=2006-01-02 is that of the changelogs.
func Release(do *bool, date *string) error { return tools.Release(do, date) }

// Golden writes the golden storages that are missing, which later versions must read, and what is
// shown of them. It overwrites none.
func Golden() error { return tools.Golden() }

// Bench compares with the engines used by hand; -size, -rows and -reads (percent) describe data
// of your own.
func Bench(short *bool, run, dir, json, html *string, size, rows, reads *int) error {
	return tools.Bench(tools.BenchFlags{
		Short: short, Run: run, Dir: dir, JSON: json, HTML: html, Size: size,
		Rows: rows, Reads: reads,
	})
}

// Gate fails if reads, scans or loads got worse: allocations exactly, times within generous bounds.
func Gate() error { return tools.Gate() }

// Fuzz runs every fuzz target of the published modules, each for -time (default 30s).
func Fuzz(time *time.Duration) error { return tools.Fuzz(time) }

// Soak runs random programs on all backends and on a model for -time (default 5m), and compares
// everything they show.
func Soak(time *time.Duration) error { return tools.Soak(time) }

// Histories lets random clients of two processes use shared storages for -time (default 5m), over
// a network that is not to be relied on, and checks that what they saw is linearizable.
func Histories(time *time.Duration) error { return tools.Histories(time) }

// Cluster kills servers of PostgreSQL and etcd, stops them, and cuts connections, for -time
// (default 5m) with each -engine (postgres, etcd or all), and checks what 64 clients were told.
func Cluster(time *time.Duration, engine *string) error { return tools.Cluster(time, engine) }
