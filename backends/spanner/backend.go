// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"google.golang.org/api/option"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Backend keeps storages in a database of Cloud Spanner. The path of a storage is its name
// there. Database must be set; the zero values of all other fields are good defaults.
type Backend struct {
	// Database is its name: "projects/my-project/instances/my-instance/databases/my-database".
	Database string

	// Table is the table that storages are in. Storages in other tables are not seen. It is
	// created with the first storage, if the program is allowed to do that; the README shows
	// the statement. The default is "guardkv".
	Table string

	// Timeout is how long a write may take before its outcome counts as unknown, and how long a
	// read is tried again while the service does not answer. The default is ten seconds.
	Timeout time.Duration

	// Writers is how many writing transactions a process runs at once. The default is 16.
	Writers int

	// Metrics lets the client of Spanner send its own measurements to Cloud Monitoring. By
	// default it sends nothing.
	Metrics bool

	// Options are passed to the client of Spanner: credentials, if not the default ones of the
	// environment, or another endpoint. They are never part of an error or a log.
	Options []option.ClientOption
}

var _ core.Backend = Backend{}

// The defaults of Backend.
const (
	defaultTable   = "guardkv"
	defaultTimeout = 10 * time.Second
	defaultWriters = 16
)

// Name returns "spanner".
func (Backend) Name() string { return "spanner" }

// Sharing says that many processes may write.
func (b Backend) Sharing() core.Sharing {
	b = b.withDefaults()
	return core.Sharing{Writers: b.Writers, Commit: b.Timeout}
}

// Resolve returns the path, which is only a name.
func (Backend) Resolve(path string) (string, error) { return path, nil }

// List returns the names of storages that start with prefix.
func (b Backend) List(ctx context.Context, prefix string) ([]string, error) {
	c, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return registry{c}.list(ctx, prefix)
}

// Claim looks up nothing yet, and locks nothing.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	c, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	return remote.NewClaim(ctx, registry{c}, path, readOnly), nil
}

// String returns a description without credentials.
func (b Backend) String() string {
	b = b.withDefaults()
	return fmt.Sprintf("spanner.Backend{%q, table %q}", b.Database, b.Table)
}

// GoString returns a description without credentials.
func (b Backend) GoString() string { return b.String() }

func (b Backend) withDefaults() Backend {
	if b.Table == "" {
		b.Table = defaultTable
	}
	if b.Timeout <= 0 {
		b.Timeout = defaultTimeout
	}
	if b.Writers <= 0 {
		b.Writers = defaultWriters
	}
	return b
}

var (
	databaseNames = regexp.MustCompile("^projects/[^/]+/instances/[^/]+/databases/[^/]+$")
	tableNames    = regexp.MustCompile("^[A-Za-z][A-Za-z0-9_]{0,127}$")
)

// check returns an error for options that cannot work. The name of the table becomes part of
// statements, so check limits its characters.
func (b Backend) check() error {
	if !databaseNames.MatchString(b.Database) {
		return errors.New("spanner.Backend.Database must name a database, such as " +
			`"projects/my-project/instances/my-instance/databases/my-database"`)
	}
	if !tableNames.MatchString(b.Table) {
		return fmt.Errorf("spanner.Backend.Table is %q: it must begin with a letter, and have only "+
			"letters, digits and underscores, 128 at most", b.Table)
	}
	return nil
}

// checkPath returns an error for a path that is too long to be part of a key.
func checkPath(path string) error {
	if len(path) > longestKey {
		return fmt.Errorf("%w: a path of %d bytes, where %d are possible", core.ErrTooLarge,
			len(path), longestKey)
	}
	return nil
}
