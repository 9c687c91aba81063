// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// What is past the end of a file would be a fault when it is read where the file is mapped, so
// nothing that a meta page says may lead there.
func TestMetaCheck(t *testing.T) {
	good := meta{pageSize: 4096, root: 3, freelist: noFreelist, pages: 10, txid: 5}
	for _, c := range []struct {
		name   string
		change func(m *meta)
		size   int64
		ok     bool
	}{
		{"as it is", func(*meta) {}, 40960, true},
		{"longer", func(*meta) {}, 1 << 40, true},
		{"one byte short", func(*meta) {}, 40959, false},
		{"no pages", func(m *meta) { m.pages = 0 }, 40960, false},
		{
			"so many pages that the length overflows",
			func(m *meta) { m.pages = 1 << 52 }, 40960, false,
		},
		{"more pages than numbers", func(m *meta) { m.pages = math.MaxUint64 }, 40960, false},
		{"root is a meta page", func(m *meta) { m.root = 1 }, 40960, false},
		{"root is past the end", func(m *meta) { m.root = 10 }, 40960, false},
		{"freelist", func(m *meta) { m.freelist = 9 }, 40960, true},
		{"freelist is a meta page", func(m *meta) { m.freelist = 0 }, 40960, false},
		{"freelist is past the end", func(m *meta) { m.freelist = 10 }, 40960, false},
	} {
		m := good
		c.change(&m)
		if err := m.check(c.size); (err == nil) != c.ok || err != nil && !errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// bbolt takes the newest intact meta page, and its word for the page size.
func TestReadMetas(t *testing.T) {
	s := samples(t, 10)[0].content
	m, err := readMetas(bytes.NewReader(s))
	if err != nil || !m.both {
		t.Fatal(err)
	}
	newest, older := m.txid%2, (m.txid+1)%2
	for _, c := range []struct {
		name      string
		destroy   []uint64
		pageSize  uint32
		txid      uint64
		both, bad bool
	}{
		{"both", nil, 0, m.txid, true, false},
		{"the newest", []uint64{older}, 0, m.txid, false, false},
		{"the older", []uint64{newest}, 0, m.txid - 1, false, false},
		{"none", []uint64{0, 1}, 0, 0, false, true},
		{"a page size of 4 GiB", nil, 0xffffffff, 0, false, true},
		{"a page size of 5000", nil, 5000, 0, false, true},
	} {
		content := bytes.Clone(s)
		for _, slot := range c.destroy {
			content = backendtest.FlipBit(int(slot)*4096+headerSize+20, 0)(content)
		}
		if c.pageSize > 0 {
			native.PutUint32(content[headerSize+8:], c.pageSize)
			fixMetas(content)
		}
		got, err := readMetas(bytes.NewReader(content))
		if (err != nil) != c.bad || err == nil && (got.txid != c.txid || got.both != c.both) {
			t.Errorf("%s: transaction %d, both %v, %v", c.name, got.txid, got.both, err)
		}
		if err != nil && !errors.Is(err, core.ErrNotStorage) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
