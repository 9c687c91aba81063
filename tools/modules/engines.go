// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package modules is the table of the engines and the formats of this repository. The
// demonstration, the benchmarks, the programs in lockstep, the golden storages, the tests of
// wrapped formats and the checks of documents go through it, so an engine or a format with a row
// here is in all of them.
package modules

import (
	"strings"

	"github.com/guardkv/guardkv/backends/badger"
	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/backends/pebble"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// Engine is a backend with its zero options.
type Engine struct {
	Name   string              // the folder below backends, except memory, which is part of core
	New    func() core.Backend // a fresh one
	OnDisk bool
}

// Engines are all engines, memory last.
var Engines = []Engine{
	{"bbolt", func() core.Backend { return bbolt.Backend{} }, true},
	{"pebble", func() core.Backend { return pebble.Backend{} }, true},
	{"badger", func() core.Backend { return badger.Backend{} }, true},
	{"memory", func() core.Backend { return memory.New() }, false},
}

// Wrappers are the folders below formats of the formats that go around others. They have no row
// among Formats: each has benchmarks, tests and programs of its own.
var Wrappers = []string{"compress", "encrypt"}

// BackendNames names the engines and the servers, separated by "|".
func BackendNames() string {
	var names []string
	for _, e := range Engines {
		names = append(names, e.Name)
	}
	for _, s := range Servers {
		names = append(names, s.Name)
	}
	return strings.Join(names, "|")
}
