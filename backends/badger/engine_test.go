// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/core"
)

func get(tb testing.TB, e *engine, key []byte) ([]byte, core.Releaser) {
	tb.Helper()
	v, r, err := e.Get(context.Background(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return v, r
}

// A write that the limits allow must fit into one transaction, whatever its rows are, or badger
// would fail it later.
func TestTxnLimitsFitTogether(t *testing.T) {
	sizes := []Backend{small, {}, {MemTable: 200 << 20}}
	if testing.Short() {
		sizes = sizes[:1]
	}
	for _, b := range sizes {
		e := open(t, b, fastPath(t))
		if int64(e.txn.bytes) < b.memTable()/8 {
			t.Errorf("%d bytes in a transaction, with memtables of %d", e.txn.bytes, b.memTable())
		}
		// grows when it is stored
		key := func(i int) []byte { return fmt.Appendf(nil, "!badger!%08d", i) }
		value := make([]byte, e.txn.bytes/e.txn.rows-16)
		writes := make([]core.Write, e.txn.rows)
		left := e.txn.bytes
		for i := range writes {
			writes[i] = core.Write{Key: key(i), Value: value}
			left -= len(writes[i].Key) + len(value)
		}
		writes[0].Value = make([]byte, len(value)+left)
		if err := e.commit(func(txn *badger.Txn) error { return put(txn, writes) }); err != nil {
			t.Fatal(err)
		}
		if n := e.chunk(writes); n != len(writes) {
			t.Errorf("a request of %d rows, of %d", n, len(writes))
		}
		if err := e.loadChunk(e.newest.Load().ReadTs()+1, writes); err != nil {
			t.Fatal(err)
		}
		closeEngine(t, e)
	}
}

func TestTooLarge(t *testing.T) {
	e := open(t, small, fastPath(t))
	l := e.Limits()
	apply(t, e, core.Write{Key: bytes.Repeat([]byte("k"), l.Key), Value: make([]byte, l.Value)})
	apply(t, e, core.Write{Key: append([]byte(ofBadger),
		bytes.Repeat([]byte("k"), l.Key-len(ofBadger))...), Value: []byte("v")})
	for _, w := range []core.Write{
		{Key: make([]byte, l.Key+1)},
		{Key: []byte("k"), Value: make([]byte, l.Value+1)},
	} {
		if err := e.Apply(context.Background(), core.Batch{Writes: []core.Write{
			{Key: []byte("a")},
			w,
		}}); !errors.Is(err, core.ErrTooLarge) {
			t.Errorf("%v", err)
		}
	}
	if all, err := dump(e); err != nil || len(all) != 2 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	closeEngine(t, e)
}

// A batch that does not fit into a transaction is loaded in parts. One that did not come to its
// end, because of a crash or an error, is not seen, and is set back when the storage is opened:
// rows that it replaced or deleted are what they were.
func TestLoadIsAtomic(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	part := 10_000
	if testing.Short() {
		part = 2_000 // the race detector learns no more from more rows
	}
	n := 6 * part
	apply(t, e, rows(0, n, 100)...)
	apply(t, e, core.Write{Key: rowKey(5), Value: rowValue(5, inlineBelow)})
	want, err := dump(e)
	if err != nil || len(want) != n {
		t.Fatal(len(want), err)
	}
	batch := append(deletions(0, 2*part), rows(2*part, 3*part, 50)...)
	batch = append(batch, rows(n, n+part, 300)...)
	ts := e.newest.Load().ReadTs() + 1
	if err := e.loadAt(ts, batch); err != nil {
		t.Fatal(err)
	}
	same := func(e *engine, where string) {
		t.Helper()
		got, err := dump(e)
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%s: %d rows of %d, %v", where, len(got), len(want), err)
		}
	}
	same(e, "before the commit")
	copyDir(t, path, path+"-killed") // as a crash leaves it
	if err := e.loadAt(ts+1, append(rows(0, part, 100), deletions(n, n+part/2)...)); err != nil {
		t.Fatal(err)
	}
	copyDir(t, path, path+"-killed-again") // as a crash leaves it in the middle of setting back
	closeEngine(t, e)                      // as an error leaves it

	e, err = tryOpen(small, path, true, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	same(e, "to read")
	closeEngine(t, e)

	for _, p := range []string{path, path + "-killed", path + "-killed-again"} {
		for range 2 {
			e = open(t, small, p)
			same(e, "again")
			if err := e.Check(context.Background()); err != nil {
				t.Error(err)
			}
			closeEngine(t, e)
		}
		e = open(t, small, p)
		compact(t, e)
		same(e, "compacted")
		apply(t, e, batch...)
		if all, err := dump(e); err != nil || len(all) != n-2*part+part {
			t.Errorf("%d rows, %v", len(all), err)
		}
		closeEngine(t, e)
	}
}

// badger puts a new manifest in the place of one that has become long. After a crash the
// witness still knows the old one.
func TestManifestReplaced(t *testing.T) {
	path := testPath(t)
	e := open(t, small, path)
	apply(t, e, rows(0, 100, 100)...)
	closeEngine(t, e)
	tables, err := readManifest(path)
	if err != nil {
		t.Fatal(err)
	}
	var set pb.ManifestChangeSet
	for id := range tables {
		set.Changes = append(set.Changes, &pb.ManifestChange{Id: id})
	}
	body, err := proto.Marshal(&set)
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte("Bdgr"), 0, 0, 0, 8)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	if err := os.WriteFile(filepath.Join(path, manifestName), append(b, body...),
		0o600); err != nil {
		t.Fatal(err)
	}
	e = open(t, small, path)
	if all, err := dump(e); err != nil || len(all) != 100 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	closeEngine(t, e)
}

// The lock is badger's own: badger by hand and this package exclude each other.
func TestLockIsBadgers(t *testing.T) {
	path := testPath(t)
	e := open(t, small, path)
	byHand := badger.DefaultOptions(path).WithLogger(nil).WithCompression(0).WithBlockCacheSize(0)
	if db, err := badger.Open(byHand); err == nil {
		db.Close()
		t.Fatal("badger opened what is open here")
	}
	apply(t, e, rows(0, 10, 10)...)
	closeEngine(t, e)
	db, err := badger.Open(byHand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Backend{LockTimeout: time.Millisecond}).Claim(t.Context(), path,
		false); !errors.Is(err, core.ErrLocked) {
		t.Errorf("claimed what badger has open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	e = open(t, small, path)
	if all, err := dump(e); err != nil || len(all) != 10 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	var handle *badger.DB
	if !e.As(&handle) || handle != e.db {
		t.Error("As gives no handle")
	}
	closeEngine(t, e)
}

// A file may be of any length and take nothing of the medium, where there are sparse files. It
// is not read whole, nor into memory: the process would end.
func TestFilesOfAnyLength(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	apply(t, e, sampleWrites(0, 1100)...)
	compact(t, e)
	copyDir(t, path, path+"-killed")
	closeEngine(t, e)
	for _, pattern := range []string{
		"*.sst", "*.mem", "*.vlog",
		manifestName, registryName, discardName,
	} {
		damaged := path + "-damaged"
		copyDir(t, path+"-killed", damaged)
		files, _ := filepath.Glob(filepath.Join(damaged, pattern))
		if len(files) == 0 {
			t.Fatal(pattern)
		}
		if err := os.Truncate(files[0], 1<<36); err != nil {
			t.Skip("no file of that length can be made here:", err)
		}
		e, err := tryOpen(small, damaged, false, testOptions())
		if err == nil && pattern == discardName { // says nothing that is needed
			closeEngine(t, e)
		} else if !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: %v", files[0], err)
		}
	}
}
