// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"errors"
	"io"
	"math"
)

// readMark returns the mark of the storage in r. For a file without a readable mark it returns
// ErrNotStorage, whatever else is wrong with the file.
func readMark(r io.ReaderAt) ([]byte, error) {
	m, err := readMetas(r)
	if err != nil {
		return nil, err
	}
	// reading the pages shows how long the file is
	if err := m.check(math.MaxInt64); err != nil {
		return nil, notStorage(err)
	}
	mark, err := markIn(&filePages{r: r, pageSize: m.pageSize, pages: m.pages}, m.root)
	if errors.Is(err, errNoBucket) {
		return nil, errForeign
	}
	return mark, notStorage(err)
}

// markIn returns the mark of the storage whose root bucket is at page root.
func markIn(pages *filePages, root uint64) ([]byte, error) {
	var buf []byte
	p, extent, err := pages.page(root, &buf)
	if err != nil {
		return nil, err
	}
	if err := p.checkLayout(extent, pages.pageSize); err != nil {
		return nil, err
	}
	header, err := bucketIn(p, markBucket)
	if err != nil {
		return nil, err
	}
	if id := native.Uint64(header); id != 0 {
		p, _, err = pages.page(id, &buf)
	} else {
		p, err = inlinePage(header)
	}
	if err != nil {
		return nil, err
	}
	i, found, err := p.search([]byte(markKey))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoBucket
	}
	_, mark, err := p.row(i)
	return mark, err
}
