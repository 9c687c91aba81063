// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// verb is one way to write.
type verb struct {
	name string
	do   func(t *kit.Trial, s *core.Storage, tab words) error
}

// writeVerbs are all ways to write.
var writeVerbs = []verb{
	{"Put", func(t *kit.Trial, _ *core.Storage, tab words) error {
		return tab.Put(t.Ctx, "verb", "v")
	}},
	{"Insert", func(t *kit.Trial, _ *core.Storage, tab words) error {
		err := tab.Insert(t.Ctx, "verb", "v")
		if errors.Is(err, core.ErrExists) {
			return nil
		}
		return err
	}},
	{"Delete", func(t *kit.Trial, _ *core.Storage, tab words) error {
		_, err := tab.Delete(t.Ctx, "verb")
		return err
	}},
	{"Modify", func(t *kit.Trial, _ *core.Storage, tab words) error {
		return modify(t.Ctx, tab, "verb", "v")
	}},
	{"PutAll", func(t *kit.Trial, _ *core.Storage, tab words) error {
		return tab.PutAll(t.Ctx, someRows(3))
	}},
	{"PutStream", func(t *kit.Trial, _ *core.Storage, tab words) error {
		_, err := tab.PutStream(t.Ctx, someRows(3))
		return err
	}},
	{"PutStreamFunc", func(t *kit.Trial, _ *core.Storage, tab words) error {
		_, err := tab.PutStreamFunc(t.Ctx,
			func(put func(k, v string) error) error { return put("verb", "v") })
		return err
	}},
	{"Scan.Delete", func(t *kit.Trial, _ *core.Storage, tab words) error {
		_, err := tab.Scan().Prefix("some").Delete(t.Ctx)
		return err
	}},
	{"Scan.Clear", func(t *kit.Trial, _ *core.Storage, tab words) error {
		return tab.Scan().Prefix("some").Clear(t.Ctx)
	}},
	{"Update", func(t *kit.Trial, s *core.Storage, tab words) error {
		return s.Update(t.Ctx,
			func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, "verb", "tx") })
	}},
	{"OpenTable", func(t *kit.Trial, s *core.Storage, tab words) error {
		_, err := core.OpenTable(t.Ctx, s, "dropped", keys.String(), values.String())
		return err
	}},
	{"RenameTable", func(t *kit.Trial, s *core.Storage, tab words) error {
		if err := s.RenameTable(t.Ctx, "words", "renamed"); err != nil {
			return err
		}
		return s.RenameTable(t.Ctx, "renamed", "words")
	}},
	{"Sync", func(t *kit.Trial, s *core.Storage, tab words) error {
		if err := s.Sync(t.Ctx); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		return nil
	}},
	{"DropTable", func(t *kit.Trial, s *core.Storage, tab words) error {
		if err := s.DropTable(t.Ctx, "dropped"); !errors.Is(err, core.ErrNotFound) {
			return err
		}
		return nil
	}},
	{"Compact", func(t *kit.Trial, s *core.Storage, tab words) error {
		_, err := s.Compact(t.Ctx)
		return err
	}},
}

// calls are all calls that a closed storage must refuse.
func calls(t *kit.Trial, s *core.Storage, tab words) map[string]func() error {
	all := map[string]func() error{
		"Get": func() error { g, err := tab.Get(t.Ctx, "k"); g.Close(); return err },
		"View": func() error {
			return tab.View(t.Ctx, "k", func(string) error { return nil })
		},
		"Load":   func() error { _, err := tab.Load(t.Ctx, "k"); return err },
		"Has":    func() error { _, err := tab.Has(t.Ctx, "k"); return err },
		"Insert": func() error { return tab.Insert(t.Ctx, "new", "v") },
		"Count":  func() error { _, err := tab.Count(t.Ctx); return err },
		"Scan.Count": func() error {
			_, err := tab.Scan().From("a").Limit(1).Count(t.Ctx)
			return err
		},
		"Scan.Stream":  func() error { return tab.Scan().Stream(t.Ctx, drain) },
		"Scan.Rows":    func() error { return lastError(tab.Scan().Rows(t.Ctx)) },
		"Scan.Keys":    func() error { return lastError(tab.Scan().Keys(t.Ctx)) },
		"Scan.Reverse": func() error { return lastError(tab.Scan().Reverse().Rows(t.Ctx)) },
		"Scan.Cursor":  func() error { return cursorError(t, tab.Scan()) },
		"GetMany": func() error {
			return lastError(tab.GetMany(t.Ctx, slices.Values([]string{"k"})))
		},
	}
	for _, v := range writeVerbs {
		all[v.name] = func() error { return v.do(t, s, tab) }
	}
	return all
}

// storageCalls are the calls that do not depend on a table.
func storageCalls(t *kit.Trial, s *core.Storage) map[string]func() error {
	return map[string]func() error{
		"Storage.View": func() error {
			return s.View(t.Ctx, func(*core.Tx) error { return nil })
		},
		"Storage.Update": func() error {
			return s.Update(t.Ctx, func(*core.Tx) error { return nil })
		},
		"Storage.Tables": func() error { _, err := s.Tables(t.Ctx); return err },
		"Storage.Check":  func() error { return s.Check(t.Ctx) },
		"Snapshot":       func() error { _, err := s.Snapshot(t.Ctx); return err },
		"Size":           func() error { _, err := s.Size(t.Ctx); return err },
		"Sync":           func() error { return s.Sync(t.Ctx) },
		"RenameTable":    func() error { return s.RenameTable(t.Ctx, "words", "renamed") },
		"OpenRaw":        func() error { _, err := core.OpenRaw(t.Ctx, s, "words"); return err },
		"Backup":         func() error { return s.Backup(t.Ctx, io.Discard) },
		"DropTable":      func() error { return s.DropTable(t.Ctx, "words") },
		"Compact":        func() error { _, err := s.Compact(t.Ctx); return err },
		"OpenTable": func() error {
			_, err := core.OpenTable(t.Ctx, s, "new", keys.String(), values.String())
			return err
		},
	}
}

// badRow returns a row that the engine cannot take, or the zero row if none is practical.
func badRow(t *kit.Trial) kit.Row {
	limits := limitsOf(t)
	if limits.Key != 0 && limits.Key <= t.Testable() {
		return kit.KV(strings.Repeat("k", limits.Key+1), "v")
	}
	if limits.Value != 0 && limits.Value <= t.Testable() {
		return kit.KV("b", strings.Repeat("v", limits.Value+1))
	}
	return kit.Row{}
}

// putMuch puts rows of so many bytes.
func putMuch(size int, put func(k, v string) error) error {
	value := kit.Incompressible(64 << 10)
	for i := 0; size > 0; i++ {
		if err := put(fmt.Sprintf("much%06d", i), value); err != nil {
			return err
		}
		size -= len(value)
	}
	return nil
}

// tooMuch returns a number of bytes that one atomic write cannot take, or 0 if it takes any
// practical number.
func tooMuch(t *kit.Trial) int {
	if n := limitsOf(t).BatchBytes; n != 0 && n < t.Testable() {
		return n + 1
	}
	return 0
}
