// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"time"

	"github.com/guardkv/guardkv/backends/etcd"
	"github.com/guardkv/guardkv/backends/postgres"
	"github.com/guardkv/guardkv/core"
)

// Address is where the servers of an engine are.
type Address struct {
	Engine    string
	URL       string   `json:",omitempty"` // of PostgreSQL
	Endpoints []string `json:",omitempty"` // of etcd
}

// patience is how long a commit may take until its outcome is unknown.
const patience = 2 * time.Second

// Backend returns the backend of another process.
func (a Address) Backend() (core.Backend, error) {
	switch a.Engine {
	case "postgres":
		return postgres.Backend{URL: a.URL, Commit: patience}, nil
	case "etcd":
		return etcd.Backend{Endpoints: a.Endpoints, Timeout: patience}, nil
	}
	return nil, fmt.Errorf("no engine %q", a.Engine)
}
