// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// A stream with WithSorting may be larger than memory, and its rows may come in any order. It sorts
// as many rows as memory takes, writes them to a temporary file, a run, and goes on. In the end all
// runs are merged: read side by side, smallest key first, which yields all rows in order. Of rows
// with equal keys the newest counts, as it would if the stream had stored them one by one.

// runs are batches of sorted rows in temporary files, which a stream that sorts merges at its
// end: the external merge sort of Knuth, The Art of Computer Programming, volume 3, section
// 5.4.
//
// A run is the rows of one batch, or of fanIn runs that were merged; level says how often. So
// no file is read by more than one merge of its level, and the files that are open at once grow
// with the logarithm of the rows.
type runs struct {
	dir   string
	files []runFile // the oldest rows first
	made  int
}

type runFile struct {
	name  string
	level int
}

// fanIn is how many runs of one level become a run of the next. Each is read through runBuffer
// bytes.
const (
	fanIn     = 64
	runBuffer = 64 << 10
)

// newRuns makes an empty set of runs in a folder of its own below dir, the system's for
// temporary files if dir is "".
func newRuns(dir string) (*runs, error) {
	dir, err := os.MkdirTemp(dir, "guardkv-sort-")
	if err != nil {
		return nil, err
	}
	return &runs{dir: dir}, nil
}

// remove deletes the files.
func (r *runs) remove() error { return os.RemoveAll(r.dir) }

// add writes rows, at least one, whose keys are strictly increasing, as the newest run.
func (r *runs) add(ctx context.Context, writes []Write) error {
	err := r.write(0, func(put func(key, value []byte) error) error {
		for i := range writes {
			if err := put(writes[i].Key, writes[i].Value); err != nil {
				return err
			}
		}
		return nil
	})
	for level := 0; err == nil && r.full(level); level++ {
		err = r.fold(ctx, level)
	}
	return err
}

// full reports whether the newest runs are fanIn of one level.
func (r *runs) full(level int) bool {
	n := len(r.files) - fanIn
	return n >= 0 && r.files[n].level == level
}

// fold merges the newest fanIn runs into one.
func (r *runs) fold(ctx context.Context, level int) error {
	n := len(r.files) - fanIn
	old := slices.Clone(r.files[n:])
	r.files = r.files[:n]
	err := r.write(level+1,
		func(put func(key, value []byte) error) error { return mergeRuns(ctx, old, put) })
	for _, f := range old {
		err = errors.Join(err, os.Remove(f.name))
	}
	return err
}

// merge calls yield with every row in the order of the keys; of equal keys the newest row
// counts. The bytes are valid until yield returns.
func (r *runs) merge(ctx context.Context, yield func(key, value []byte) error) error {
	return mergeRuns(ctx, r.files, yield)
}

// write makes a new run of the rows that fill puts.
func (r *runs) write(level int, fill func(put func(key, value []byte) error) error) error {
	r.made++
	f, err := os.OpenFile(filepath.Join(r.dir, strconv.Itoa(r.made)),
		os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, runBuffer)
	var head []byte
	err = fill(func(key, value []byte) error {
		head = binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(len(key))),
			uint64(len(value)))
		w.Write(head) // an error stays with w, and Flush returns it
		w.Write(key)
		_, err := w.Write(value)
		return err
	})
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return err
	}
	r.files = append(r.files, runFile{f.Name(), level})
	return nil
}

// mergeRuns merges runs, the oldest of which is the first. Of all values one is in memory at a
// time.
func mergeRuns(
	ctx context.Context, files []runFile, yield func(key, value []byte) error,
) (err error) {
	heads, err := openRuns(files)
	defer func() { err = errors.Join(err, heads.close()) }()
	if err != nil {
		return err
	}
	var last, value []byte // of the row that was yielded; a stored key is never empty
	for steps := 0; len(heads) > 0; steps++ {
		if steps%ctxSteps == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if h := heads[0]; !bytes.Equal(h.key, last) {
			last = append(last[:0], h.key...)
			if value, err = h.value(value[:0]); err != nil {
				return err
			}
			if err := yield(last, value); err != nil {
				return err
			}
		}
		if err := heads.advance(); err != nil {
			return err
		}
	}
	return nil
}

// runReader stands on one row of a run, behind its key.
type runReader struct {
	file *os.File
	size uint64
	r    *bufio.Reader
	age  int // the higher the newer
	key  []byte
	left uint64 // bytes of the value, which was not read
}

func openRun(name string, age int) (*runReader, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &runReader{
		file: file, size: uint64(info.Size()),
		r: bufio.NewReaderSize(file, runBuffer), age: age,
	}, nil
}

// next moves on to the next row. The error is io.EOF behind the last one.
func (h *runReader) next() error {
	if _, err := h.r.Discard(int(h.left)); err != nil {
		return h.damaged()
	}
	h.left = 0
	key, err := binary.ReadUvarint(h.r)
	if err != nil {
		return err
	}
	value, err := binary.ReadUvarint(h.r)
	if err != nil || key > h.size || value > h.size-key {
		return h.damaged()
	}
	h.key, h.left = slices.Grow(h.key[:0], int(key))[:key], value
	if _, err := io.ReadFull(h.r, h.key); err != nil {
		return h.damaged()
	}
	return nil
}

// value appends the value of the row to dst. It can be read once.
func (h *runReader) value(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = slices.Grow(dst, int(h.left))[:start+int(h.left)]
	if _, err := io.ReadFull(h.r, dst[start:]); err != nil {
		return dst, h.damaged()
	}
	h.left = 0
	return dst, nil
}

func (h *runReader) damaged() error {
	return fmt.Errorf("the temporary file %s is not as it was written", h.file.Name())
}

// runHeap is a heap of runs that are read: the lowest key is in front, of equal keys the newest.
type runHeap []*runReader

func (h runHeap) Len() int { return len(h) }

func (h runHeap) Less(i, j int) bool {
	if c := bytes.Compare(h[i].key, h[j].key); c != 0 {
		return c < 0
	}
	return h[i].age > h[j].age
}

func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// openRuns returns readers that stand on the first rows, also if there is an error.
func openRuns(files []runFile) (heads runHeap, err error) {
	for age, f := range files {
		h, err := openRun(f.name, age)
		if err != nil {
			return heads, err
		}
		heads = append(heads, h)
		if err := h.next(); err != nil { // no run is empty
			return heads, err
		}
	}
	heap.Init(&heads)
	return heads, nil
}

// advance moves the reader in front on to its next row, or closes it if there is none.
func (h *runHeap) advance() error {
	front := (*h)[0]
	err := front.next()
	if err == nil {
		heap.Fix(h, 0)
		return nil
	}
	if err != io.EOF {
		return err
	}
	heap.Pop(h)
	return front.file.Close()
}

func (h runHeap) close() (err error) {
	for _, r := range h {
		err = errors.Join(err, r.file.Close())
	}
	return err
}

func (h *runHeap) Push(x any) { *h = append(*h, x.(*runReader)) }

func (h *runHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
