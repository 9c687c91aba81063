// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"encoding/binary"
	"errors"
	"iter"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// nativeBadger is badger by hand. Its tables are keys behind a number.
type nativeBadger struct{ db *badger.DB }

// openBadger opens badger with the options of GuardKV's backend, except SyncWrites: a write by
// hand is durable because badger syncs it.
func openBadger(path string, o nativeOptions) (native, error) {
	db, err := badger.Open(badger.DefaultOptions(path).
		WithLogger(nil).
		WithSyncWrites(!o.noSync).
		WithMetricsEnabled(false).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithNumMemtables(2).
		WithNumCompactors(2))
	if err != nil {
		return nil, err
	}
	return &nativeBadger{db: db}, nil
}

func (n *nativeBadger) get(ops int, next func() uint64, see func([]byte) error) error {
	key := tableKey(rowsTable, 0)
	for range ops {
		binary.BigEndian.PutUint64(key[4:], next())
		err := n.db.View(func(txn *badger.Txn) error {
			item, err := txn.Get(key)
			if err != nil {
				return err
			}
			return item.Value(see)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scan does not prefetch values: badger's documentation does, but for small values it takes
// three times as long.
func (n *nativeBadger) scan(b bounds) (rows int, err error) {
	low, high := b.keys()
	sum := uint64(0)
	see := func(v []byte) error { sum += uint64(v[0]); return nil }
	err = n.db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Reverse = b.reverse
		it := txn.NewIterator(o)
		defer it.Close()
		from := low
		if b.reverse {
			from = high
		}
		for it.Seek(from); it.Valid(); it.Next() {
			item := it.Item()
			key := item.Key()
			if b.reverse {
				if string(key) < string(low) {
					break
				}
				if string(key) >= string(high) {
					continue // Seek stops at high itself
				}
			} else if string(key) >= string(high) {
				break
			}
			if err := item.Value(see); err != nil {
				return err
			}
			sum += binary.BigEndian.Uint64(key[4:])
			rows++
		}
		return nil
	})
	keep(sum)
	return rows, err
}

func (n *nativeBadger) seek(ops int, next func() uint64, see func([]byte) error) error {
	low, _ := bounds{all: true}.keys()
	key := tableKey(rowsTable, 0)
	return n.db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix, o.PrefetchValues = low, false
		it := txn.NewIterator(o)
		defer it.Close()
		for range ops {
			binary.BigEndian.PutUint64(key[4:], next())
			it.Seek(key)
			if err := it.Item().Value(see); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n *nativeBadger) put(ops int, next func() uint64, value valuer) error {
	for range ops {
		i := next()
		err := n.db.Update(func(txn *badger.Txn) error {
			return txn.Set(tableKey(rowsTable, i), value(i))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *nativeBadger) putMany(ops int, next func() uint64, value valuer) error {
	return n.put(ops, next, value)
}

func (n *nativeBadger) putAll(rows iter.Seq2[uint64, []byte]) error {
	return n.db.Update(func(txn *badger.Txn) error {
		for i, v := range rows {
			if err := txn.Set(tableKey(rowsTable, i), v); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n *nativeBadger) load(rows iter.Seq2[uint64, []byte], _ bool) error {
	b := n.db.NewWriteBatch()
	defer b.Cancel()
	for i, v := range rows {
		if err := b.Set(tableKey(rowsTable, i), v); err != nil {
			return err
		}
	}
	return errors.Join(b.Flush(), n.db.Sync())
}

func (n *nativeBadger) move(from, to uint64) error {
	for {
		err := n.db.Update(func(txn *badger.Txn) error { return moveIn(txn, from, to) })
		if !errors.Is(err, badger.ErrConflict) {
			return err
		}
	}
}

func (n *nativeBadger) increment(key uint64) error {
	for {
		err := n.db.Update(func(txn *badger.Txn) error {
			return incrementIn(txn, tableKey(rowsTable, key))
		})
		if !errors.Is(err, badger.ErrConflict) {
			return err
		}
	}
}

func incrementIn(txn *badger.Txn, key []byte) error {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return txn.Set(key, plusOne(nil))
	}
	if err != nil {
		return err
	}
	var changed []byte
	if err := item.Value(func(old []byte) error {
		changed = plusOne(old)
		return nil
	}); err != nil {
		return err
	}
	return txn.Set(key, changed)
}

func moveIn(txn *badger.Txn, from, to uint64) error {
	for _, step := range moves(from, to) {
		key := tableKey(step.table, step.key)
		var changed []byte
		item, err := txn.Get(key)
		switch {
		case errors.Is(err, badger.ErrKeyNotFound):
			changed = step.apply(nil)
		case err != nil:
			return err
		default:
			if err := item.Value(func(old []byte) error {
				changed = step.apply(old)
				return nil
			}); err != nil {
				return err
			}
		}
		if err := txn.Set(key, changed); err != nil {
			return err
		}
	}
	return nil
}

// deleteRange deletes key by key: badger can drop only prefixes, and only while there are no
// writes.
func (n *nativeBadger) deleteRange(low, high uint64) error {
	b := n.db.NewWriteBatch()
	defer b.Cancel()
	err := n.db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		it := txn.NewIterator(o)
		defer it.Close()
		end := string(tableKey(rowsTable, high))
		for it.Seek(tableKey(rowsTable, low)); it.Valid(); it.Next() {
			key := it.Item().KeyCopy(nil)
			if string(key) >= end {
				break
			}
			if err := b.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, b.Flush())
}

func (n *nativeBadger) compact() error {
	if err := n.db.Flatten(2); err != nil {
		return err
	}
	for {
		switch err := n.db.RunValueLogGC(0.5); {
		case errors.Is(err, badger.ErrNoRewrite):
			return nil
		case err != nil:
			return err
		}
	}
}

func (n *nativeBadger) close() error { return n.db.Close() }
