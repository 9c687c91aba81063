// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"os"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// FuzzFile gives arbitrary bytes to all that reads files: none may crash it or keep it busy
// forever, and what a full validation finds to be right must be readable.
func FuzzFile(f *testing.F) {
	for _, n := range []int{0, 3, 40, 200} {
		for _, clean := range []bool{false, true} {
			f.Add(smallFile(f, n, clean), clean)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte, fix bool) {
		if fix {
			content = bytes.Clone(content)
			fixMetas(content)
		}
		r := bytes.NewReader(content)
		readMark(r)
		validate(context.Background(), r, r.Size(), false, false)
		validate(context.Background(), r, r.Size(), false, true)
		_, broken := validate(context.Background(), r, r.Size(), true, false)
		m, err := readMetas(r)
		if err != nil || m.check(r.Size()) != nil {
			return
		}
		if err := readImage(newImage(content[:m.pages*m.pageSize], m.pageSize),
			m.root); err != nil && broken == nil {
			t.Error("validated, but:", err)
		}
	})
}

// smallFile returns a storage with small pages, as a crash or a clean close leaves it.
func smallFile(f *testing.F, n int, clean bool) []byte {
	path := testPath(f)
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: minPageSize, NoFreelistSync: !clean})
	if err != nil {
		f.Fatal(err)
	}
	put := func(writes ...core.Write) {
		err := db.Update(func(tx *bolt.Tx) error {
			if tx.Bucket([]byte(rowsBucket)) == nil {
				if err := createBuckets(tx, testMark); err != nil {
					return err
				}
			}
			for _, w := range writes {
				if err := tx.Bucket([]byte(rowsBucket)).Put(w.Key, w.Value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			f.Fatal(err)
		}
	}
	put(rows(0, n, 30)...)
	put(core.Write{Key: rowKey(n / 2), Value: rowValue(n, 3000)})
	db.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	m, err := readMetas(bytes.NewReader(content))
	if err != nil {
		f.Fatal(err)
	}
	return content[:m.pages*m.pageSize]
}

// readImage reads all that is in an image in all ways.
func readImage(im image, root uint64) error {
	rows, err := openTree(&im, root, rowsBucket)
	if err != nil {
		return err
	}
	s := state{data: im, root: root, rows: rows}
	ctx := context.Background()
	for _, way := range []struct{ reverse, rowwise bool }{
		{rowwise: true},
		{true, true},
		{},
		{reverse: true},
	} {
		c := newCursor(ctx, &s.rows, core.ScanRange{Reverse: way.reverse})
		c.rowwise = way.rowwise
		for k, _, ok := c.Next(); ok; k, _, ok = c.Next() {
			s.Get(ctx, k)
		}
		if c.Err() != nil {
			return c.Err()
		}
	}
	if _, _, err := s.Get(ctx, []byte("absent")); err != core.ErrNotFound {
		return err
	}
	if err := checkWrites(&s.data, root, rowsBucket,
		[]core.Write{{Key: []byte("a")}, {Key: rowKey(20), Delete: true}}); err != nil {
		return err
	}
	_, _, err = s.Count(ctx, nil, rowKey(1000))
	return err
}
