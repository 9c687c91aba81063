// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import "github.com/guardkv/guardkv/core"

// Promise is one sentence of the specification and the check that proves it.
type Promise struct {
	Name        string // names the subtest
	Explanation string // is printed when the check fails
	Check       func(*Trial)
	BareOnly    bool // spoiled buffers would prove nothing more
	Alone       bool // it is about one process that keeps others out of the storage
	Shared      bool // it is about storages that several processes write to
}

// Applies reports whether a backend that shares its storages so makes the promise.
func (p *Promise) Applies(s core.Sharing) bool {
	if s.Shared() {
		return !p.Alone
	}
	return !p.Shared
}
