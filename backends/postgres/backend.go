// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Backend keeps storages in a database of PostgreSQL. Only the URL must be set; the zero values
// of all other fields are good defaults. Any number of processes may have one storage open and
// write to it.
type Backend struct {
	// URL says where the database is, and who asks:
	// "postgres://user:password@host:5432/database", or "host=... user=... dbname=...". Several
	// hosts, separated by commas, are tried one after the other; with
	// "target_session_attrs=read-write" the one that accepts writes is chosen, so programs
	// follow a failover. What the URL leaves out comes from the environment, such as PGHOST and
	// PGPASSWORD, and from the password file, as with all clients of PostgreSQL. "search_path"
	// says which schema the storages are in.
	//
	// Neither the URL nor the password, wherever it comes from, is ever part of an error or a
	// log.
	URL string

	// Writers is how many writing transactions a process runs at once, and how many connections
	// it has for them. The default is 8.
	Writers int

	// Snapshots is how many scans, views and snapshots may be open at once. Each has a
	// connection of its own; a scan that ends with its first page has already given it back.
	// One more than that returns core.ErrUnavailable. The default is 16.
	Snapshots int

	// Reads is how many single reads run at once, on connections of their own; others wait. The
	// default is 8.
	Reads int

	// Commit is how long a commit may take before its outcome counts as unknown. The default is
	// 30 seconds.
	Commit time.Duration

	// Idle is how long a transaction or snapshot may ask for nothing before the server ends it
	// and calls return core.ErrSnapshotExpired: as long as it is open, the server cannot clean
	// up what it sees. A scan outside of them ends with its loop, and is not ended by the
	// server. The default is an hour; a negative Idle is the server's own setting.
	Idle time.Duration

	// Dialect names the server, if it is not PostgreSQL.
	Dialect Dialect
}

var _ core.Backend = Backend{}

// Name returns "postgres".
func (Backend) Name() string { return "postgres" }

// Sharing says that several processes may write.
func (b Backend) Sharing() core.Sharing {
	b = b.withDefaults()
	return core.Sharing{Writers: b.Writers, Commit: b.Commit}
}

// Resolve returns the path, which is a name.
func (Backend) Resolve(path string) (string, error) { return path, nil }

// Claim looks up nothing yet, and locks nothing.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkPath(path); err != nil {
		return nil, err
	}
	r, err := b.registry()
	if err != nil {
		return nil, err
	}
	return remote.NewClaim(ctx, r, path, readOnly), nil
}

// List returns the paths that start with prefix.
func (b Backend) List(ctx context.Context, prefix string) ([]string, error) {
	r, err := b.registry()
	if err != nil {
		return nil, err
	}
	defer r.pool.close()
	return r.list(ctx, prefix)
}

func (b Backend) withDefaults() Backend {
	set := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	set(&b.Writers, 8)
	set(&b.Snapshots, 16)
	set(&b.Reads, 8)
	if b.Commit <= 0 {
		b.Commit = 30 * time.Second
	}
	if b.Idle == 0 {
		b.Idle = time.Hour
	}
	return b
}

// check returns an error if the options make no sense.
func (b Backend) check() error {
	if int(b.Dialect) >= len(dialects) {
		return fmt.Errorf("postgres: there is no %v", b.Dialect)
	}
	return nil
}
