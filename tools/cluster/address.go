// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/backends/etcd"
	"github.com/guardkv/guardkv/backends/postgres"
	"github.com/guardkv/guardkv/core"
)

// Address is where the servers of an engine are, and how patient a process is with them.
type Address struct {
	Engine    string
	URL       string   `json:",omitempty"` // of PostgreSQL
	Endpoints []string `json:",omitempty"` // of etcd

	// Commit is how long a commit may take before its outcome counts as unknown; 0 stands for the
	// constant patience.
	Commit time.Duration `json:",omitempty"`
}

// patience is shorter than some of the failures last, so that outcomes become unknown.
const patience = 2 * time.Second

// Backend returns the backend of another process.
func (a Address) Backend() (core.Backend, error) {
	commit := cmp.Or(a.Commit, patience)
	switch a.Engine {
	case "postgres":
		return postgres.Backend{URL: a.URL, Commit: commit}, nil
	case "etcd":
		return etcd.Backend{Endpoints: a.Endpoints, Timeout: commit}, nil
	}
	return nil, fmt.Errorf("no engine %q", a.Engine)
}
