// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
)

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
