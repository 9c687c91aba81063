// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// catalogue is the list of tables. It lies in the rows of table number 0, each with a checksum:
//
//	"table/" + name    a tableRecord in JSON
//	"dropped/" + n     nothing; the rows of table number n, big endian, are to be deleted
//
// A number is not given out again while one of these rows names it, nor while the storage stays open: a read that began
// before its table was dropped must not find another table's rows.
type catalogue struct {
	mu      sync.Mutex // guards the maps; who changes them has the writer's turn too
	tables  map[string]*tableState
	dropped map[uint32]bool
	last    uint32 // the highest number that was given out, or is stored
}

const (
	catalogueNumber = 0
	tablePrefix     = "table/"
	droppedPrefix   = "dropped/"
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

// TableInfo describes a table.
type TableInfo struct {
	Name        string // as given to OpenTable
	KeyFormat   string // the key format's ID
	ValueFormat string // the value format's ID
	Checksums   bool   // whether its rows have them
	Meta        []byte // what the value format keeps with the table, such as a schema; a copy
	ID          []byte // the TableID that its values are bound to, nil if they are not; a copy
	Rows        int64  // -1 if the engine cannot tell cheaply
	Bytes       int64  // of encoded keys and values; -1 if the engine cannot tell cheaply
}

// catalogueRow returns a row of the catalogue.
func catalogueRow(name string, value []byte) Write {
	key := append(appendTableNumber(nil, catalogueNumber), name...)
	return Write{Key: key, Value: appendRowSum(value, 0, []byte(name))}
}

func (r tableRecord) row(name string) (Write, error) {
	b, err := json.Marshal(r)
	return catalogueRow(tablePrefix+name, b), err
}

func droppedRow(n uint32) Write {
	return catalogueRow(droppedPrefix+string(appendTableNumber(nil, n)), nil)
}

// deletion turns a row into its deletion.
func deletion(w Write) Write { return Write{Key: w.Key, Delete: true} }

// load reads the catalogue.
func (c *catalogue) load(ctx context.Context, snap Snapshot) error {
	c.tables, c.dropped = make(map[string]*tableState), make(map[uint32]bool)
	low := appendTableNumber(nil, catalogueNumber)
	return eachRow(ctx, snap, ScanRange{Low: low, High: prefixEnd(low)}, c.loadRow)
}

func (c *catalogue) loadRow(key, stored []byte) error {
	name := string(key[tableNumberSize:])
	value, err := checkRowSum([]byte(name), stored)
	if err != nil {
		return fmt.Errorf("catalogue row %q: %w", name, err)
	}
	if n, ok := strings.CutPrefix(name, droppedPrefix); ok && len(n) == tableNumberSize {
		c.dropped[tableNumber([]byte(n))] = true
		c.last = max(c.last, tableNumber([]byte(n)))
		return nil
	}
	table, ok := strings.CutPrefix(name, tablePrefix)
	if !ok {
		return fmt.Errorf("%w: the catalogue row %q was written by a later GuardKV", ErrVersionMismatch, name)
	}
	var r tableRecord
	if err := decodeRecord(fmt.Sprintf("what is recorded of table %q", table), value, &r); err != nil {
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

// eachRow calls fn with every row of a range.
func eachRow(ctx context.Context, snap Snapshot, r ScanRange, fn func(key, value []byte) error) (err error) {
	rows, err := snap.Scan(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		key, value, ok := rows.Next()
		if !ok {
			return rows.Err()
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
}

func (c *catalogue) find(name string) *tableState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tables[name]
}

// names returns the tables in the order of their names.
func (c *catalogue) names() []*tableState {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*tableState, 0, len(c.tables))
	for _, t := range c.tables {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *tableState) int { return strings.Compare(a.name(), b.name()) })
	return all
}

// distinct returns ErrCorrupt if two tables have the same number, because their rows could not be told apart, or if one has
// a number that is never given out.
func (c *catalogue) distinct() error {
	owner := map[uint32]string{catalogueNumber: "the catalogue"}
	for n := range c.dropped {
		if n == catalogueNumber || n > maxTableNumber {
			return fmt.Errorf("%w: a dropped table has the number %d", ErrCorrupt, n)
		}
		owner[n] = "a dropped table"
	}
	for _, t := range c.names() {
		n := t.record.Load().Number
		if other, ok := owner[n]; ok {
			return fmt.Errorf("%w: table %q has the same number %d as %s", ErrCorrupt, t.name(), n, other)
		}
		if n > maxTableNumber {
			return fmt.Errorf("%w: table %q has the number %d", ErrCorrupt, t.name(), n)
		}
		owner[n] = fmt.Sprintf("table %q", t.name())
	}
	return nil
}

// maxTableNumber is the highest number that is given out: behind it there is one that bounds its rows.
const maxTableNumber = math.MaxUint32 - 1

// unused returns a table number that no row can have.
func (c *catalogue) unused() (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last >= maxTableNumber {
		return 0, fmt.Errorf("%w: all table numbers of the storage were given out; restore a backup of it, which numbers anew", ErrTooLarge)
	}
	c.last++
	return c.last, nil
}

// change applies fn to the maps.
func (c *catalogue) change(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
}

// Tables describes the tables, in the order of their names.
func (s *Storage) Tables(ctx context.Context) ([]TableInfo, error) {
	v, err := s.enter("call")
	if err != nil {
		return nil, s.fail("tables", "", nil, err)
	}
	defer v.leave()
	snap, err := s.snapshot(ctx)
	if err != nil {
		return nil, s.fail("tables", "", nil, err)
	}
	defer snap.Close()
	var all []TableInfo
	for _, t := range s.catalogue.names() {
		info, err := t.info(ctx, snap)
		if err != nil {
			return nil, s.fail("tables", t.name(), nil, err)
		}
		all = append(all, info)
	}
	return all, nil
}

func (t *tableState) info(ctx context.Context, snap Snapshot) (info TableInfo, err error) {
	r := t.record.Load()
	info = TableInfo{
		Name: t.name(), KeyFormat: r.Key, ValueFormat: r.Value, Checksums: r.Checksums,
		Meta: slices.Clone(r.Meta), ID: slices.Clone(r.ID), Rows: -1, Bytes: -1,
	}
	count := snap.Powers().Count
	if count == nil {
		return info, nil
	}
	low := appendTableNumber(nil, r.Number)
	info.Rows, info.Bytes, err = count(ctx, low, prefixEnd(low))
	if err == nil {
		info.Bytes -= info.Rows * r.overhead()
	}
	return info, err
}

// overhead is how many bytes of a stored row are neither key nor value.
func (r *tableRecord) overhead() int64 {
	if r.Checksums {
		return tableNumberSize + checksumSize
	}
	return tableNumberSize
}

// DropTable deletes a table with all its rows. From then on its open handles give ErrClosed, while open guards stay
// valid. The table is gone in one atomic write. Engines that can delete a range delete the rows in the same write;
// with others they are deleted after that, in chunks, between which other writes have their turn. If that is interrupted,
// the next Compact or DropTable goes on with it.
func (s *Storage) DropTable(ctx context.Context, name string) error {
	err := s.counted("write", func() error {
		err := s.inTurn(ctx, func() error {
			t := s.catalogue.find(name)
			if t == nil {
				return fmt.Errorf("%w: the storage has no such table", ErrNotFound)
			}
			return s.unlist(ctx, t)
		})
		if err != nil {
			return err
		}
		return s.purge(ctx)
	})
	return s.fail("drop", name, nil, err)
}

// unlist takes a table from the catalogue, and deletes its rows or marks them for deletion. The caller has the turn.
func (s *Storage) unlist(ctx context.Context, t *tableState) error {
	r := t.record.Load()
	row, err := r.row(t.name())
	if err != nil {
		return err
	}
	writes := []Write{droppedRow(r.Number), deletion(row)}
	if s.powers.DeleteRange {
		low := appendTableNumber(nil, r.Number)
		writes = []Write{deletion(row), {Key: low, Delete: true, End: prefixEnd(low)}}
	}
	if err := s.applyCatalogue(ctx, writes); err != nil {
		return err
	}
	t.dropped.Store(true)
	s.catalogue.change(func() {
		delete(s.catalogue.tables, t.name())
		if !s.powers.DeleteRange {
			s.catalogue.dropped[r.Number] = true
		}
	})
	return nil
}

// applyCatalogue makes a change of the catalogue durable. Its writes say what is there then, whatever was before, so that
// another try settles one whose outcome is unknown. If none does, nothing is written any more: a table that is in memory may
// be none by now. The caller has the turn.
func (s *Storage) applyCatalogue(ctx context.Context, writes []Write) error {
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

// purge deletes the rows of dropped tables. It takes the turn for each chunk, so the caller must not have it.
func (s *Storage) purge(ctx context.Context) error {
	for _, n := range s.catalogue.purgeable() {
		low := appendTableNumber(nil, n)
		err := s.clearRange(ctx, low, prefixEnd(low), func() error {
			if !s.catalogue.dropped[n] {
				return errStop // somebody else has deleted the last of it
			}
			return nil
		})
		if err == nil {
			err = s.inTurn(ctx, func() error { return s.forget(ctx, n) })
		}
		if err != nil && !errors.Is(err, errStop) {
			return err
		}
	}
	return nil
}

// purgeable returns the numbers of dropped tables in their order.
func (c *catalogue) purgeable() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.dropped))
}

// forget takes a dropped table that has no row any more out of the catalogue.
func (s *Storage) forget(ctx context.Context, n uint32) error {
	if !s.catalogue.dropped[n] {
		return nil
	}
	if err := s.writer.apply(ctx, Batch{Writes: []Write{deletion(droppedRow(n))}}); err != nil {
		return err
	}
	s.catalogue.change(func() { delete(s.catalogue.dropped, n) })
	return nil
}

// errStop ends eachRow and clearRange early.
var errStop = errors.New("stop")
