// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"os"
	"runtime"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
)

// nativeBolt is bbolt by hand.
type nativeBolt struct {
	path    string
	options *bolt.Options
	db      *bolt.DB
}

var (
	rowsTable   = []byte("rows")
	countsTable = []byte("counts")
)

// openBolt opens bbolt with the options of GuardKV's backend. They are better than bbolt's
// defaults, with which a reader blocks a writer that has to map the file again.
func openBolt(path string, o nativeOptions) (native, error) {
	options := &bolt.Options{
		Timeout:        time.Second,
		NoFreelistSync: true,
		FreelistType:   bolt.FreelistMapType,
		NoStatistics:   true,
		NoSync:         o.noSync,
	}
	if runtime.GOOS != "windows" && strconv.IntSize == 64 {
		options.InitialMmapSize = 1 << 40
	}
	n := &nativeBolt{path: path, options: options}
	return n, n.openDB()
}

func (n *nativeBolt) openDB() (err error) {
	if n.db, err = bolt.Open(n.path, 0o600, n.options); err != nil {
		return err
	}
	// the best values for that many goroutines
	n.db.MaxBatchSize, n.db.MaxBatchDelay = writers, time.Millisecond
	exist := false
	err = n.db.View(func(tx *bolt.Tx) error {
		exist = tx.Bucket(rowsTable) != nil && tx.Bucket(countsTable) != nil
		return nil
	})
	if err != nil || exist {
		return err
	}
	return n.db.Update(func(tx *bolt.Tx) error {
		_, err1 := tx.CreateBucketIfNotExists(rowsTable)
		_, err2 := tx.CreateBucketIfNotExists(countsTable)
		return errors.Join(err1, err2)
	})
}

func (n *nativeBolt) get(ops int, next func() uint64, see func([]byte) error) error {
	key := make([]byte, 8)
	for range ops {
		binary.BigEndian.PutUint64(key, next())
		err := n.db.View(func(tx *bolt.Tx) error {
			return see(tx.Bucket(rowsTable).Get(key))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *nativeBolt) scan(b bounds) (rows int, err error) {
	sum := uint64(0)
	err = n.db.View(func(tx *bolt.Tx) error {
		table := tx.Bucket(rowsTable)
		if b.all && !b.reverse {
			return table.ForEach(func(k, v []byte) error {
				sum += binary.BigEndian.Uint64(k) + uint64(v[0])
				rows++
				return nil
			})
		}
		c := table.Cursor()
		if b.reverse {
			low := binary.BigEndian.AppendUint64(nil, b.low)
			for k, v := boltLast(c, b); k != nil && bytes.Compare(k, low) >= 0; k, v = c.Prev() {
				sum += binary.BigEndian.Uint64(k) + uint64(v[0])
				rows++
			}
			return nil
		}
		high := binary.BigEndian.AppendUint64(nil, b.high)
		for k, v := c.Seek(binary.BigEndian.AppendUint64(nil, b.low)); k != nil && bytes.Compare(k,
			high) < 0; k, v = c.Next() {
			sum += binary.BigEndian.Uint64(k) + uint64(v[0])
			rows++
		}
		return nil
	})
	keep(sum)
	return rows, err
}

// boltLast moves to the last row of a range.
func boltLast(c *bolt.Cursor, b bounds) (key, value []byte) {
	if b.all {
		return c.Last()
	}
	if k, _ := c.Seek(binary.BigEndian.AppendUint64(nil, b.high)); k == nil {
		return c.Last()
	}
	return c.Prev()
}

func (n *nativeBolt) seek(ops int, next func() uint64, see func([]byte) error) error {
	key := make([]byte, 8)
	return n.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(rowsTable).Cursor()
		for range ops {
			binary.BigEndian.PutUint64(key, next())
			_, value := c.Seek(key)
			if err := see(value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n *nativeBolt) put(ops int, next func() uint64, value valuer) error {
	for range ops {
		i := next()
		err := n.db.Update(func(tx *bolt.Tx) error {
			return tx.Bucket(rowsTable).Put(binary.BigEndian.AppendUint64(nil, i), value(i))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *nativeBolt) putMany(ops int, next func() uint64, value valuer) error {
	for range ops {
		i := next()
		err := n.db.Batch(func(tx *bolt.Tx) error {
			return tx.Bucket(rowsTable).Put(binary.BigEndian.AppendUint64(nil, i), value(i))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *nativeBolt) putAll(rows iter.Seq2[uint64, []byte]) error {
	return n.db.Update(func(tx *bolt.Tx) error {
		table := tx.Bucket(rowsTable)
		for i, v := range rows {
			if err := table.Put(binary.BigEndian.AppendUint64(nil, i), v); err != nil {
				return err
			}
		}
		return nil
	})
}

// loadChunk is how many rows a load by hand puts into one transaction or batch.
const loadChunk = 100_000

func (n *nativeBolt) load(rows iter.Seq2[uint64, []byte], sorted bool) error {
	tx, err := n.db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { tx.Rollback() }() // does nothing after a commit
	in := 0
	for i, v := range rows {
		if in++; in > loadChunk {
			if err := tx.Commit(); err != nil {
				return err
			}
			if tx, err = n.db.Begin(true); err != nil {
				return err
			}
			in = 1
		}
		table := tx.Bucket(rowsTable)
		if sorted {
			table.FillPercent = 1
		}
		if err := table.Put(binary.BigEndian.AppendUint64(nil, i), v); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (n *nativeBolt) move(from, to uint64) error {
	return n.db.Update(func(tx *bolt.Tx) error {
		for _, step := range moves(from, to) {
			table := tx.Bucket(step.table)
			key := binary.BigEndian.AppendUint64(nil, step.key)
			if err := table.Put(key, step.apply(table.Get(key))); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n *nativeBolt) increment(key uint64) error {
	return n.db.Batch(func(tx *bolt.Tx) error {
		rows, k := tx.Bucket(rowsTable), binary.BigEndian.AppendUint64(nil, key)
		return rows.Put(k, plusOne(rows.Get(k)))
	})
}

func (n *nativeBolt) deleteRange(low, high uint64) error {
	return n.db.Update(func(tx *bolt.Tx) error {
		end := binary.BigEndian.AppendUint64(nil, high)
		c := tx.Bucket(rowsTable).Cursor()
		// Delete leaves the cursor on the row after the deleted one, or before that: only seeking
		// again is safe.
		for k, _ := c.Seek(binary.BigEndian.AppendUint64(nil, low)); k != nil && bytes.Compare(k,
			end) < 0; {
			key := bytes.Clone(k)
			if err := c.Delete(); err != nil {
				return err
			}
			k, _ = c.Seek(key)
		}
		return nil
	})
}

// compact does what "bbolt compact" does, and puts the new file in the place of the old one.
func (n *nativeBolt) compact() error {
	to, err := bolt.Open(n.path+".compact",
		0o600, &bolt.Options{NoSync: true, NoFreelistSync: true})
	if err != nil {
		return err
	}
	err = bolt.Compact(to, n.db, 64<<10)
	err = errors.Join(err, to.Sync(), to.Close(), n.db.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(n.path+".compact", n.path); err != nil {
		return err
	}
	return n.openDB()
}

func (n *nativeBolt) close() error { return n.db.Close() }
