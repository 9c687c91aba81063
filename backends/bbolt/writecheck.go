// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"

	"github.com/guardkv/guardkv/core"
)

// writeChecker checks the pages that bbolt is about to change. bbolt believes every position
// and size on them; a damaged one would make it copy memory outside the storage, or free pages
// that are in use.
type writeChecker struct {
	image    *image
	root     uint64
	path     []uint64 // the pages on the way to the last key, which were checked
	high     []byte   // keys below it are on the same leaf; nil is no bound
	siblings bool     // the siblings of the pages on the path were checked too
	bufs     walkBufs // not used by images
}

// checkWrites checks the pages that the writes to the bucket called name concern. The writes are
// sorted.
func checkWrites(im *image, root uint64, name string, writes []core.Write) error {
	p, err := im.node(root)
	if err != nil {
		return err
	}
	if err := p.checkLayout(uint64(len(p)), im.pageSize); err != nil {
		return err
	}
	t, err := openTree(im, root, name)
	if err != nil {
		return err
	}
	v := writeChecker{image: im, root: t.root}
	if t.root == 0 {
		if err := t.inline.checkLayout(uint64(len(t.inline)), 1); err != nil {
			return err
		}
		return checkKeys(im, t.inline, nil, nil, &v.bufs)
	}
	for i := range writes {
		if err := v.write(&writes[i]); err != nil {
			return err
		}
	}
	return nil
}

// write checks the pages that one write concerns: those on the way to its key and, for a
// deletion, after which bbolt may merge pages, their neighbors.
func (v *writeChecker) write(w *core.Write) error {
	sameLeaf := v.path != nil && (v.high == nil || bytes.Compare(w.Key, v.high) < 0)
	if sameLeaf && (v.siblings || !w.Delete) {
		return nil
	}
	v.high, v.siblings = nil, w.Delete
	id, low := v.root, []byte(nil)
	for depth := range maxDepth {
		p, err := v.image.node(id)
		if err != nil {
			return err
		}
		if depth >= len(v.path) || v.path[depth] != id {
			v.path = append(v.path[:depth], id)
			if err := v.check(p, low, v.high); err != nil {
				return err
			}
		}
		if p.isLeaf() {
			return nil
		}
		if id, low, err = v.step(p, w); err != nil {
			return err
		}
	}
	return corruptf("the pages below page %d go in a circle", v.root)
}

// step goes from the branch p, which was checked, to the child where the write belongs.
func (v *writeChecker) step(p page, w *core.Write) (id uint64, low []byte, err error) {
	i, err := p.childFor(w.Key)
	if err != nil {
		return 0, nil, err
	}
	if w.Delete {
		for _, j := range []int{i - 1, i + 1} {
			if err := v.sibling(p, j); err != nil {
				return 0, nil, err
			}
		}
	}
	if i+1 < p.count() {
		if v.high, err = p.key(i + 1); err != nil {
			return 0, nil, err
		}
	}
	low, err = p.key(i)
	return p.child(i), low, err
}

// sibling checks child i of p, if there is one.
func (v *writeChecker) sibling(p page, i int) error {
	if i < 0 || i >= p.count() {
		return nil
	}
	child, err := v.image.node(p.child(i))
	if err != nil {
		return err
	}
	low, err := p.key(i)
	if err != nil {
		return err
	}
	return v.check(child, low, nil)
}

func (v *writeChecker) check(p page, low, high []byte) error {
	if err := p.checkLayout(uint64(len(p)), v.image.pageSize); err != nil {
		return err
	}
	if low != nil && p.count() == 0 {
		return corruptf("page %d: empty below another page", p.id())
	}
	return checkKeys(v.image, p, low, high, &v.bufs)
}
