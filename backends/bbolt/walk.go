// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
)

// walker visits every page of a state once and checks everything that bbolt relies on: the
// layout of each page, the order of all keys, that a page starts with the key its parent says,
// and that no page is reached twice. It needs memory for one bit for each page and one page for
// each level.
type walker struct {
	ctx     context.Context
	pages   pageSource
	reached bitmap
	bufs    [maxDepth]walkBufs
}

type walkBufs struct{ page, key, next []byte }

func newWalker(ctx context.Context, pages pageSource) *walker {
	_, n := pages.size()
	return &walker{ctx: ctx, pages: pages, reached: newBitmap(n)}
}

// storage walks over the whole storage whose root bucket is at page root.
func (w *walker) storage(root uint64) error {
	p, err := w.enter(root, 0)
	if err != nil {
		return err
	}
	if p.count() != 2 {
		return corruptf("page %d: the root bucket has %d entries, not 2", root, p.count())
	}
	for _, name := range []string{markBucket, rowsBucket} {
		header, err := bucketIn(p, name)
		if err != nil {
			return err
		}
		if err := w.bucket(header); err != nil {
			return err
		}
	}
	return nil
}

// bucket walks over the bucket whose value is header.
func (w *walker) bucket(header []byte) error {
	if id := native.Uint64(header); id != 0 {
		return w.visit(id, nil, nil, 1)
	}
	p, err := inlinePage(header)
	if err != nil {
		return err
	}
	if err := p.checkLayout(uint64(len(p)), 1); err != nil {
		return err
	}
	return checkKeys(w.pages, p, nil, nil, &w.bufs[1])
}

// visit walks over page id and all below it. Its first key must be low, nil for the page at the
// top, and all keys must be below high, nil for no bound.
func (w *walker) visit(id uint64, low, high []byte, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if depth == maxDepth {
		return corruptf("page %d: too deep in the tree", id)
	}
	p, err := w.enter(id, depth)
	if err != nil {
		return err
	}
	if low != nil && p.count() == 0 {
		return corruptf("page %d: empty below another page", id)
	}
	if err := checkKeys(w.pages, p, low, high, &w.bufs[depth]); err != nil || p.isLeaf() {
		return err
	}
	return w.children(p, high, depth)
}

// children visits what is below the branch p. A branch is in its buffer as a whole, so its keys
// stay there.
func (w *walker) children(p page, high []byte, depth int) error {
	for i := range p.count() {
		low, err := p.key(i)
		if err != nil {
			return err
		}
		below := high
		if i+1 < p.count() {
			if below, err = p.key(i + 1); err != nil {
				return err
			}
		}
		if err := w.visit(p.child(i), low, below, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// enter reads page id, checks its layout and marks its extent as reached.
func (w *walker) enter(id uint64, depth int) (page, error) {
	p, extent, err := w.pages.page(id, &w.bufs[depth].page)
	if err != nil {
		return nil, err
	}
	pageSize, _ := w.pages.size()
	if err := p.checkLayout(extent, pageSize); err != nil {
		return nil, err
	}
	return p, w.reach(id, extent/pageSize)
}

func (w *walker) reach(id, n uint64) error {
	for i := id; i < id+n; i++ {
		if !w.reached.add(i) {
			return corruptf("page %d is in use twice", i)
		}
	}
	return nil
}

// checkKeys checks the order of the keys of p, a page of rows or a branch above them: its first
// key must be low and all must be below high, where these are not nil.
func checkKeys(pages pageSource, p page, low, high []byte, b *walkBufs) error {
	previous := []byte(nil)
	for i := range p.count() {
		key, err := pages.readKey(p, i, &b.next)
		if err != nil {
			return err
		}
		switch {
		case i == 0 && low != nil && !bytes.Equal(key, low):
			return corruptf("page %d: its first key is not the one that its parent says", p.id())
		case i > 0 && bytes.Compare(previous, key) >= 0:
			return corruptf("page %d: key %d is out of order", p.id(), i)
		case p.isLeaf() && p.leafFlags(i) != 0:
			return corruptf("page %d: element %d is not a row", p.id(), i)
		}
		previous = key
		b.key, b.next = b.next, b.key // the key may be in b.next: the one after it goes elsewhere
	}
	if high != nil && p.count() > 0 && bytes.Compare(previous, high) >= 0 {
		return corruptf("page %d: its last key belongs to a later page", p.id())
	}
	return nil
}

// bitmap is a set of pages.
type bitmap []uint64

func newBitmap(n uint64) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) has(i uint64) bool { return b[i/64]>>(i%64)&1 != 0 }

// add adds i and reports whether it was new.
func (b bitmap) add(i uint64) bool {
	if b.has(i) {
		return false
	}
	b[i/64] |= 1 << (i % 64)
	return true
}
