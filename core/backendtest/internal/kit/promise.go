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
	Alone       bool // for backends whose claims keep other processes out
	Shared      bool // for backends whose storages several processes write to
}

// Applies reports whether a backend that shares its storages like this makes the promise.
func (p *Promise) Applies(s core.Sharing) bool {
	if s.Shared() {
		return !p.Alone
	}
	return !p.Shared
}
