// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// section is bytes of the file that belong to one part of it. The first of them are structure.
type section struct{ from, to, structure int }

// The parts of the file, in the order of the table.
var parts = []string{
	"the whole file",
	"the newer meta page",
	"the older meta page",
	"root page, with the mark",
	"branch pages",
	"leaf page with the list of tables",
	"leaf pages, rows with checksums",
	"leaf pages, rows without",
	"overflow pages, rows with checksums",
	"overflow pages, rows without",
	"list of free pages",
	"free pages",
	"behind the last page",
}

// partList finds the parts of a file.
type partList struct {
	pages  *filePages
	places map[string][]section
	reach  bitmap
}

func dissect(content []byte) (map[string][]section, error) {
	m, err := readMetas(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	size := int(m.pageSize)
	newer := int(m.txid%2) * size
	older := size - newer
	a := partList{
		&filePages{bytes.NewReader(content), m.pageSize, m.pages},
		map[string][]section{},
		newBitmap(m.pages),
	}
	a.places["the whole file"] = []section{{0, len(content), 0}}
	a.places["the newer meta page"] = []section{{
		newer + headerSize,
		newer + headerSize + metaSize, metaSize,
	}}
	a.places["the older meta page"] = []section{{
		older + headerSize,
		older + headerSize + metaSize, metaSize,
	}}
	if end := int(m.pages) * size; end < len(content) {
		a.places["behind the last page"] = []section{{end, len(content), 0}}
	}
	if err := a.storage(m.root); err != nil {
		return nil, err
	}
	return a.places, a.rest(m.meta)
}

func (a *partList) storage(root uint64) error {
	var buf []byte
	p, extent, err := a.pages.page(root, &buf)
	if err != nil {
		return err
	}
	a.add("root page, with the mark", p, extent)
	header, err := bucketIn(p, rowsBucket)
	if err != nil {
		return err
	}
	return a.node(native.Uint64(header))
}

// add adds the first page of p to a part, and marks all as reached. It returns where its
// content ends.
func (a *partList) add(part string, p page, extent uint64) (end int) {
	size := a.pages.pageSize
	for i := range extent / size {
		a.reach.add(p.id() + i)
	}
	from := int(p.id() * size)
	end = from + int(p.startAfter(p.count()-1))
	a.places[part] = append(a.places[part],
		section{from, min(end, from+int(size)), int(p.elementsEnd())})
	return end
}

func (a *partList) node(id uint64) error {
	var buf []byte
	p, extent, err := a.pages.page(id, &buf)
	if err != nil {
		return err
	}
	if p.isLeaf() {
		return a.leaf(p, extent)
	}
	a.add("branch pages", p, extent)
	for i := range p.count() {
		if err := a.node(p.child(i)); err != nil {
			return err
		}
	}
	return nil
}

// leaf adds a leaf to the part of its rows; one with rows of two tables belongs to neither part.
func (a *partList) leaf(p page, extent uint64) error {
	first, err := p.key(0)
	if err != nil {
		return err
	}
	last, err := p.key(p.count() - 1)
	if err != nil {
		return err
	}
	rows, of := "", [2]byte{first[3], last[3]} // the numbers of the tables
	switch of {
	case [2]byte{1, 1}:
		rows = " pages, rows with checksums"
	case [2]byte{2, 2}:
		rows = " pages, rows without"
	}
	part := "leaf" + rows
	if of[0] == 0 {
		part = "leaf page with the list of tables"
	}
	end := a.add(part, p, extent)
	if second := int((p.id() + 1) * a.pages.pageSize); end > second {
		a.places["overflow"+rows] = append(a.places["overflow"+rows], section{second, end, 0})
	}
	return nil
}

// rest adds what no row needs.
func (a *partList) rest(m meta) error {
	size := int(m.pageSize)
	if m.freelist != noFreelist {
		free := 0
		each := func(uint64) error { free++; return nil }
		own := func(id uint64) error { a.reach.add(id); return nil }
		if err := readFreelist(a.pages, m.freelist, each, own); err != nil {
			return err
		}
		from := int(m.freelist) * size
		a.places["list of free pages"] = []section{{from, from + headerSize + 8*free, headerSize}}
	}
	for id := uint64(firstPage); id < m.pages; id++ {
		if !a.reach.has(id) {
			a.places["free pages"] = append(a.places["free pages"],
				section{int(id) * size, int(id+1) * size, 0})
		}
	}
	return nil
}

// The parts that a target should have, it has: no line of the table is empty by accident.
func TestTargetsAreComplete(t *testing.T) {
	for _, killed := range []bool{false, true} {
		newer := [2]int{}
		for more := range newer {
			p, err := makeTarget(filepath.Join(filepath.Dir(fastPath(t)), "db"), killed, more)
			if err != nil {
				t.Fatal(err)
			}
			places, err := dissect(p.content)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range parts {
				switch n := len(places[part]); {
				case n == 0 && !(part == "list of free pages" && killed):
					t.Errorf("killed %t: no %s", killed, part)
				case n < 2 && strings.HasPrefix(part, "branch"), n < 8 && strings.HasPrefix(part,
					"leaf pages"):
					t.Errorf("killed %t: %d %s", killed, n, part)
				}
			}
			newer[more] = places["the newer meta page"][0].from
		}
		if newer[0] == newer[1] {
			t.Errorf("killed %t: the newer meta page is always the same", killed)
		}
	}
}
