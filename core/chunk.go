// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A backup is cut into chunks, so that a damaged one is found before anything in it is
// believed, and with memory that does not depend on what the damage says. BACKUP.md describes
// both layers.
//
// A chunk is
//
//	number        8 bytes, big endian; the first one is 0
//	length        4 bytes, big endian; of the data
//	data
//	checksum      4 bytes, big endian: the CRC-32C of all that comes before it in the chunk
//
// The numbers find chunks that are missing, or in another order.
const (
	backupMagic = "GUARDKV BACKUP\r\n" // the line end finds transfers that change text
	chunkSize   = 64 << 10             // of data, as written
	maxChunk    = 1 << 20              // of data, as read
	chunkHead   = 8 + 4                // number and length
)

// chunkWriter cuts what is written into chunks.
type chunkWriter struct {
	w      io.Writer
	buf    []byte // the chunk under way, with room for its head in front
	number uint64
	sum    uint32 // CRC-32C of the data before the chunk under way
}

func newChunkWriter(w io.Writer) *chunkWriter {
	return &chunkWriter{w: w, buf: make([]byte, chunkHead, chunkHead+chunkSize+checksumSize)}
}

// Write takes all of p, unless w fails.
func (c *chunkWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		taken := min(len(p), chunkHead+chunkSize-len(c.buf))
		c.buf = append(c.buf, p[:taken]...)
		p, n = p[taken:], n+taken
		if len(c.buf) == chunkHead+chunkSize {
			if err := c.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// total returns the CRC-32C of all data.
func (c *chunkWriter) total() uint32 { return crc32.Update(c.sum, castagnoli, c.buf[chunkHead:]) }

// flush writes the chunk under way, unless it is empty.
func (c *chunkWriter) flush() error {
	if len(c.buf) == chunkHead {
		return nil
	}
	c.sum = c.total()
	binary.BigEndian.PutUint64(c.buf, c.number)
	binary.BigEndian.PutUint32(c.buf[8:], uint32(len(c.buf)-chunkHead))
	c.buf = binary.BigEndian.AppendUint32(c.buf, crc32.Checksum(c.buf, castagnoli))
	n, err := c.w.Write(c.buf)
	if err == nil && n < len(c.buf) {
		err = io.ErrShortWrite
	}
	c.buf = c.buf[:chunkHead]
	c.number++
	return err
}

// chunkReader reads the data of chunks, each of which it checks first. Where a backup is cut
// between two chunks it gives io.EOF.
type chunkReader struct {
	r      io.Reader
	buf    []byte // the chunk
	data   []byte // what is left of its data
	number uint64
	size   int64  // bytes that were read from r
	all    []byte // the data of the chunk
	sum    uint32 // CRC-32C of the data before it
}

// next returns the next byte.
func (c *chunkReader) next() (byte, error) {
	if err := c.fill(); err != nil {
		return 0, err
	}
	b := c.data[0]
	c.data = c.data[1:]
	return b, nil
}

// total returns the CRC-32C of all data that was taken.
func (c *chunkReader) total() uint32 {
	return crc32.Update(c.sum, castagnoli, c.all[:len(c.all)-len(c.data)])
}

// some returns the next bytes, at least one and at most n.
func (c *chunkReader) some(n uint64) ([]byte, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	k := min(n, uint64(len(c.data)))
	p := c.data[:k]
	c.data = c.data[k:]
	return p, nil
}

// fill makes sure that there is data.
func (c *chunkReader) fill() error {
	if len(c.data) > 0 {
		return nil
	}
	c.sum, c.all = c.total(), nil
	c.buf = append(c.buf[:0], make([]byte, chunkHead)...)
	if err := c.full(c.buf); err != nil {
		return err
	}
	number, n := binary.BigEndian.Uint64(c.buf), binary.BigEndian.Uint32(c.buf[8:])
	if number != c.number {
		return fmt.Errorf("%w: chunk %d stands where chunk %d should be",
			ErrCorrupt, number, c.number)
	}
	if n == 0 || n > maxChunk {
		return fmt.Errorf("%w: chunk %d says that it has %d bytes", ErrCorrupt, number, n)
	}
	c.buf = append(c.buf, make([]byte, int(n)+checksumSize)...)
	if err := c.full(c.buf[chunkHead:]); err != nil {
		return noEOF(err)
	}
	end := chunkHead + int(n)
	if crc32.Checksum(c.buf[:end], castagnoli) != binary.BigEndian.Uint32(c.buf[end:]) {
		return fmt.Errorf("%w: chunk %d has a wrong checksum", ErrCorrupt, number)
	}
	c.number++
	c.all = c.buf[chunkHead:end]
	c.data = c.all
	return nil
}

// full fills p. The error is io.EOF only if nothing was there.
func (c *chunkReader) full(p []byte) error {
	n, err := io.ReadFull(c.r, p)
	c.size += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return noEOF(err)
	}
	return err
}

// noEOF says what the end of a backup means where more of it should be. Other errors are those
// of the reader.
func noEOF(err error) error {
	if errors.Is(err, ErrCorrupt) ||
		!errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: the backup is cut: %w", ErrCorrupt, io.ErrUnexpectedEOF)
}
