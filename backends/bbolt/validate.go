// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"io"
)

// validation is what is known about a file before bbolt sees it.
type validation struct {
	// the freelist is in the file: the storage was closed, and bbolt need not search for free
	// pages
	clean bool
}

// validate finds damage that bbolt would answer with a crash, with nonsense, or not at all.
// After a clean close a quick validation reads a handful of pages. Otherwise bbolt would walk
// over all pages to find the free ones, in a goroutine whose panics cannot be recovered. So
// validate walks over them first.
func validate(
	ctx context.Context, r io.ReaderAt, size int64, full, readOnly bool,
) (validation, error) {
	m, err := readMetas(r)
	if err != nil {
		return validation{}, err
	}
	if err := m.check(size); err != nil {
		return validation{}, err
	}
	pages := &filePages{r: r, pageSize: m.pageSize, pages: m.pages}
	v := validation{clean: m.freelist != noFreelist}
	switch {
	case full:
		err = validateFull(ctx, pages, m)
	case v.clean || readOnly:
		// read-only, bbolt needs no free pages, and what is read here is checked as it is read
		err = validateQuick(ctx, pages, m)
	default:
		err = newWalker(ctx, pages).storage(m.root)
	}
	return v, err
}

// validateFull checks everything: both meta pages, all pages in use, and whether all others are
// free. A crash may leave a meta page half written, which is why there are two; a clean close
// leaves both intact.
func validateFull(ctx context.Context, pages *filePages, m metas) error {
	if !m.both && m.freelist != noFreelist {
		return errOneMeta
	}
	w := newWalker(ctx, pages)
	if err := w.storage(m.root); err != nil {
		return err
	}
	return w.free(pages, m.meta)
}

// free checks that the freelist names exactly the pages that were not reached. There may be no
// freelist.
func (w *walker) free(pages *filePages, m meta) error {
	if m.freelist == noFreelist {
		return nil
	}
	take := func(id uint64) error { return w.reach(id, 1) }
	if err := readFreelist(pages, m.freelist, take, take); err != nil {
		return err
	}
	for id := uint64(firstPage); id < m.pages; id++ {
		if !w.reached.has(id) {
			return corruptf("page %d is neither in use nor free", id)
		}
	}
	return nil
}

// validateQuick checks the freelist, the root and the way to the first and the last row.
func validateQuick(ctx context.Context, pages *filePages, m metas) error {
	w := newWalker(ctx, pages)
	p, err := w.enter(m.root, 0)
	if err != nil {
		return err
	}
	for _, name := range []string{markBucket, rowsBucket} {
		header, err := bucketIn(p, name)
		if err != nil {
			return err
		}
		for _, last := range []bool{false, true} {
			if err := w.path(header, last); err != nil {
				return err
			}
		}
	}
	if m.freelist == noFreelist {
		return nil
	}
	return w.freeOfPath(pages, m.meta)
}

// freeOfPath checks the freelist as far as that is possible without a walk: none of the visited
// pages may be free.
func (w *walker) freeOfPath(pages *filePages, m meta) error {
	unused := func(id uint64) error {
		if w.reached.has(id) {
			return corruptf("page %d is in use and free", id)
		}
		return nil
	}
	return readFreelist(pages, m.freelist, unused, unused)
}

// path checks the pages on the way to the first, or last, row of the bucket whose value is header.
func (w *walker) path(header []byte, last bool) error {
	id := native.Uint64(header)
	if id == 0 {
		return w.bucket(header)
	}
	var low []byte
	for depth := 1; depth < maxDepth; depth++ {
		p, err := w.again(id, depth)
		if err != nil {
			return err
		}
		if err := checkKeys(w.pages, p, low, nil, &w.bufs[depth]); err != nil || p.isLeaf() {
			return err
		}
		i := 0
		if last {
			i = p.count() - 1
		}
		if low, err = p.key(i); err != nil {
			return err
		}
		id = p.child(i)
	}
	return corruptf("page %d: too deep in the tree", id)
}

// again enters a page that may have been reached before.
func (w *walker) again(id uint64, depth int) (page, error) {
	p, extent, err := w.pages.page(id, &w.bufs[depth].page)
	if err != nil {
		return nil, err
	}
	pageSize, _ := w.pages.size()
	for i := id; i < id+extent/pageSize; i++ {
		w.reached.add(i)
	}
	return p, p.checkLayout(extent, pageSize)
}
