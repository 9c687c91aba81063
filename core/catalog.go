// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
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
//	"fence"            in a shared storage: see fence.go
//	"migration"        in a shared storage: see lease.go
//
// A number is not given out again while one of these rows names it, nor while the storage stays
// open: a read that began before its table was dropped must not find another table's rows.
type catalog struct {
	mu      sync.Mutex // guards the maps; who changes them has the writer's turn too
	tables  map[string]*tableState
	dropped map[uint32]bool
	last    uint32 // the highest number that was given out, or is stored

	// of a shared storage: the fence that belongs to the maps, and the lock of who changes both
	fence    atomic.Pointer[fence]
	changing changing
	unfenced bool // there was no fence when the storage was opened
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

	// Unique is random, and Aside says that the policy OnFormatChange has set the table aside.
	// Tables of a shared storage have them, so that other processes know them again.
	Unique string `json:"unique,omitempty"`
	Aside  bool   `json:"aside,omitempty"`

	// ID is the TableID of a table whose values are bound to their rows, else nil.
	ID []byte `json:"id,omitempty"`

	// Needs are the features without which the table cannot be read or written; see checkFeatures.
	Needs []string `json:"needs,omitempty"`
}

// tableState is what all handles of one table share.
type tableState struct {
	named  atomic.Pointer[string] // changed by RenameTable
	record atomic.Pointer[tableRecord]
	ended  atomic.Pointer[error] // why it is closed, nil if it is not
	use    tableUse
	check  atomic.Pointer[func(key, stored []byte) error]
}

func newTableState(name string, r tableRecord) *tableState {
	t := new(tableState)
	t.named.Store(&name)
	t.record.Store(&r)
	return t
}

func (t *tableState) name() string { return *t.named.Load() }

// end closes the table for all of its handles.
func (t *tableState) end(why error) { t.ended.CompareAndSwap(nil, &why) }

// gone returns why the table is closed, nil if it is not.
func (t *tableState) gone() error {
	if why := t.ended.Load(); why != nil {
		return *why
	}
	return nil
}

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
	c.fence.Store(nil)
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
	switch name {
	case fenceName:
		f := &fence{value: bytes.Clone(stored)}
		c.fence.Store(f)
		err := decodeRecord("the fence", value, f)
		c.last = max(c.last, f.Last)
		return err
	case leaseName:
		return nil
	}
	table, ok := strings.CutPrefix(name, tablePrefix)
	if !ok {
		return fmt.Errorf("%w: the catalog row %q was written by a later GuardKV",
			ErrVersionMismatch, name)
	}
	var r tableRecord
	if err := decodeRecord(fmt.Sprintf("the record of table %q", table), value,
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

// changeTables runs fn, which changes the catalog, with a turn to write. In a shared storage fn
// knows the catalog as it is, and runs again if another process was faster; no other change of
// this process comes between. The turn comes before the lock: a goroutine that has the lock never
// waits for a turn, so one that has a turn may wait for the lock.
func (s *Storage) changeTables(ctx context.Context, fn func(*turn) error) error {
	return s.inTurn(ctx, func(t *turn) error {
		if !s.sharing.Shared() {
			return fn(t)
		}
		if err := s.catalog.changing.lock(ctx); err != nil {
			return err
		}
		defer s.catalog.changing.unlock()
		if err := s.reload(ctx); err != nil {
			return err
		}
		t.fence = s.catalog.fence.Load()
		return fn(t)
	})
}

// applyCatalog makes a change of the catalog durable, and then changes the maps. Its writes say
// what is there then, whatever was before, so that another try settles one whose outcome is
// unknown. If none does, nothing is written any more: a table that is in memory may be none by
// now.
func (t *turn) applyCatalog(ctx context.Context, writes []Write, change func()) error {
	if t.storage.sharing.Shared() {
		return t.applyFenced(ctx, writes, nil, change)
	}
	maybe := false
	for try := 1; ; try++ {
		err := t.apply(ctx, Batch{Writes: writes})
		if err == nil {
			t.storage.catalog.change(change)
			return nil
		}
		maybe = maybe || errors.Is(err, ErrMaybe)
		if !maybe || t.failed != nil {
			return err
		}
		if try == conflictTries {
			t.failed = err
			return err
		}
		backOff(try)
	}
}

// applyFenced is applyCatalog for a shared storage, whose fence renew may change further. The
// maps change before the fence does: see adopt.
func (t *turn) applyFenced(
	ctx context.Context, writes []Write, renew func(*fence), change func(),
) error {
	c := &t.storage.catalog
	f := t.fence.renewed()
	f.Last = max(f.Last, c.last)
	if renew != nil {
		renew(f)
	}
	row, err := f.row()
	if err != nil {
		return err
	}
	f.value = row.Value
	writes = append(slices.Clone(writes), row)
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
	if err := t.apply(ctx, Batch{Writes: writes}); err != nil {
		return err
	}
	c.change(change)
	c.fence.Store(f)
	return nil
}

// readCatalog reads the catalog for the first time.
func (s *Storage) readCatalog(ctx context.Context) (err error) {
	snap, err := s.bare(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	return s.catalog.load(ctx, snap)
}
