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
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
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

// badger documents that a value is valid in its callback only. This package keeps an inline one
// for as long as a guard is open, because what badger hands out is a copy that nobody else has.
// Should another version hand out its memtable or its mapped table, writing to the value would
// change the row, and reading it after Close would be a fault.
//
// Of a table that is compressed it would be a block in badger's cache, whose memory badger uses
// again when the cache has no room for it.
func TestInlineValuesArePrivate(t *testing.T) { eachCompression(t, inlineValuesArePrivate) }

func inlineValuesArePrivate(t *testing.T, b Backend) {
	path := fastPath(t)
	e := open(t, b, path)
	for _, n := range []int{0, 1, 100, 5000, inlineBelow - 1} {
		apply(t, e, core.Write{Key: rowKey(n), Value: rowValue(n, n)})
	}
	check := func(where string) (held [][]byte) {
		for _, n := range []int{0, 1, 100, 5000, inlineBelow - 1} {
			v, r := get(t, e, rowKey(n))
			if v == nil || cap(v) != len(v) {
				t.Errorf("%s: a value of %d bytes is nil: %v, or has room for %d",
					where, n, v == nil, cap(v))
			}
			for i := range v {
				v[i] ^= 0xff
			}
			r.Release()
			again, r := get(t, e, rowKey(n))
			if !bytes.Equal(again, rowValue(n, n)) {
				t.Errorf("%s: a value of %d bytes is badger's own memory", where, n)
			}
			held = append(held, again)
			r.Release()
		}
		return held
	}
	held := check("in the memtable")
	compact(t, e)
	held = append(held, check("in a table")...)
	apply(t, e, deletions(0, inlineBelow)[:100]...)
	compact(t, e)
	closeEngine(t, e)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, v := range held {
		if !bytes.Equal(v, rowValue(len(v), len(v))) {
			t.Errorf("a value of %d bytes did not survive", len(v))
		}
	}
}

// badger gives nothing for an empty value, which would be none at all.
func TestEmptyValue(t *testing.T) {
	e := open(t, small, fastPath(t))
	apply(t, e, core.Write{Key: rowKey(1)})
	s, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := s.Get(t.Context(), rowKey(1)); v == nil || len(v) > 0 || err != nil {
		t.Errorf("Get: %v, %v", v, err)
	}
	c, err := s.Scan(t.Context(), core.ScanRange{})
	if err != nil {
		t.Fatal(err)
	}
	if _, v, ok := c.Next(); v == nil || len(v) > 0 || !ok {
		t.Errorf("Next: %v, %v", v, ok)
	}
	c.Close()
	s.Close()
	closeEngine(t, e)
}

// Values in the value log are badger's mapping of a file: they are copied once. Held ones
// neither keep badger's writer from beginning new files, nor the file from being deleted.
func TestLongValues(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads a gigabyte, one row after the other")
	}
	path := fastPath(t)
	e := open(t, Backend{}, path)
	const n = 140 // of a megabyte each: three files
	want := func(i, round int) []byte { return rowValue(i+1000*round, inlineBelow+i) }
	put := func(round, from, to int) {
		for i := from; i < to; i++ {
			apply(t, e, core.Write{Key: rowKey(i), Value: want(i, round)})
		}
	}
	put(0, 0, 1)
	v, r := get(t, e, rowKey(0))
	snap, err := e.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	put(0, 1, n)
	if files := valueFiles(path); files < 3 {
		t.Fatalf("%d files of the value log", files)
	}
	before, err := e.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	put(1, 0, n)
	compact(t, e)
	for i := range n {
		got, _, err := before.Get(context.Background(), rowKey(i))
		if err != nil || !bytes.Equal(got, want(i, 0)) {
			t.Fatalf("row %d as it was: %d bytes, %v", i, len(got), err)
		}
	}
	before.Close()
	if got, _, err := snap.Get(context.Background(),
		rowKey(0)); err != nil || !bytes.Equal(got, want(0, 0)) {
		t.Fatalf("the first row as it was: %v", err)
	}
	snap.Close()
	compact(t, e)
	compact(t, e)
	if files := valueFiles(path); files > 4 {
		t.Errorf("%d files of the value log after everything was written twice and compacted",
			files)
	}
	if !bytes.Equal(v, want(0, 0)) || cap(v) != len(v) {
		t.Error("a value that was held has changed, or has room behind it")
	}
	r.Release()
	all, err := dump(e)
	if err != nil || len(all) != n {
		t.Fatal(len(all), err)
	}
	for i := range n {
		if all[string(rowKey(i))] != string(want(i, 1)) {
			t.Errorf("row %d is wrong", i)
		}
	}
	if err := e.Check(context.Background()); err != nil {
		t.Error(err)
	}
	closeEngine(t, e)
}

func valueFiles(path string) int {
	found, _ := filepath.Glob(filepath.Join(path, "*.vlog"))
	return len(found)
}

// Readers of long values must not take a file that was collected for damage.
func TestReadWhileCollecting(t *testing.T) {
	e := open(t, small, fastPath(t))
	const n = 70
	var stop atomic.Bool
	var wg sync.WaitGroup
	put := func() {
		for i := range n {
			apply(t, e, core.Write{Key: rowKey(i), Value: rowValue(i, inlineBelow)})
		}
	}
	put()
	for range 2 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				v, r, err := e.Get(context.Background(), rowKey(i%n))
				if err != nil || !bytes.Equal(v, rowValue(i%n, inlineBelow)) {
					t.Errorf("row %d: %v", i%n, err)
					return
				}
				r.Release()
			}
		})
	}
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		put()
		compact(t, e)
		if err := e.Check(context.Background()); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	closeEngine(t, e)
}

// A Get that is slower than the writers must not miss the row whose version badger has dropped
// meanwhile.
func TestReadWhileDiscarding(t *testing.T) {
	e := open(t, small, fastPath(t))
	const n = 50
	apply(t, e, rows(0, n, 100)...)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				_, r, err := e.Get(context.Background(), rowKey(i%n))
				if err != nil {
					t.Errorf("row %d: %v", i%n, err)
					return
				}
				r.Release()
			}
		})
	}
	duration := 3 * time.Second
	if testing.Short() {
		duration /= 6
	}
	for end := time.Now().Add(duration); time.Now().Before(end) && !t.Failed(); {
		for range 20 {
			apply(t, e, rows(0, n, 100)...)
			e.discard()
		}
		compact(t, e)
	}
	stop.Store(true)
	wg.Wait()
	closeEngine(t, e)
}

// A process can be killed while it closes a storage: then there is no log of a memtable any
// more, but the value log has not been cut, and there may be a table that the manifest does not
// name. That is no damage.
func TestKilledWhileClosing(t *testing.T) {
	path := testPath(t)
	e := open(t, small, path)
	apply(t, e, rows(0, 1000, 100)...)
	apply(t, e, core.Write{Key: rowKey(1000), Value: rowValue(1000, inlineBelow)})
	closeEngine(t, e)
	values, _ := filepath.Glob(filepath.Join(path, "*.vlog"))
	if err := os.Truncate(values[len(values)-1], 128<<20); err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(filepath.Join(path, "*.sst"))
	if err := copySparse(tables[0], filepath.Join(path, "000099.sst")); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		e, err := tryOpen(small, path, readOnly, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		if all, err := dump(e); err != nil || len(all) != 1001 {
			t.Errorf("%d rows, %v", len(all), err)
		}
		closeEngine(t, e)
	}
}

// A memtable is made as large as the log of a process that was killed needs it, whatever the
// backend's field says by then: badger ends the process when it is too small.
func TestSmallerMemTableAfterCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and reads 400,000 rows, one after the other")
	}
	path := fastPath(t)
	e := open(t, Backend{}, path)
	for i := range 4 {
		apply(t, e, rows(i*100_000, (i+1)*100_000, 30)...)
	}
	copyDir(t, path, path+"-killed")
	closeEngine(t, e)
	e = open(t, small, path+"-killed")
	if all, err := dump(e); err != nil || len(all) != 400_000 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	closeEngine(t, e)
}

// What goes into one transaction must fit, whatever the rows are, or a write would fail that
// nobody has refused.
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

// A storage that was killed while it was written without syncing, and whose machine then lost
// some of it, opens without syncing, and only so.
func TestLostWithoutSync(t *testing.T) {
	path := testPath(t)
	e := open(t, small, path)
	for i := range 20 {
		apply(t, e, rows(i*10, i*10+10, 100)...)
	}
	copyDir(t, path, path+"-killed")
	closeEngine(t, e)
	mems, _ := filepath.Glob(filepath.Join(path+"-killed", "*.mem"))
	b, err := os.ReadFile(mems[0])
	if err != nil {
		t.Fatal(err)
	}
	clear(b[used(b)/2 : used(b)/2+500])
	if err := os.WriteFile(mems[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(small, path+"-killed",
		false, testOptions()); !errors.Is(err, core.ErrCorrupt) {
		t.Fatalf("commits are missing that had returned: %v", err)
	}
	opts := testOptions()
	opts.NoSync = true
	e, err = tryOpen(small, path+"-killed", false, opts)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := dump(e); err != nil || len(all) == 0 || len(all) >= 200 || len(all)%10 != 0 {
		t.Errorf("%d rows, %v", len(all), err)
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

// A mark is durable at once, also without sync, and says what rows there are. A migration ends
// with one: were its rows lost with the machine, and the mark kept, old rows would be taken for
// new ones. So by then all rows are in tables, which are synced. The same is true of the
// witness that Compact leaves, also of rows that a process wrote which has ended since.
func TestMarkIsNotAheadOfRows(t *testing.T) {
	opts := testOptions()
	opts.NoSync = true
	path := fastPath(t)
	for name, do := range map[string]func(e *engine) error{
		"mark":    func(e *engine) error { return e.SetMark(t.Context(), testMark) },
		"compact": func(e *engine) error { return e.Compact(t.Context()) },
	} {
		e, err := tryOpen(small, path, false, opts)
		if err != nil {
			t.Fatal(err)
		}
		apply(t, e, rows(0, 10, 100)...)
		killed := path + "-killed"
		copyDir(t, path, killed)
		if err := do(e); err != nil {
			t.Fatal(err)
		}
		proveNothingInLogs(t, name, path)
		closeEngine(t, e)
		if e, err = tryOpen(small, killed, false, opts); err != nil {
			t.Fatal(err)
		}
		if err := do(e); err != nil {
			t.Fatal(err)
		}
		proveNothingInLogs(t, name+", after a crash", killed)
		closeEngine(t, e)
	}
}

// What a process wrote that did not sync, and was killed, is seen by those who open the storage
// next. Were their commits durable and it was not, the machine could lose it from under them:
// so it is synced before.
func TestRowsOfOthersAreDurable(t *testing.T) {
	opts := testOptions()
	opts.NoSync = true
	path := fastPath(t)
	e, err := tryOpen(small, path, false, opts)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, 10, 100)...)
	apply(t, e, core.Write{Key: rowKey(10), Value: rowValue(10, inlineBelow)})
	killed := path + "-killed"
	copyDir(t, path, killed)
	closeEngine(t, e)
	f, err := listFiles(killed)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{f.path(f.values[len(f.values)-1], valueSuffix)}
	for _, n := range f.mems {
		want = append(want, f.path(n, memSuffix))
	}
	var synced []string
	f.sync = func(path string) error { synced = append(synced, path); return syncPath(path) }
	if err := f.prepareValueLog(false); err != nil {
		t.Fatal(err)
	}
	if _, err := f.prepareMems(false); err != nil {
		t.Fatal(err)
	}
	if len(want) < 2 || !slices.Equal(synced, want) {
		t.Errorf("synced %q, not %q", synced, want)
	}
	f.sync = func(string) error { return errors.New("the disk fails") }
	if _, err := f.prepareMems(false); err == nil {
		t.Error("a log was not synced, and nobody is told")
	}
}

func proveNothingInLogs(t *testing.T, name, path string) {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(path, "*"+memSuffix))
	for _, log := range logs {
		if end, err := readLog(log); err != nil || end.whole > logHeader {
			t.Errorf("%s: %d bytes are in %s only, %v", name, end.whole, log, err)
		}
	}
}

// What a snapshot kept from being dropped must not stay forever: badger itself would leave it
// until the rows are written again. And a second Compact has nothing to do.
func TestCompactAfterSnapshot(t *testing.T) {
	e := open(t, small, fastPath(t))
	for from := 0; from < 20_000; from += 5000 {
		apply(t, e, rows(from, from+5000, 400)...)
	}
	s, err := e.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < 20_000; from += 5000 {
		apply(t, e, deletions(from, from+5000)...)
	}
	apply(t, e, rows(0, 10, 400)...)
	compact(t, e)
	if size, err := e.Size(); err != nil || size < 8_000_000 {
		t.Fatalf("%d bytes beside a snapshot of 8 MB, %v", size, err)
	}
	s.Close()
	compact(t, e)
	if size, err := e.Size(); err != nil || size > 2_000_000 {
		t.Errorf("%d bytes with ten rows, %v", size, err)
	}
	before := e.db.MaxVersion()
	compact(t, e)
	if e.db.MaxVersion() != before {
		t.Error("a Compact that has nothing to do wrote something")
	}
	if all, err := dump(e); err != nil || len(all) != 10 {
		t.Errorf("%d rows, %v", len(all), err)
	}
	closeEngine(t, e)
}

// badger reads a file of the value log that it collects up to the first damage, and deletes it
// with all that is behind. So Compact reads such files before, and leaves a damaged one alone.
func TestCollectDamaged(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	const n = 10
	for i := range n {
		apply(t, e, core.Write{Key: rowKey(i), Value: rowValue(i, inlineBelow)})
	}
	closeEngine(t, e)
	values, _ := filepath.Glob(filepath.Join(path, "*.vlog"))
	e = open(t, small, path) // and what was the newest file is not any more
	apply(t, e, deletions(3, 8)...)
	f, err := os.OpenFile(values[len(values)-1], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), inlineBelow+inlineBelow/2); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := e.Compact(context.Background()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Compact gives %v", err)
	}
	if err := e.Check(context.Background()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("Check gives %v", err)
	}
	for _, i := range []int{0, 1, 2, 8, 9} {
		v, r, err := e.Get(context.Background(), rowKey(i))
		if i == 1 {
			if !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("a damaged value gives %v", err)
			}
			continue
		}
		if err != nil || !bytes.Equal(v, rowValue(i, inlineBelow)) {
			t.Errorf("row %d: %v", i, err)
			continue
		}
		r.Release()
	}
	closeEngine(t, e)
}

// A reader may have looked up where a long value is, and find that badger has moved it and
// deleted the file. It must look again.
func TestValueMovedMeanwhile(t *testing.T) {
	path := fastPath(t)
	e := open(t, small, path)
	const n = 10
	for i := range n {
		apply(t, e, core.Write{Key: rowKey(i), Value: rowValue(i, inlineBelow)})
	}
	closeEngine(t, e)
	e = open(t, small, path)
	apply(t, e, deletions(1, n)...)
	txn := e.newest.Load()
	item, err := txn.Get(rowKey(0))
	if err != nil {
		t.Fatal(err)
	}
	compact(t, e)
	if v, err := item.ValueCopy(nil); err != nil || len(v) > 0 {
		t.Fatalf("%d bytes, %v: the value was not moved", len(v), err)
	}
	var buf []byte
	if err := e.outOfLine(txn, item, rowKey(0), &buf); err != nil || !bytes.Equal(buf,
		rowValue(0, inlineBelow)) {
		t.Errorf("%d bytes, %v", len(buf), err)
	}
	closeEngine(t, e)
}
