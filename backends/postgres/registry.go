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
)

// The registry is a relation (PostgreSQL's word for a table) with a row for each storage: its
// path, and its mark. The rows of a storage are in a relation of their own, which is named by
// the storage's ID and never renamed. A storage without a path was removed, but its relation
// could not be dropped yet because somebody reads it.
const (
	registry = "guardkv_storages"

	createRegistry = "create table if not exists " + registry + " (" +
		"id text primary key, path bytea unique, mark bytea not null, format integer not null)"

	sqlLook   = "select id, mark, format from " + registry + " where path = $1"
	sqlList   = "select path from " + registry + " where path >= $1 order by path"
	sqlCreate = "insert into " + registry + " (id, path, mark, format) values ($1, $2, $3, $4)"
	sqlRename = "update " + registry + " set path = $2 where id = $1"
	sqlRemove = "update " + registry + " set path = null where id = $1"
	sqlMark   = "update " + registry + " set mark = $3 " +
		"where id = $1 and mark = $2 and path is not null"
	sqlRemoved = "select id from " + registry + " where path is null limit 100"
	sqlForget  = "delete from " + registry + " where id = $1 and path is null"

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

// entry is a storage's row in the registry.
type entry struct {
	id     string
	mark   []byte
	format int
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
func looked(from int, s *session, found **entry) answer {
	return func(step int, row [][]byte, _ int64) {
		switch {
		case row == nil:
		case step == from:
			*s = session{string(row[0]), string(row[1])}
		case step == from+1:
			*found = &entry{string(row[0]), append([]byte{}, row[1]...), int(number(row[2]))}
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

// check returns an error for a storage that this version of the package must not touch.
func (e *entry) check(path string) error {
	if e == nil {
		return nil
	}
	if e.format != format {
		return fmt.Errorf("%w: the storage at %q has format %d, and this version of the backend "+
			"knows format %d: use a newer one", core.ErrNotStorage, path, e.format, format)
	}
	_, err := relation(e.id)
	return err
}

// same reports whether two looks saw the same storage with the same mark, or nothing.
func same(a, b *entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.id == b.id && bytes.Equal(a.mark, b.mark)
}

// check returns an error if a session cannot keep what this package promises.
func (s session) check() error {
	if s.isolation != "serializable" {
		return fmt.Errorf("%w: the server's transactions are %q and cannot be serializable",
			core.ErrUnavailable, s.isolation)
	}
	return nil
}

// list returns the paths that start with prefix.
func (c *claim) list(ctx context.Context, prefix string) (paths []string, err error) {
	wire, err := c.pool.ask(ctx, func(c *conn) {
		at := c.once(sqlList)
		c.int16(1)
		c.bytes([]byte(prefix))
		c.execute(at)
	}, func(_ int, row [][]byte, _ int64) {
		// Paths after the last match are read as well: there are never many.
		if row != nil && bytes.HasPrefix(row[0], []byte(prefix)) {
			paths = append(paths, string(row[0]))
		}
	})
	if wire != nil {
		c.pool.give(wire)
	}
	if code(err) == codeUndefinedTable {
		return nil, nil
	}
	if err != nil && wire != nil {
		err = refused(err)
	}
	return paths, err
}
