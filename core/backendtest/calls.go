// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// verb is one way to write.
type verb struct {
	name string
	do   func(t *trial, s *core.Storage, tab words) error
}

// writeVerbs are all ways to write.
var writeVerbs = []verb{
	{"Put", func(t *trial, _ *core.Storage, tab words) error { return tab.Put(t.ctx, "verb", "v") }},
	{"Insert", func(t *trial, _ *core.Storage, tab words) error {
		err := tab.Insert(t.ctx, "verb", "v")
		if errors.Is(err, core.ErrExists) {
			return nil
		}
		return err
	}},
	{"Delete", func(t *trial, _ *core.Storage, tab words) error { _, err := tab.Delete(t.ctx, "verb"); return err }},
	{"Modify", func(t *trial, _ *core.Storage, tab words) error { return modify(t.ctx, tab, "verb", "v") }},
	{"PutAll", func(t *trial, _ *core.Storage, tab words) error { return tab.PutAll(t.ctx, someRows(3)) }},
	{"PutStream", func(t *trial, _ *core.Storage, tab words) error {
		_, err := tab.PutStream(t.ctx, someRows(3))
		return err
	}},
	{"PutStreamFunc", func(t *trial, _ *core.Storage, tab words) error {
		_, err := tab.PutStreamFunc(t.ctx, func(put func(k, v string) error) error { return put("verb", "v") })
		return err
	}},
	{"Scan.Delete", func(t *trial, _ *core.Storage, tab words) error {
		_, err := tab.Scan().Prefix("some").Delete(t.ctx)
		return err
	}},
	{"Scan.Clear", func(t *trial, _ *core.Storage, tab words) error { return tab.Scan().Prefix("some").Clear(t.ctx) }},
	{"Update", func(t *trial, s *core.Storage, tab words) error {
		return s.Update(t.ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, "verb", "tx") })
	}},
	{"OpenTable", func(t *trial, s *core.Storage, tab words) error {
		_, err := core.OpenTable(t.ctx, s, "dropped", keys.String(), values.String())
		return err
	}},
	{"RenameTable", func(t *trial, s *core.Storage, tab words) error {
		if err := s.RenameTable(t.ctx, "words", "renamed"); err != nil {
			return err
		}
		return s.RenameTable(t.ctx, "renamed", "words")
	}},
	{"Sync", func(t *trial, s *core.Storage, tab words) error {
		if err := s.Sync(t.ctx); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		return nil
	}},
	{"DropTable", func(t *trial, s *core.Storage, tab words) error {
		if err := s.DropTable(t.ctx, "dropped"); !errors.Is(err, core.ErrNotFound) {
			return err
		}
		return nil
	}},
	{"Compact", func(t *trial, s *core.Storage, tab words) error { _, err := s.Compact(t.ctx); return err }},
}

// calls are all calls that a closed storage must refuse.
func calls(t *trial, s *core.Storage, tab words) map[string]func() error {
	all := map[string]func() error{
		"Get":          func() error { g, err := tab.Get(t.ctx, "k"); g.Close(); return err },
		"View":         func() error { return tab.View(t.ctx, "k", func(string) error { return nil }) },
		"Load":         func() error { _, err := tab.Load(t.ctx, "k"); return err },
		"Has":          func() error { _, err := tab.Has(t.ctx, "k"); return err },
		"Insert":       func() error { return tab.Insert(t.ctx, "new", "v") },
		"Count":        func() error { _, err := tab.Count(t.ctx); return err },
		"Scan.Count":   func() error { _, err := tab.Scan().From("a").Limit(1).Count(t.ctx); return err },
		"Scan.Stream":  func() error { return tab.Scan().Stream(t.ctx, drain) },
		"Scan.Rows":    func() error { return lastError(tab.Scan().Rows(t.ctx)) },
		"Scan.Keys":    func() error { return lastError(tab.Scan().Keys(t.ctx)) },
		"Scan.Reverse": func() error { return lastError(tab.Scan().Reverse().Rows(t.ctx)) },
		"Scan.Cursor":  func() error { return cursorError(t, tab.Scan()) },
		"GetMany":      func() error { return lastError(tab.GetMany(t.ctx, slices.Values([]string{"k"}))) },
	}
	for _, v := range writeVerbs {
		all[v.name] = func() error { return v.do(t, s, tab) }
	}
	return all
}

// storageCalls are those that no dropped table can refuse.
func storageCalls(t *trial, s *core.Storage) map[string]func() error {
	return map[string]func() error{
		"Storage.View":   func() error { return s.View(t.ctx, func(*core.Tx) error { return nil }) },
		"Storage.Update": func() error { return s.Update(t.ctx, func(*core.Tx) error { return nil }) },
		"Storage.Tables": func() error { _, err := s.Tables(t.ctx); return err },
		"Storage.Check":  func() error { return s.Check(t.ctx) },
		"Snapshot":       func() error { _, err := s.Snapshot(t.ctx); return err },
		"Size":           func() error { _, err := s.Size(t.ctx); return err },
		"Sync":           func() error { return s.Sync(t.ctx) },
		"RenameTable":    func() error { return s.RenameTable(t.ctx, "words", "renamed") },
		"OpenRaw":        func() error { _, err := core.OpenRaw(t.ctx, s, "words"); return err },
		"Backup":         func() error { return s.Backup(t.ctx, io.Discard) },
		"DropTable":      func() error { return s.DropTable(t.ctx, "words") },
		"Compact":        func() error { _, err := s.Compact(t.ctx); return err },
		"OpenTable": func() error {
			_, err := core.OpenTable(t.ctx, s, "new", keys.String(), values.String())
			return err
		},
	}
}

// badRow returns a row that the engine cannot take, the zero row if there is none that is practical.
func (t *trial) badRow() row {
	limits := t.limits()
	if limits.Key != 0 && limits.Key <= t.testable() {
		return row{strings.Repeat("k", limits.Key+1), "v"}
	}
	if limits.Value != 0 && limits.Value <= t.testable() {
		return row{"b", strings.Repeat("v", limits.Value+1)}
	}
	return row{}
}

// putMuch puts rows of so many bytes.
func putMuch(size int, put func(k, v string) error) error {
	value := noise(64 << 10)
	for i := 0; size > 0; i++ {
		if err := put(fmt.Sprintf("much%06d", i), value); err != nil {
			return err
		}
		size -= len(value)
	}
	return nil
}

// tooMuch returns a number of bytes that one atomic write cannot take, 0 if any that is practical is fine.
func (t *trial) tooMuch() int {
	if n := t.limits().BatchBytes; n != 0 && n < t.testable() {
		return n + 1
	}
	return 0
}
