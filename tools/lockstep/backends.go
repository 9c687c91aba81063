// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"github.com/guardkv/guardkv/backends/badger"
	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/backends/pebble"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// Backends are all backends.
var Backends = []Backend{
	{"memory", func() core.Backend { return memory.New() }},
	{"bbolt", func() core.Backend { return bbolt.Backend{} }},
	{"pebble", func() core.Backend { return pebble.Backend{} }},
	{"badger", func() core.Backend { return badger.Backend{} }},
}
