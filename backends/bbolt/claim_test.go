// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

func claimAt(t *testing.T, path string, readOnly bool) core.Claim {
	t.Helper()
	c, err := Backend{LockTimeout: 50 * time.Millisecond}.Claim(context.Background(),
		path, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What is no storage is named as such, never opened, and left as it was.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	foreignBolt := func(path string, buckets int) {
		db, err := bolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		db.Update(func(tx *bolt.Tx) error {
			for i := range buckets {
				b, _ := tx.CreateBucket(rowKey(i))
				b.Put([]byte("k"), make([]byte, 2000))
			}
			return nil
		})
		db.Close()
	}
	os.MkdirAll(at("directory/with something"), 0o700)
	os.WriteFile(at("empty file"), nil, 0o600)
	os.WriteFile(at("text"), []byte("this is no database\n"), 0o600)
	os.WriteFile(at("long text"), bytes.Repeat([]byte("this is no database\n"), 10_000), 0o600)
	os.Symlink(at("nowhere"), at("link to nothing"))
	foreignBolt(at("bbolt"), 2)
	foreignBolt(at("big bbolt"), 1000)
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		path := at(entry.Name())
		before, _ := os.Lstat(path)
		content, _ := os.ReadFile(path)
		c := claimAt(t, path, false)
		if mark, err := c.Mark(); !errors.Is(err, core.ErrNotStorage) || errors.Is(err,
			core.ErrCorrupt) || mark != nil {
			t.Errorf("%s: mark %q, %v", entry.Name(), mark, err)
		}
		if e, err := c.Open(context.Background(), testOptions()); err == nil {
			e.Close()
			t.Errorf("%s was opened", entry.Name())
		}
		c.Release()
		after, err := os.Lstat(path)
		now, _ := os.ReadFile(path)
		if err != nil || !after.ModTime().Equal(before.ModTime()) || !bytes.Equal(content, now) {
			t.Errorf("%s was changed: %v", entry.Name(), err)
		}
	}
	if after, _ := os.ReadDir(dir); len(after) != len(entries) {
		t.Error("files were left behind:", after)
	}
}

func TestClaimOfNothing(t *testing.T) {
	path := testPath(t)
	c := claimAt(t, path, false)
	if mark, err := c.Mark(); mark != nil || err != nil {
		t.Errorf("mark %q, %v", mark, err)
	}
	if err := c.Rename(path + ".x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("renaming nothing:", err)
	}
	if err := c.Release(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) > 0 {
		t.Error("a claim created", entries)
	}
	if _, err := tryOpen(Backend{}, path, true, testOptions()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("opening nothing for reading:", err)
	}
}

// Two claims on nothing may both try to create a storage. One of them does.
func TestCreatedInTheMeantime(t *testing.T) {
	path := testPath(t)
	late := claimAt(t, path, false)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 10, 10)...)
	if _, err := late.Open(context.Background(), testOptions()); !errors.Is(err, core.ErrConflict) {
		t.Error("creating over a storage:", err)
	}
	late.Release()
	if all, err := dump(e); err != nil || len(all) != 10 {
		t.Error("the first storage lost rows:", err)
	}
	closeEngine(t, e)
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Error("files were left behind:", entries)
	}
}

func TestLocked(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	short := Backend{LockTimeout: 50 * time.Millisecond}
	for _, readOnly := range []bool{false, true} {
		start := time.Now()
		_, err := short.Claim(context.Background(), path, readOnly)
		if !errors.Is(err, core.ErrLocked) {
			t.Error("claiming what is open:", err)
		}
		if waited := time.Since(start); waited < 50*time.Millisecond || waited > time.Minute {
			t.Error("waited for", waited)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := (Backend{LockTimeout: time.Hour}).Claim(ctx, path, false); !errors.Is(err,
		context.DeadlineExceeded) {
		t.Error("waiting past the context:", err)
	}
	closeEngine(t, e)
	closeEngine(t, open(t, short, path))
}

func TestReadOnly(t *testing.T) {
	path := testPath(t)
	for _, clean := range []bool{true, false} {
		e := open(t, Backend{}, path)
		apply(t, e, rows(0, 1000, 100)...)
		from := path
		if !clean {
			from = path + ".crashed"
			content, _ := os.ReadFile(path)
			os.WriteFile(from, content, 0o400)
		}
		closeEngine(t, e)
		os.Chmod(filepath.Dir(path), 0o500)
		t.Cleanup(func() { os.Chmod(filepath.Dir(path), 0o700) })
		before := fileSize(t, from)
		a, err := tryOpen(Backend{}, from, true, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		b, err := tryOpen(Backend{}, from, true, testOptions())
		if err != nil {
			t.Fatal("a second reader:", err)
		}
		if _, err := (Backend{LockTimeout: 20 * time.Millisecond}).Claim(context.Background(), path,
			false); clean && !errors.Is(err, core.ErrLocked) {
			t.Error("a writer beside readers:", err)
		}
		for _, e := range []*engine{a, b} {
			if all, err := dump(e); err != nil || len(all) != 1000 {
				t.Errorf("%d rows: %v", len(all), err)
			}
			for name, err := range map[string]error{
				"apply":   e.Apply(context.Background(), core.Batch{Writes: rows(0, 1, 1)}),
				"mark":    e.SetMark(context.Background(), nil),
				"compact": compact(context.Background(), e),
			} {
				if !errors.Is(err, core.ErrReadOnly) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := e.Check(context.Background()); err != nil {
				t.Error(err)
			}
			closeEngine(t, e)
		}
		os.Chmod(filepath.Dir(path), 0o700)
		if fileSize(t, from) != before {
			t.Error("a reader changed the file")
		}
	}
}

func TestRenameRemoveList(t *testing.T) {
	path := testPath(t)
	closeEngine(t, open(t, Backend{}, path))
	c := claimAt(t, path, false)
	os.WriteFile(path+".taken", nil, 0o600)
	if err := c.Rename(path + ".taken"); !errors.Is(err, fs.ErrExist) {
		t.Error("renaming over a file:", err)
	}
	if err := c.Rename(path + ".old-1"); err != nil {
		t.Fatal(err)
	}
	if mark, err := c.Mark(); mark != nil || err != nil {
		t.Errorf("the old place has mark %q, %v", mark, err)
	}
	e, err := c.Open(context.Background(), testOptions())
	if err != nil {
		t.Fatal("creating in the old place:", err)
	}
	e.Close()
	os.Mkdir(path+".old-2", 0o700)
	os.WriteFile(path+".old-0", nil, 0o600)
	os.WriteFile(path+".old-1"+temporaryMark+"0000000000000000", nil, 0o600)
	list, err := Backend{}.List(context.Background(), path+".old-")
	if want := []string{path + ".old-0", path + ".old-1"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("list %q, %v, want %q", list, err, want)
	}
	c = claimAt(t, path+".old-1", false)
	if mark, err := c.Mark(); err != nil || !bytes.Equal(mark, testMark) {
		t.Errorf("the new place has mark %q, %v", mark, err)
	}
	if err := c.Remove(); err != nil {
		t.Error(err)
	}
	if mark, err := c.Mark(); mark != nil || err != nil {
		t.Errorf("a removed storage has mark %q, %v", mark, err)
	}
	if _, err := os.Stat(path + ".old-1"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still there:", err)
	}
	if list, err := (Backend{}).List(context.Background(),
		filepath.Join(filepath.Dir(path), "no", "such")); len(list) > 0 || err != nil {
		t.Error("a list of a folder that is not there:", list, err)
	}
}

// A file that a crash left half built is removed by the next one who builds; a file that is
// being built is not.
func TestLeftovers(t *testing.T) {
	path := testPath(t)
	building, err := newPlace(path).newTemporary(0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer building.Close()
	os.WriteFile(path+temporaryMark+"00000000deadbeef", []byte("half a storage"), 0o600)
	closeEngine(t, open(t, Backend{}, path))
	if _, err := os.Stat(path + temporaryMark + "dead"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a leftover is still there:", err)
	}
	if _, err := os.Stat(building.Name()); err != nil {
		t.Error("a file that is being built was removed:", err)
	}
}

func TestFileMode(t *testing.T) {
	for _, mode := range []os.FileMode{0, 0o640} {
		path := testPath(t)
		e := open(t, Backend{FileMode: mode}, path)
		apply(t, e, rows(0, 5000, 100)...)
		apply(t, e, core.Write{Key: rowKey(1), Delete: true})
		if err := compact(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		closeEngine(t, e)
		if mode == 0 {
			mode = 0o600
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != mode {
			t.Errorf("mode %v, want %v", info.Mode().Perm(), mode)
		}
	}
}
