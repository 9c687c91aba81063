// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Server stands for a database on another machine. It is a mutex and what it protects.
type Server struct {
	mu       sync.Mutex
	storages map[string]*Storage
	trips    int
}

// Storage is what one path leads to. Rows are in the order of their keys, and never changed:
// each write makes new ones.
type Storage struct {
	ID      string // random
	Mark    []byte
	Rows    []remote.Row
	Removed bool
	version uint64 // of the rows that were written last
}

// Do is a trip to the server, and one step there: what it does is done all at once.
func (s *Server) Do(ctx context.Context, step func(map[string]*Storage) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trips++
	if s.storages == nil {
		s.storages = make(map[string]*Storage)
	}
	return step(s.storages)
}

// Trips returns how many there were.
func (s *Server) Trips() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trips
}

// write applies writes, which are in the order of their keys, and sets met.
func (s *Storage) write(writes []core.Write, met []bool) {
	s.version++
	rows := make([]remote.Row, 0, len(s.Rows)+len(writes))
	old := s.Rows
	for i, w := range writes {
		at, found := search(old, w.Key)
		rows = append(rows, old[:at]...)
		old = old[at:]
		if w.When != core.Unconditional {
			if met[i] = w.When.Met(found); !met[i] {
				continue
			}
		}
		if found {
			old = old[1:]
		}
		if !w.Delete {
			rows = append(rows, remote.Row{
				Key: bytes.Clone(w.Key), Value: bytes.Clone(w.Value), Version: s.version,
			})
		}
	}
	s.Rows = append(rows, old...)
}

// search returns where the row at key is, or would be.
func search(rows []remote.Row, key []byte) (at int, found bool) {
	return slices.BinarySearchFunc(rows, key,
		func(r remote.Row, key []byte) int { return bytes.Compare(r.Key, key) })
}

// find returns the row at key.
func find(rows []remote.Row, key []byte) (remote.Row, bool) {
	at, found := search(rows, key)
	if !found {
		return remote.Row{}, false
	}
	return rows[at], true
}

// among returns copies of those rows at keys that are there.
func among(rows []remote.Row, keys [][]byte) (found []remote.Row) {
	for _, key := range keys {
		if row, ok := find(rows, key); ok {
			row.Value = append([]byte{}, row.Value...)
			found = append(found, row)
		}
	}
	return found
}

// within returns the rows of a span.
func within(rows []remote.Row, s remote.Span) []remote.Row {
	from, to := 0, len(rows)
	if s.Low != nil {
		from, _ = search(rows, s.Low)
	}
	if s.High != nil {
		to, _ = search(rows, s.High)
	}
	return rows[from:max(from, to)]
}

// sameVersion reports whether two rows are the same write.
func sameVersion(a, b remote.Row) bool {
	return bytes.Equal(a.Key, b.Key) && a.Version == b.Version
}
