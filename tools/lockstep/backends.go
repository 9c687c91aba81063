// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/modules"
)

// Backends are all backends, the reference first, and memory as two processes share it.
var Backends = func() []Backend {
	var plain, others []Backend
	for _, e := range modules.Engines {
		if e.Name == "memory" {
			plain = append(plain, Backend{e.Name, e.New})
		} else {
			others = append(others, Backend{e.Name, e.New})
		}
	}
	return append(append(plain, others...), Backend{
		"memory, two processes", func() core.Backend { return memory.NewShared() },
	})
}()
