// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import "github.com/guardkv/guardkv/tools/modules"

// Backends are all backends, the reference first.
var Backends = func() []Backend {
	var memory, others []Backend
	for _, e := range modules.Engines {
		if e.Name == "memory" {
			memory = append(memory, Backend{e.Name, e.New})
		} else {
			others = append(others, Backend{e.Name, e.New})
		}
	}
	return append(memory, others...)
}()
