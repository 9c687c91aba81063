// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// handle is an open table, whatever the type of its keys.
type handle interface {
	rows
	in(tx *core.Tx) rows
	guard(key string) (core.Guard[string], error)
	// named is the handle of a table that was renamed.
	named(name string) handle
	mismatch() error
	cancelled(key string) []error
}

// openTable opens one of the tables, which has this name now.
func openTable(s *core.Storage, n int, name string) (handle, error) {
	if tables[n].numbers {
		return typed[int]{
			storage: s, n: n, name: name, keys: keys.Int(), key: number,
			text: strconv.Itoa,
		}.open()
	}
	same := func(s string) string { return strings.Clone(s) }
	var k core.KeyFormat[string] = keys.String()
	if tables[n].unordered {
		k = unordered{}
	}
	return typed[string]{storage: s, n: n, name: name, keys: k, key: same, text: same}.open()
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// unordered is a format of keys that have no order.
type unordered struct{}

func (unordered) ID() string                                  { return "unordered" }
func (unordered) Ordered() bool                               { return false }
func (unordered) Append(dst []byte, k string) ([]byte, error) { return append(dst, k...), nil }
func (unordered) Decode(b []byte) (string, error)             { return string(b), nil }

// typed is a table with keys of one type.
type typed[K any] struct {
	storage *core.Storage
	n       int
	name    string
	keys    core.KeyFormat[K]
	key     func(string) K
	text    func(K) string
	table   *core.Table[K, string, string]
}

func (t typed[K]) named(name string) handle {
	t.name = name
	return t
}

func (t typed[K]) open() (handle, error) {
	var opts []core.TableOption
	if tables[t.n].checksums {
		opts = append(opts, core.WithChecksums())
	}
	var err error
	t.table, err = core.OpenTable(context.Background(), t.storage, t.name, t.keys,
		values.String(), opts...)
	return t, err
}

func (t typed[K]) mismatch() error {
	_, err := core.OpenTable(context.Background(), t.storage, t.name, t.keys, values.Bytes())
	return err
}

func (t typed[K]) cancelled(key string) []error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	put := t.table.Put(ctx, t.key(key), "cancelled")
	_, err := t.table.Scan().Count(ctx)
	for _, rowErr := range t.table.Scan().Rows(ctx) {
		err = rowErr
	}
	return []error{put, err, t.storage.Update(ctx, func(*core.Tx) error { return nil })}
}

func (t typed[K]) guard(key string) (core.Guard[string], error) {
	return t.table.Get(context.Background(), t.key(key))
}

// The rows outside transactions.

func (t typed[K]) get(key string, how Verb) (v string, err error) {
	switch how {
	case Load:
		return t.table.Load(context.Background(), t.key(key))
	case View:
		err = t.table.View(context.Background(), t.key(key), func(w string) error {
			v = strings.Clone(w)
			return nil
		})
		return v, err
	}
	g, err := t.guard(key)
	if err != nil {
		return "", err
	}
	v = strings.Clone(g.Value())
	return v, g.Close()
}

func (t typed[K]) has(key string) (bool, error) {
	return t.table.Has(context.Background(), t.key(key))
}

func (t typed[K]) put(key, value string) error {
	return t.table.Put(context.Background(), t.key(key), value)
}

func (t typed[K]) insert(key, value string) error {
	return t.table.Insert(context.Background(), t.key(key), value)
}

func (t typed[K]) delete(key string) (bool, error) {
	return t.table.Delete(context.Background(), t.key(key))
}

// modify exists only outside transactions.
func (t typed[K]) modify(key string, fn changer) error {
	return t.table.Modify(context.Background(), t.key(key), fn)
}

// getMany exists only outside transactions.
func (t typed[K]) getMany(wanted []string, each func(row)) error {
	ks := func(yield func(K) bool) {
		for _, k := range wanted {
			if !yield(t.key(k)) {
				return
			}
		}
	}
	for r, err := range t.table.GetMany(context.Background(), ks) {
		if err != nil {
			return err
		}
		each(row{t.text(r.Key), strings.Clone(r.Value)})
	}
	return nil
}

func (t typed[K]) putAll(all []row) error {
	return t.table.PutAll(context.Background(), t.pairs(all))
}

func (t typed[K]) pairs(all []row) iter.Seq2[K, string] {
	return func(yield func(K, string) bool) {
		for _, r := range all {
			if !yield(t.key(r.key), r.value) {
				return
			}
		}
	}
}

func (t typed[K]) stream(all []row, failure error) (int64, error) {
	stats, err := t.table.PutStreamFunc(context.Background(),
		func(put func(K, string) error) error {
			for _, r := range all {
				if err := put(t.key(r.key), r.value); err != nil {
					return err
				}
			}
			return failure
		})
	return stats.Rows, err
}

func (t typed[K]) count() (int, error) { return t.table.Count(context.Background()) }

func (t typed[K]) scan(r scanRange, each func(row) error) error {
	return t.scans(t.table.Scan()).scan(r, each)
}

func (t typed[K]) seek(r scanRange, to string, each func(row)) error {
	return t.scans(t.table.Scan()).seek(r, to, each)
}

func (t typed[K]) scanKeys(r scanRange) ([]string, error) {
	return t.scans(t.table.Scan()).scanKeys(r)
}

func (t typed[K]) scanCount(r scanRange) (int, error) {
	return t.scans(t.table.Scan()).scanCount(r)
}

func (t typed[K]) scanDelete(r scanRange) (int, error) {
	return t.scans(t.table.Scan()).scanDelete(r)
}

func (t typed[K]) scanClear(r scanRange) error { return t.scans(t.table.Scan()).scanClear(r) }

func (t typed[K]) scans(s core.Scan[K, string,
	string],
) scans[K] {
	return scans[K]{s, t.key, t.text}
}

// scans are scans inside or outside a transaction.
type scans[K any] struct {
	all  core.Scan[K, string, string]
	key  func(string) K
	text func(K) string
}

func (s scans[K]) narrow(r scanRange) core.Scan[K, string, string] {
	scan := s.all
	switch {
	case r.prefix:
		scan = scan.Prefix(s.key(r.key))
	case r.after:
		scan = scan.After(s.key(r.key))
	case r.key != "":
		scan = scan.From(s.key(r.key))
	}
	if r.to != "" {
		scan = scan.To(s.key(r.to))
	}
	if r.reverse {
		scan = scan.Reverse()
	}
	if r.limit > 0 {
		scan = scan.Limit(r.limit)
	}
	return scan
}

func (s scans[K]) scan(r scanRange, each func(row) error) error {
	return s.narrow(r).Stream(context.Background(), func(rows iter.Seq2[K, string]) error {
		for k, v := range rows {
			if err := each(row{s.text(k), strings.Clone(v)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s scans[K]) seek(r scanRange, to string, each func(row)) error {
	c, err := s.narrow(r).Cursor(context.Background())
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Next() {
		each(row{s.text(c.Key()), strings.Clone(c.Value())})
	}
	c.Seek(s.key(to))
	for c.Next() {
		each(row{s.text(c.Key()), strings.Clone(c.Value())})
	}
	return c.Err()
}

func (s scans[K]) scanKeys(r scanRange) (keys []string, err error) {
	for k, err := range s.narrow(r).Keys(context.Background()) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, s.text(k))
	}
	return keys, nil
}

func (s scans[K]) scanCount(r scanRange) (int, error) {
	return s.narrow(r).Count(context.Background())
}

func (s scans[K]) scanDelete(r scanRange) (int, error) {
	return s.narrow(r).Delete(context.Background())
}

func (s scans[K]) scanClear(r scanRange) error { return s.narrow(r).Clear(context.Background()) }

// inTx are the rows inside a transaction.
type inTx[K any] struct {
	typed[K]
	tx core.TxTable[K, string, string]
}

func (t typed[K]) in(tx *core.Tx) rows { return inTx[K]{t, t.table.In(tx)} }

func (t inTx[K]) get(key string, how Verb) (string, error) {
	if how == Load {
		return t.tx.Load(context.Background(), t.key(key))
	}
	v, err := t.tx.Get(context.Background(), t.key(key))
	return strings.Clone(v), err
}

func (t inTx[K]) has(key string) (bool, error) { return t.tx.Has(context.Background(), t.key(key)) }

func (t inTx[K]) put(key, value string) error {
	return t.tx.Put(context.Background(), t.key(key), value)
}

func (t inTx[K]) insert(key, value string) error {
	return t.tx.Insert(context.Background(), t.key(key), value)
}

func (t inTx[K]) delete(key string) (bool, error) {
	return t.tx.Delete(context.Background(), t.key(key))
}

func (t inTx[K]) putAll(all []row) error { return t.tx.PutAll(context.Background(), t.pairs(all)) }

func (t inTx[K]) count() (int, error) { return t.tx.Count(context.Background()) }

func (t inTx[K]) scan(r scanRange, each func(row) error) error {
	return t.scans(t.tx.Scan()).scan(r, each)
}

func (t inTx[K]) seek(r scanRange, to string, each func(row)) error {
	return t.scans(t.tx.Scan()).seek(r, to, each)
}

func (t inTx[K]) scanKeys(r scanRange) ([]string, error) { return t.scans(t.tx.Scan()).scanKeys(r) }
func (t inTx[K]) scanCount(r scanRange) (int, error) {
	return t.scans(t.tx.Scan()).scanCount(r)
}

func (t inTx[K]) scanDelete(r scanRange) (int, error) { return t.scans(t.tx.Scan()).scanDelete(r) }

func (t inTx[K]) scanClear(r scanRange) error { return t.scans(t.tx.Scan()).scanClear(r) }
