// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// The registry is a relation (PostgreSQL's word for a table) with a row for each storage: its
// path, and its mark. The rows of a storage are in a relation of their own, which is named by
// the storage's ID and never renamed. A storage without a path was removed, but its relation
// could not be dropped yet because somebody reads it.
const (
	registryTable = "guardkv_storages"

	createRegistry = "create table if not exists " + registryTable + " (" +
		"id text primary key, path bytea unique, mark bytea not null, format integer not null)"

	sqlLook   = "select id, mark, format from " + registryTable + " where path = $1"
	sqlList   = "select path from " + registryTable + " where path >= $1 order by path"
	sqlCreate = "insert into " + registryTable + " (id, path, mark, format) values ($1, $2, $3, $4)"
	sqlRename = "update " + registryTable + " set path = $2 where id = $1"
	sqlRemove = "update " + registryTable + " set path = null where id = $1"
	sqlMark   = "update " + registryTable + " set mark = $3 " +
		"where id = $1 and mark = $2 and path is not null"
	sqlRemoved = "select id from " + registryTable + " where path is null limit 100"
	sqlForget  = "delete from " + registryTable + " where id = $1 and path is null"

	sqlSession = "select current_setting('transaction_isolation'), " +
		"current_setting('synchronous_commit', true)"

	sqlBegin  = "begin isolation level serializable"
	sqlCommit = "commit"
)

// format is the number of a storage's format: what its relation looks like and how it is used.
// Another number was written by a version of this package that does something else.
const format = 1

// longestPath is how long a path may be: it is a key of an index.
const longestPath = 2600

// registry is the registry of a database, as one claim knows it.
type registry struct {
	backend Backend
	pool    *pool   // the connections for writing, which an opened engine takes over
	session session // as the last look found it
}

var _ remote.Registry = (*registry)(nil)

func (b Backend) registry() (*registry, error) {
	b = b.withDefaults()
	if err := b.check(); err != nil {
		return nil, err
	}
	config, err := b.parse()
	if err != nil {
		return nil, err
	}
	// Whoever writes counts the writers. This is only a bound.
	return &registry{
		backend: b, pool: newPool(config, "for writing", b.Writers+b.Snapshots+1),
	}, nil
}

// row is a storage's row in the registry.
type row struct {
	id     string
	mark   []byte
	format int
}

// entry returns what a row says, or an error if this version of the package must not touch it.
// nil is no row.
func (r *row) entry(path string) (remote.Entry, error) {
	if r == nil {
		return remote.Entry{}, nil
	}
	if r.format != format {
		return remote.Entry{},
			fmt.Errorf("%w: the storage at %q has format %d, and this version of the backend "+
				"knows format %d: use a newer one", core.ErrNotStorage, path, r.format, format)
	}
	if _, err := relation(r.id); err != nil {
		return remote.Entry{}, err
	}
	return remote.Entry{ID: r.id, Mark: r.mark}, nil
}

// checkPath returns an error for a path that is too long to be a key of the registry.
func checkPath(path string) error {
	if len(path) > longestPath {
		return fmt.Errorf("%w: a path of %d bytes, where %d are possible", core.ErrTooLarge,
			len(path), longestPath)
	}
	return nil
}

// idLength is the length of an ID.
const idLength = 26

// newID returns a random ID of at least 128 bits.
func newID() string { return strings.ToLower(rand.Text()) }

// relation returns the quoted name of a storage's relation. IDs are made by newID; one of
// another form never becomes part of a statement.
func relation(id string) (string, error) {
	if len(id) != idLength || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return "", fmt.Errorf("%w: the registry has the ID %q", core.ErrCorrupt, id)
	}
	return `"guardkv_` + id + `"`, nil
}

// session is what the server says of a session.
type session struct{ isolation, syncCommit string }

// askLook asks for the settings of the session, and for the row of the storage at a path.
func askLook(c *conn, path string) {
	at := c.once(sqlSession)
	c.int16(0)
	c.execute(at)
	at = c.once(sqlLook)
	c.int16(1)
	c.bytes([]byte(path))
	c.execute(at)
}

// looked takes in the answer to askLook, whose statements begin at step from of the request.
func looked(from int, s *session, found **row) answer {
	return func(step int, got [][]byte, _ int64) {
		switch {
		case got == nil:
		case step == from:
			*s = session{string(got[0]), string(got[1])}
		case step == from+1:
			*found = &row{string(got[0]), append([]byte{}, got[1]...), int(number(got[2]))}
		}
	}
}

// number decodes an integer of 4 or 8 bytes.
func number(b []byte) int64 {
	switch len(b) {
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case 8:
		return int64(binary.BigEndian.Uint64(b))
	}
	return -1
}

// check returns an error if a session cannot keep what this package promises.
func (s session) check() error {
	if s.isolation != "serializable" {
		return fmt.Errorf("%w: the server's transactions are %q and cannot be serializable",
			core.ErrUnavailable, s.isolation)
	}
	return nil
}

// limited limits how long a call may take that a claim makes without a context.
func (r *registry) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.backend.Commit)
}

// Look returns what is at a path.
func (r *registry) Look(ctx context.Context, path string) (e remote.Entry, err error) {
	ctx, cancel := r.limited(ctx)
	defer cancel()
	err = r.retried(ctx, func() (err error) {
		e, err = r.tryLook(ctx, path)
		return err
	})
	return e, err
}

func (r *registry) tryLook(ctx context.Context, path string) (remote.Entry, error) {
	var found *row
	wire, err := r.pool.ask(ctx, func(w *conn) {
		found, r.session = nil, session{}
		askLook(w, path)
	}, looked(0, &r.session, &found))
	if wire != nil {
		r.pool.give(wire)
	}
	if code(err) == codeUndefinedTable {
		err = nil
	}
	if err != nil && wire != nil {
		err = refused(err)
	}
	if err != nil {
		return remote.Entry{}, err
	}
	return found.entry(path)
}

// list returns the paths that start with prefix.
func (r *registry) list(ctx context.Context, prefix string) (paths []string, err error) {
	wire, err := r.pool.ask(ctx, func(w *conn) {
		at := w.once(sqlList)
		w.int16(1)
		w.bytes([]byte(prefix))
		w.execute(at)
	}, func(_ int, row [][]byte, _ int64) {
		// Paths after the last match are read as well: there are never many.
		if row != nil && bytes.HasPrefix(row[0], []byte(prefix)) {
			paths = append(paths, string(row[0]))
		}
	})
	if wire != nil {
		r.pool.give(wire)
	}
	if code(err) == codeUndefinedTable {
		return nil, nil
	}
	if err != nil && wire != nil {
		err = refused(err)
	}
	return paths, err
}

// Open returns the engine of a storage.
func (r *registry) Open(
	e remote.Entry, readOnly bool, opts core.EngineOptions,
) (core.Engine, error) {
	if err := r.session.check(); err != nil {
		return nil, err
	}
	d, err := r.driver(e, readOnly, opts)
	if err != nil {
		return nil, err
	}
	dialect := r.backend.Dialect.of()
	powers := core.Powers{Conditions: true, DeleteRange: true, As: d.as}
	if dialect.size {
		powers.Size = d.size
	}
	if dialect.flush {
		powers.Sync = d.flush
	}
	return remote.New(d, remote.Options{
		Limits: dialect.limits, Powers: powers, Beside: true, Snapshots: r.backend.Snapshots,
	}), nil
}

// Close closes the connections.
func (r *registry) Close() error {
	r.pool.close()
	return nil
}
