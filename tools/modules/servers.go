// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modules

import (
	"strings"

	"github.com/guardkv/guardkv/backends/etcd"
	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
	"github.com/guardkv/guardkv/backends/postgres"
	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
)

// Server is a backend whose storages are on a server, or on a cluster of them.
type Server struct {
	Name string // the folder below backends

	// At returns the backend of the server at a URL, which may hold a password.
	At func(url string) core.Backend

	// Start starts a server that is thrown away by stop, with its files in a folder. Its error
	// wraps [os/exec.ErrNotFound] where the programs of the server are missing, and says what
	// to install.
	Start func(dir string) (url string, stop func() error, err error)
}

// Servers are the backends of servers. They are not among Engines, which need only a path.
var Servers = []Server{
	{"etcd", etcdAt, startEtcd},
	{"postgres", postgresAt, startPostgres},
}

// Apart are backends of servers that no tool links: their clients are so large that every tool
// would take more than twice as long to build. Their own tests cover them, and a program outside
// the workspace does.
var Apart = []string{"spanner"}

// etcdAt takes the addresses of the servers, separated by commas.
func etcdAt(url string) core.Backend {
	return etcd.Backend{Endpoints: strings.Split(url, ",")}
}

// startEtcd starts one node, which has a folder of its own: the address of its socket must be
// short.
func startEtcd(string) (url string, stop func() error, err error) {
	cluster, err := etcdtest.Start(1, "--unsafe-no-fsync")
	if err != nil {
		return "", nil, err
	}
	return strings.Join(cluster.Endpoints(), ","), cluster.Close, nil
}

func postgresAt(url string) core.Backend { return postgres.Backend{URL: url} }

// startPostgres starts one server, which has a folder of its own for the same reason, and because
// it may run as another user.
func startPostgres(string) (url string, stop func() error, err error) {
	server, err := postgrestest.Start(postgrestest.Options{NoSync: true})
	if err != nil {
		return "", nil, err
	}
	return server.URL(), server.Close, nil
}
