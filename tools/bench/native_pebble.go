// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

// nativePebble is pebble by hand. Its tables are keys behind a number.
type nativePebble struct {
	db   *pebble.DB
	sync *pebble.WriteOptions
}

// pebbleCache is the default of GuardKV's backend, like the other options.
const pebbleCache = 256 << 20

func openPebble(path string, o nativeOptions) (native, error) {
	return openPebbleWith(pebbleCache, path, o)
}

func openPebbleWith(cache int64, path string, o nativeOptions) (native, error) {
	options := &pebble.Options{
		CacheSize:                   cache,
		MemTableSize:                32 << 20,
		MemTableStopWritesThreshold: 4,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		Logger:                      quietPebble{},
	}
	options.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	options.Levels[len(options.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	db, err := pebble.Open(path, options)
	if err != nil {
		return nil, err
	}
	n := &nativePebble{db: db, sync: pebble.Sync}
	if o.noSync {
		n.sync = pebble.NoSync
	}
	return n, nil
}

// quietPebble discards what pebble logs.
type quietPebble struct{}

func (quietPebble) Infof(string, ...any)           {}
func (quietPebble) Errorf(string, ...any)          {}
func (quietPebble) Fatalf(format string, a ...any) { pebble.DefaultLogger.Fatalf(format, a...) }

func (n *nativePebble) get(ops int, next func() uint64, see func([]byte) error) error {
	key := tableKey(rowsTable, 0)
	for range ops {
		binary.BigEndian.PutUint64(key[4:], next())
		value, closer, err := n.db.Get(key)
		if err != nil {
			return err
		}
		err = see(value)
		if err := errors.Join(err, closer.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (n *nativePebble) scan(b bounds) (rows int, err error) {
	low, high := b.keys()
	it, err := n.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return 0, err
	}
	sum := uint64(0)
	first, next := it.First, it.Next
	if b.reverse {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return rows, errors.Join(err, it.Close())
		}
		sum += binary.BigEndian.Uint64(it.Key()[4:]) + uint64(v[0])
		rows++
	}
	keep(sum)
	return rows, errors.Join(it.Error(), it.Close())
}

func (n *nativePebble) seek(ops int, next func() uint64, see func([]byte) error) error {
	low, high := bounds{all: true}.keys()
	it, err := n.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return err
	}
	key := tableKey(rowsTable, 0)
	for range ops {
		binary.BigEndian.PutUint64(key[4:], next())
		it.SeekGE(key)
		value, err := it.ValueAndErr()
		if err == nil {
			err = see(value)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return errors.Join(it.Error(), it.Close())
}

func (n *nativePebble) put(ops int, next func() uint64, value valuer) error {
	for range ops {
		i := next()
		if err := n.db.Set(tableKey(rowsTable, i), value(i), n.sync); err != nil {
			return err
		}
	}
	return nil
}

func (n *nativePebble) putMany(ops int, next func() uint64, value valuer) error {
	return n.put(ops, next, value)
}

func (n *nativePebble) putAll(rows iter.Seq2[uint64, []byte]) error {
	b := n.db.NewBatch()
	defer b.Close()
	for i, v := range rows {
		if err := b.Set(tableKey(rowsTable, i), v, nil); err != nil {
			return err
		}
	}
	return b.Commit(n.sync)
}

// load writes batches that are not synced, and then lets pebble write its tables.
func (n *nativePebble) load(rows iter.Seq2[uint64, []byte], _ bool) error {
	const perBatch = 10_000
	b := n.db.NewBatch()
	defer func() { b.Close() }()
	for i, v := range rows {
		if err := b.Set(tableKey(rowsTable, i), v, nil); err != nil {
			return err
		}
		if b.Count() == perBatch {
			if err := errors.Join(b.Commit(pebble.NoSync), b.Close()); err != nil {
				return err
			}
			b = n.db.NewBatch()
		}
	}
	return errors.Join(b.Commit(pebble.NoSync), n.db.Flush())
}

func (n *nativePebble) move(from, to uint64) error {
	b := n.db.NewIndexedBatch()
	defer b.Close()
	for _, step := range moves(from, to) {
		key := tableKey(step.table, step.key)
		old, closer, err := b.Get(key)
		if err != nil && !errors.Is(err, pebble.ErrNotFound) {
			return err
		}
		changed := step.apply(old)
		if closer != nil {
			err = closer.Close()
		} else {
			err = nil
		}
		if err := errors.Join(err, b.Set(key, changed, nil)); err != nil {
			return err
		}
	}
	return b.Commit(n.sync)
}

func (n *nativePebble) increment(key uint64) error {
	k := tableKey(rowsTable, key)
	old, closer, err := n.db.Get(k)
	if errors.Is(err, pebble.ErrNotFound) {
		return n.db.Set(k, plusOne(nil), n.sync)
	}
	if err != nil {
		return err
	}
	changed := plusOne(old)
	return errors.Join(closer.Close(), n.db.Set(k, changed, n.sync))
}

func (n *nativePebble) deleteRange(low, high uint64) error {
	return n.db.DeleteRange(tableKey(rowsTable, low), tableKey(rowsTable, high), n.sync)
}

func (n *nativePebble) compact() error {
	return n.db.Compact(context.Background(), []byte{0},
		[]byte{0xff, 0xff, 0xff, 0xff, 0xff}, false)
}

func (n *nativePebble) close() error { return n.db.Close() }
