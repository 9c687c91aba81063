// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// The catalog says which tables there are. It is kept in memory while a storage is open, and on
// disk in table number 0, like any other rows, so that a change of it can be part of the same
// atomic write as the rows it concerns.

// catalog is the list of tables. It lies in the rows of table number 0, each with a checksum:
//
//	"table/" + name    a tableRecord in JSON
//	"dropped/" + n     nothing; the rows of table number n, big endian, are to be deleted
//
// A number is not given out again while one of these rows names it, nor while the storage stays
// open: a read that began before its table was dropped must not find another table's rows.
type catalog struct {
	mu      sync.Mutex // guards the maps; who changes them has the writer's turn too
	tables  map[string]*tableState
	dropped map[uint32]bool
	last    uint32 // the highest number that was given out, or is stored
}

const (
	catalogNumber = 0
	tablePrefix   = "table/"
	droppedPrefix = "dropped/"
)

// tableRecord is what a table remembers of itself.
type tableRecord struct {
	Number    uint32 `json:"number"`
	Key       string `json:"key"`
	Value     string `json:"value"`
	Meta      []byte `json:"meta,omitempty"`
	Checksums bool   `json:"checksums,omitempty"`

	// ID is the TableID of a table whose values are bound to their rows, else nil.
	ID []byte `json:"id,omitempty"`

	// Needs are the features without which the table cannot be read or written; see checkFeatures.
	Needs []string `json:"needs,omitempty"`
}

// tableState is what all handles of one table share.
type tableState struct {
	named   atomic.Pointer[string] // changed by RenameTable
	record  atomic.Pointer[tableRecord]
	dropped atomic.Bool
	use     tableUse
	check   atomic.Pointer[func(key, stored []byte) error]
}

func newTableState(name string, r tableRecord) *tableState {
	t := new(tableState)
	t.named.Store(&name)
	t.record.Store(&r)
	return t
}

func (t *tableState) name() string { return *t.named.Load() }

// catalogRow returns a row of the catalog.
func catalogRow(name string, value []byte) Write {
	key := append(appendTableNumber(nil, catalogNumber), name...)
	return Write{Key: key, Value: appendRowSum(value, 0, []byte(name))}
}

func (r tableRecord) row(name string) (Write, error) {
	b, err := json.Marshal(r)
	return catalogRow(tablePrefix+name, b), err
}

func droppedRow(n uint32) Write {
	return catalogRow(droppedPrefix+string(appendTableNumber(nil, n)), nil)
}

// deletion turns a row into its deletion.
func deletion(w Write) Write { return Write{Key: w.Key, Delete: true} }

// load reads the catalog.
func (c *catalog) load(ctx context.Context, snap Snapshot) error {
	c.tables, c.dropped = make(map[string]*tableState), make(map[uint32]bool)
	low := appendTableNumber(nil, catalogNumber)
	return eachRow(ctx, snap, ScanRange{Low: low, High: prefixEnd(low)}, c.loadRow)
}

func (c *catalog) loadRow(key, stored []byte) error {
	name := string(key[tableNumberSize:])
	value, err := checkRowSum([]byte(name), stored)
	if err != nil {
		return fmt.Errorf("catalog row %q: %w", name, err)
	}
	if n, ok := strings.CutPrefix(name, droppedPrefix); ok && len(n) == tableNumberSize {
		c.dropped[tableNumber([]byte(n))] = true
		c.last = max(c.last, tableNumber([]byte(n)))
		return nil
	}
	table, ok := strings.CutPrefix(name, tablePrefix)
	if !ok {
		return fmt.Errorf("%w: the catalog row %q was written by a later GuardKV",
			ErrVersionMismatch, name)
	}
	var r tableRecord
	if err := decodeRecord(fmt.Sprintf("what is recorded of table %q", table), value,
		&r); err != nil {
		return err
	}
	if err := checkFeatures(fmt.Sprintf("table %q", table), r.Needs); err != nil {
		return err
	}
	if err := checkTableID(fmt.Sprintf("table %q", table), r.ID, r.Needs); err != nil {
		return err
	}
	c.tables[table] = newTableState(table, r)
	c.last = max(c.last, r.Number)
	return nil
}

func (c *catalog) find(name string) *tableState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tables[name]
}

// names returns the tables in the order of their names.
func (c *catalog) names() []*tableState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*tableState, 0, len(c.tables))
	for _, t := range c.tables {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *tableState) int { return strings.Compare(a.name(), b.name()) })
	return all
}

// distinct returns ErrCorrupt if two tables have the same number, because their rows could not
// be told apart, or if one has a number that is never given out.
func (c *catalog) distinct() error {
	owner := map[uint32]string{catalogNumber: "the catalog"}
	for n := range c.dropped {
		if n == catalogNumber || n > maxTableNumber {
			return fmt.Errorf("%w: a dropped table has the number %d", ErrCorrupt, n)
		}
		owner[n] = "a dropped table"
	}
	for _, t := range c.names() {
		n := t.record.Load().Number
		if other, ok := owner[n]; ok {
			return fmt.Errorf("%w: table %q has the same number %d as %s",
				ErrCorrupt, t.name(), n, other)
		}
		if n > maxTableNumber {
			return fmt.Errorf("%w: table %q has the number %d", ErrCorrupt, t.name(), n)
		}
		owner[n] = fmt.Sprintf("table %q", t.name())
	}
	return nil
}

// maxTableNumber is the highest number that is given out: behind it there is one that bounds
// its rows.
const maxTableNumber = math.MaxUint32 - 1

// unused returns a table number that no row can have.
func (c *catalog) unused() (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last >= maxTableNumber {
		return 0,
			fmt.Errorf("%w: all table numbers of the storage were given out; restore a backup of "+
				"it, which numbers anew", ErrTooLarge)
	}
	c.last++
	return c.last, nil
}

// change applies fn to the maps.
func (c *catalog) change(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
}

// applyCatalog makes a change of the catalog durable. Its writes say what is there then,
// whatever was before, so that another try settles one whose outcome is unknown. If none does,
// nothing is written any more: a table that is in memory may be none by now. The caller has the
// turn.
func (s *Storage) applyCatalog(ctx context.Context, writes []Write) error {
	maybe := false
	for try := 1; ; try++ {
		err := s.writer.apply(ctx, Batch{Writes: writes})
		maybe = maybe || errors.Is(err, ErrMaybe)
		if err == nil || !maybe || s.writer.failed != nil {
			return err
		}
		if try == conflictTries {
			s.writer.failed = err
			return err
		}
		backOff(try)
	}
}
