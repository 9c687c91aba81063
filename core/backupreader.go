// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// This file reads a backup back: the records inside its chunks. A backup comes from a network
// or an old disk, so it may be cut, changed, or made by somebody who wants to do harm. Three
// layers keep that apart: chunkReader, in chunk.go, finds damage before anything is believed;
// backupReader finds records that make no sense; restorer, in restore.go, finds tables and rows
// that cannot be stored. BACKUP.md describes the format for those who write other readers.
//
// The records are a head, then the tables, each of them followed by its rows, then the end, which
// counts them all. Each begins with a byte that tells its kind.

// backupReader reads the records of a backup. It believes no length: memory grows with the
// bytes that arrive.
type backupReader struct {
	in     chunkReader
	counts backupCounts // of what was read
}

func newBackupReader(r io.Reader) *backupReader { return &backupReader{in: chunkReader{r: r}} }

// head reads the start of a backup.
func (b *backupReader) head() (h backupHead, err error) {
	magic := make([]byte, len(backupMagic))
	if err := b.in.full(magic); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return h, fmt.Errorf("%w: this is not a backup, or only its first few bytes", ErrCorrupt)
		}
		return h, err
	}
	if string(magic) != backupMagic {
		return h,
			fmt.Errorf("%w: this is not a backup: it does not start with %q", ErrCorrupt, backupMagic)
	}
	kind, err := b.kind()
	if err != nil {
		return h, err
	}
	if kind != kindHead {
		return h, fmt.Errorf("%w: the backup has no head", ErrCorrupt)
	}
	text, err := b.blob(nil)
	if err != nil {
		return h, err
	}
	var first struct { // what every format has; the rest of a newer one may be anything
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &first); err != nil {
		return h, fmt.Errorf("%w: the backup's head: %w", ErrCorrupt, err)
	}
	if first.Format != backupFormat {
		return h, fmt.Errorf("%w: the backup has format %d, this GuardKV knows format %d",
			ErrVersionMismatch, first.Format, backupFormat)
	}
	if err := decodeRecord("the backup's head", text, &h); err != nil {
		return h, err
	}
	return h, checkFeatures("the backup", h.Needs)
}

// kind reads what the next record is.
func (b *backupReader) kind() (byte, error) {
	k, err := b.in.next()
	return k, noEOF(err)
}

// table reads the rest of a table's record.
func (b *backupReader) table() (name string, t backupTable, err error) {
	text, err := b.blob(nil)
	if err != nil {
		return "", t, err
	}
	name = string(text)
	// it may be long: a table that was set aside has a name that no new one may have
	if name == "" {
		return "", t, fmt.Errorf("%w: a table has no name", ErrCorrupt)
	}
	if text, err = b.blob(text[:0]); err != nil {
		return "", t, err
	}
	if err := decodeRecord(fmt.Sprintf("the record of table %q", name), text,
		&t); err != nil {
		return "", t, err
	}
	if err := checkFeatures(fmt.Sprintf("table %q", name), t.Needs); err != nil {
		return "", t, err
	}
	if err := checkTableID(fmt.Sprintf("table %q", name), t.ID, t.Needs); err != nil {
		return "", t, err
	}
	b.counts.tables++
	return name, t, nil
}

// row reads the lengths of a row, which its key and value follow.
func (b *backupReader) row() (key, value uint64, err error) {
	if key, err = b.length(); err != nil {
		return 0, 0, err
	}
	if value, err = b.length(); err != nil {
		return 0, 0, err
	}
	b.counts.rows++
	b.counts.bytes += key + value
	return key, value, nil
}

// end reads the rest of the end, and proves that everything has arrived, and nothing else.
func (b *backupReader) end() error {
	var told backupCounts
	for _, n := range []*uint64{&told.tables, &told.rows, &told.bytes} {
		var err error
		if *n, err = b.uvarint(); err != nil {
			return err
		}
	}
	if told != b.counts {
		return fmt.Errorf("%w: the backup has %+v, and says at its end that it has %+v",
			ErrCorrupt, b.counts, told)
	}
	want := b.in.total()
	sum, err := b.bytes(nil, checksumSize)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(sum) != want {
		return fmt.Errorf("%w: the chunks are sound, but not those of one backup", ErrCorrupt)
	}
	if _, err := b.in.next(); err == nil {
		return fmt.Errorf("%w: something follows the end of the backup", ErrCorrupt)
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the end of the backup: %w", err)
	}
	return nil
}

// blob appends a length's worth of bytes to dst.
func (b *backupReader) blob(dst []byte) ([]byte, error) {
	n, err := b.length()
	if err != nil {
		return dst, err
	}
	return b.bytes(dst, n)
}

// believed is how many times as many bytes as have arrived are taken at once.
const believed = 8

// bytes appends n bytes to dst. It makes room for some times what has arrived: a large value is
// hardly copied as dst grows, and a length that is not true costs little.
func (b *backupReader) bytes(dst []byte, n uint64) ([]byte, error) {
	arrived := 0
	for n > 0 {
		p, err := b.in.some(n)
		if err != nil {
			return dst, noEOF(err)
		}
		arrived += len(p)
		if cap(dst)-len(dst) < len(p) {
			dst = slices.Grow(dst, int(min(n, uint64(believed*arrived))))
		}
		dst = append(dst, p...)
		n -= uint64(len(p))
	}
	return dst, nil
}

// length reads a number of bytes.
func (b *backupReader) length() (uint64, error) {
	n, err := b.uvarint()
	if err == nil && n > math.MaxInt/4 {
		err = fmt.Errorf("%w: a length of %d bytes", ErrCorrupt, n)
	}
	return n, err
}

func (b *backupReader) uvarint() (n uint64, err error) {
	for shift := 0; shift < 64; shift += 7 {
		c, err := b.kind()
		if err != nil {
			return 0, err
		}
		if shift == 63 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a number of more than 64 bits", ErrCorrupt)
}
