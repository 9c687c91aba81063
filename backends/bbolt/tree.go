// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"errors"

	"github.com/guardkv/guardkv/core"
)

// tree is one bucket of an image. A small bucket has no page of its own.
type tree struct {
	*image
	root    uint64 // 0: the bucket is inline
	inline  page
	checked *checkedBranches // nil remembers none
}

// openTree opens the bucket called name in the root bucket, whose page is root.
func openTree(im *image, root uint64, name string) (tree, error) {
	p, err := im.node(root)
	if err != nil {
		return tree{}, err
	}
	header, err := bucketIn(p, name)
	if err != nil {
		return tree{}, err
	}
	t := tree{image: im, root: native.Uint64(header)}
	if t.root == 0 {
		t.inline, err = inlinePage(header)
	}
	return t, err
}

// bucketIn returns the value, at least a bucket's header, of the bucket called name in the leaf
// p of the root bucket. Both buckets of a storage are in one leaf: it takes more than four to
// split it.
func bucketIn(p page, name string) ([]byte, error) {
	if !p.isLeaf() {
		return nil, errNoBucket
	}
	i, found, err := p.search([]byte(name))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoBucket
	}
	_, keyEnd, end := p.span(i)
	if p.leafFlags(i) != bucketFlag || end > uint64(len(p)) || end-keyEnd < bucketHeaderSize {
		return nil, corruptf("page %d: %s is not a bucket", p.id(), name)
	}
	return p[keyEnd:end:end], nil
}

// get returns the value of key, or ErrNotFound.
func (t *tree) get(key []byte) ([]byte, error) {
	p, err := t.leafFor(key)
	if err != nil {
		return nil, err
	}
	i, found, err := p.search(key)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, t.absent(key)
	}
	_, value, err := p.row(i)
	return value, err
}

// top returns the page at the top of the tree.
func (t *tree) top() (page, error) {
	if t.root == 0 {
		return t.inline, nil
	}
	return t.node(t.root)
}

// check checks the layout of a page of the tree, and that a leaf holds nothing but rows.
func (t *tree) check(p page) error {
	if err := p.checkLayout(uint64(len(p)), t.unit()); err != nil || !p.isLeaf() {
		return err
	}
	return p.checkRows()
}

// checkBranch is check for a branch, which the readers of a state need not repeat.
func (t *tree) checkBranch(p page) error {
	if t.checked.has(p.id()) {
		return nil
	}
	if err := t.check(p); err != nil {
		return err
	}
	t.checked.add(p.id())
	return nil
}

// checkEnd checks that the last row of a leaf ends where its extent does. A leaf whose rows
// abut on each other from the header to there has the layout that check wants.
func (t *tree) checkEnd(p page) error {
	return p.checkExtent(p.startAfter(p.count()-1), uint64(len(p)), t.unit())
}

// unit returns the size that the extents of the tree's pages are multiples of.
func (t *tree) unit() uint64 {
	if t.root == 0 {
		return 1
	}
	return t.pageSize
}

// leafFor returns the leaf that has key if the key exists.
func (t *tree) leafFor(key []byte) (page, error) {
	p, err := t.top()
	for range maxDepth {
		if err != nil || p.isLeaf() {
			return p, err
		}
		i, err := p.childFor(key)
		if err != nil {
			return nil, err
		}
		if p, err = t.node(p.child(i)); err != nil {
			return nil, err
		}
	}
	return nil, t.tooDeep()
}

// absent returns ErrNotFound for a key that was not found, unless a page on the way to its
// place is damaged or leads astray: the keys of a page must rise, and stay below the one that
// its parent says comes next. A row that is found needs no such proof.
func (t *tree) absent(key []byte) error {
	c := cursor{tree: t}
	if err := c.descendTo(key); err != nil {
		return err
	}
	if err := c.leaf.checkRising(c.above()); err != nil {
		return err
	}
	if i, _, err := c.leaf.search(key); err != nil || i == c.leaf.count() {
		if err := errors.Join(err, c.checkAbove()); err != nil {
			return err
		}
	}
	return core.ErrNotFound
}

// checkSeparator checks that p starts with the key that its parent says, as bbolt makes sure. A
// wrong child page is found that way.
func checkSeparator(parent page, i int, p page) error {
	if p.count() == 0 {
		return corruptf("page %d: empty below page %d", p.id(), parent.id())
	}
	want, err := parent.key(i)
	if err != nil {
		return err
	}
	got, err := p.key(0)
	if err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return corruptf("page %d: its first key is not the one that page %d says",
			p.id(), parent.id())
	}
	return nil
}

func (t *tree) tooDeep() error {
	return corruptf("the pages below page %d go in a circle", t.root)
}
