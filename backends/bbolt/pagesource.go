// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import "io"

// pageSource finds the node pages of one committed state.
type pageSource interface {
	// size returns the size of one page and the number of pages.
	size() (pageSize, pages uint64)

	// page returns node page id. The page may lack keys and values that lie far into a leaf of
	// many pages; readKey gets such keys. It may use buf for its result.
	page(id uint64, buf *[]byte) (p page, extent uint64, err error)

	// readKey returns the key of element i of p. It may use buf for its result.
	readKey(p page, i int, buf *[]byte) ([]byte, error)
}

// image is a state in memory, mapped or copied. It reaches to the high-water mark, so nothing
// that is read through it lies beyond the end of the file.
type image struct {
	data     []byte
	pageSize uint64
	pages    uint64
}

func newImage(data []byte, pageSize uint64) image {
	return image{data: data, pageSize: pageSize, pages: uint64(len(data)) / pageSize}
}

// node returns node page id.
func (im *image) node(id uint64) (page, error) {
	if id < firstPage || id >= im.pages {
		return nil, corruptf("there is no page %d, only %d pages", id, im.pages)
	}
	b := im.data[id*im.pageSize:]
	extent, err := checkHeader(b, id, im.pages, im.pageSize)
	if err != nil {
		return nil, err
	}
	return page(b[:extent:extent]), nil
}

func (im *image) size() (pageSize, pages uint64) { return im.pageSize, im.pages }

func (im *image) page(id uint64, _ *[]byte) (page, uint64, error) {
	p, err := im.node(id)
	return p, uint64(len(p)), err
}

func (im *image) readKey(p page, i int, _ *[]byte) ([]byte, error) { return p.key(i) }

// filePages is a state in a file that is not trusted enough to be mapped.
type filePages struct {
	r        io.ReaderAt
	pageSize uint64
	pages    uint64
}

// wholePage is the extent up to which pages are read whole. A longer leaf holds a few long
// values that are not needed here; a longer branch does not exist, because keys are limited and
// it would have been split.
const wholePage = 256 << 10

func (f *filePages) size() (pageSize, pages uint64) { return f.pageSize, f.pages }

func (f *filePages) page(id uint64, buf *[]byte) (page, uint64, error) {
	if id < firstPage || id >= f.pages {
		return nil, 0, corruptf("there is no page %d, only %d pages", id, f.pages)
	}
	if err := f.read(buf, id*f.pageSize, f.pageSize); err != nil {
		return nil, 0, err
	}
	extent, err := checkHeader(*buf, id, f.pages, f.pageSize)
	if err != nil {
		return nil, 0, err
	}
	p := page(*buf)
	n := extent
	if n > wholePage && p.isLeaf() {
		n = max(p.elementsEnd(), f.pageSize)
	} else if n > max(wholePage, f.pageSize) {
		return nil, 0, corruptf("page %d: a branch of %d bytes", id, extent)
	}
	if n > f.pageSize {
		if err := f.read(buf, id*f.pageSize, n); err != nil {
			return nil, 0, err
		}
	}
	return page(*buf), extent, nil
}

// readKey is called for pages whose layout was checked.
func (f *filePages) readKey(p page, i int, buf *[]byte) ([]byte, error) {
	start, end, _ := p.span(i)
	if end <= uint64(len(p)) {
		return p[start:end], nil
	}
	err := f.read(buf, p.id()*f.pageSize+start, end-start)
	return *buf, err
}

// read fills buf with n bytes from off. The length of the file was compared with the number of
// pages before, so a read past its end is damage too.
func (f *filePages) read(buf *[]byte, off, n uint64) error {
	if uint64(cap(*buf)) < n {
		*buf = make([]byte, n)
	}
	*buf = (*buf)[:n]
	if _, err := f.r.ReadAt(*buf, int64(off)); err == io.EOF {
		return corruptf("the file ends inside page %d", off/f.pageSize)
	} else if err != nil {
		return err
	}
	return nil
}
