// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// valueSize is the size of the raw values.
const valueSize = 128

// bucket is where the rows are in the database that is used by hand.
var bucket = []byte("rows")

// pair is the same data twice: in bbolt by hand, and in GuardKV on bbolt.
type pair struct {
	native  *bolt.DB
	storage *core.Storage
	table   *core.Table[uint64, []byte, []byte]
}

// newPair makes an empty pair.
func (e *env) newPair(ctx context.Context, name string) (*pair, error) {
	native, err := openNative(filepath.Join(e.dir, name+".native"))
	if err != nil {
		return nil, err
	}
	p := &pair{native: native}
	p.storage, err = core.Open(ctx, filepath.Join(e.dir, name+".guardkv"), bbolt.Backend{})
	if err != nil {
		return nil, errors.Join(err, native.Close())
	}
	p.table, err = core.OpenTable(ctx, p.storage, "rows", keys.Uint64(), values.Bytes())
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// openNative opens bbolt with the options of GuardKV's backend.
func openNative(path string) (*bolt.DB, error) {
	options := &bolt.Options{
		Timeout:        time.Second,
		NoFreelistSync: true,
		FreelistType:   bolt.FreelistMapType,
		NoStatistics:   true,
	}
	if runtime.GOOS != "windows" && strconv.IntSize == 64 {
		options.InitialMmapSize = 1 << 40
	}
	db, err := bolt.Open(path, 0o600, options)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// readPair returns the pair that is read, filled with e.rows rows when first asked for.
func (e *env) readPair(ctx context.Context) (*pair, error) {
	if e.pair != nil {
		return e.pair, nil
	}
	p, err := e.newPair(ctx, "read")
	if err != nil {
		return nil, err
	}
	if err := p.fill(ctx, e.rows); err != nil {
		return nil, errors.Join(err, p.close())
	}
	e.pair = p
	return p, nil
}

// fill puts the same rows into both, in order, as full as the engine packs them.
func (p *pair) fill(ctx context.Context, rows int) error {
	err := p.native.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		b.FillPercent = 1
		for i, v := range inOrder(rows) {
			if err := b.Put(binary.BigEndian.AppendUint64(nil, i), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = p.table.PutStream(ctx, inOrder(rows))
	return err
}

// close closes both databases.
func (p *pair) close() error { return errors.Join(p.storage.Close(), p.native.Close()) }

// inOrder yields rows with ascending keys.
func inOrder(rows int) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for i := range uint64(rows) {
			if !yield(i, valueOf(i)) {
				return
			}
		}
	}
}

// block is what values are cut from.
var block = func() []byte {
	random := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 1<<16)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}()

// valueOf returns the value of a row.
func valueOf(i uint64) []byte {
	at := i * 31 % uint64(len(block)-valueSize)
	return block[at : at+valueSize : at+valueSize]
}

// randomKeys returns a source of keys below n, the same for each side of a work.
func randomKeys(n int) func() uint64 {
	random := rand.New(rand.NewPCG(7, 7))
	return func() uint64 { return random.Uint64N(uint64(n)) }
}
