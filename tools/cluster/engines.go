// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"strings"
)

// Engine is an engine that runs on a cluster of servers.
type Engine struct {
	Name  string
	Start func() (Cluster, error) // wraps exec.ErrNotFound if its servers are not installed
}

// Engines are all of them.
var Engines = []Engine{{"postgres", StartPostgres}, {"etcd", StartEtcd}}

// EnginesNamed returns one engine, or all if the name is "all".
func EnginesNamed(name string) ([]Engine, error) {
	names := "all"
	for _, e := range Engines {
		if e.Name == name {
			return []Engine{e}, nil
		}
		names = strings.Join([]string{names, e.Name}, "|")
	}
	if name == "all" {
		return Engines, nil
	}
	return nil, fmt.Errorf("no cluster of %q: use %s", name, names)
}
