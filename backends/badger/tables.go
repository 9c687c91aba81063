// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4/fb"
)

// checkTables proves that all tables that the manifest names exist, and are as badger wrote
// them. It reports whether any of them are compressed. A crash leaves others, which the
// manifest does not name yet or no longer names, and badger deletes those. So the manifest must
// be known to be complete: the witness says how it began.
//
// It would be too late to check a block when it is read. badger can verify blocks then, but
// silently takes a damaged one for the end of the rows, and it merges damaged tables in the
// background from the moment that it is open.
func (f *files) checkTables(ctx context.Context) (compressed bool, err error) {
	m, err := readManifest(f.dir)
	if err != nil {
		return false, err
	}
	var named []tableFile
	for _, id := range f.tables {
		if c, ok := m[id]; ok {
			named = append(named, tableFile{f.path(id, tableSuffix), c})
			compressed = compressed || c != None
		}
	}
	if err := checkEach(ctx, named); err != nil {
		return false, err
	}
	if len(named) < len(m) {
		return false, corruptf("%d of the %d tables that %s names are missing",
			len(m)-len(named), len(m), manifestName)
	}
	return compressed, nil
}

// A tableFile is a table and its compression, which the file itself does not tell.
type tableFile struct {
	path        string
	compression Compression
}

// checkEach checks some tables, as many at a time as there are processors.
func checkEach(ctx context.Context, tables []tableFile) error {
	errs := make([]error, len(tables))
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range min(len(tables), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			var c tableChecker
			for i := taken.Add(1) - 1; i < int64(len(tables)); i = taken.Add(1) - 1 {
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = c.check(tables[i])
				}
				if errs[i] != nil {
					taken.Store(int64(len(tables))) // the others can stop
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A tableChecker checks tables, one after another, in memory that it reuses.
//
// A table is blocks, their index (a flatbuffer), the length of that (4), its checksum, and the
// checksum's length (4). A block ends with its checksum and the length of that (4), and is
// compressed with them. The index is not.
type tableChecker struct {
	compression Compression // of the table

	tail   [4 + longestSum + 4]byte
	index  []byte
	blocks bufio.Reader
	long   []byte // a block that is longer than what blocks reads at a time
	raw    []byte // a block that was compressed
}

// check reads a table and checks all its checksums.
func (c *tableChecker) check(t tableFile) error {
	c.compression = t.compression
	f, err := os.Open(t.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := protect(func() error { return c.verify(f, info.Size()) }); err != nil {
		return corrupt(fmt.Errorf("%s: %w", t.path, err))
	}
	return nil
}

// mostTable is longer than any table: a table is about as large as a memtable.
const mostTable = math.MaxInt32

var errCut = errors.New("its end is missing, or lengths in it are damaged")

// verify checks that a table of size bytes consists of an index and of the blocks that the
// index names, without a gap.
func (c *tableChecker) verify(r io.ReaderAt, size int64) error {
	end, err := c.readIndex(r, size)
	if err != nil {
		return err
	}
	root := fb.GetRootAsTableIndex(c.index, 0) // which can be trusted now
	if root.OffsetsLength() == 0 {
		return errors.New("it has no block")
	}
	if c.blocks.Size() == 0 {
		const atATime = 256 << 10
		c.blocks = *bufio.NewReaderSize(nil, atATime)
	}
	c.blocks.Reset(io.NewSectionReader(r, 0, end))
	var block fb.BlockOffset
	var at int64
	for i := range root.OffsetsLength() {
		root.Offsets(&block, i)
		if int64(block.Offset()) != at || int64(block.Len()) > end-at {
			return errCut
		}
		if err := c.verifyBlock(int(block.Len())); err != nil {
			return fmt.Errorf("block %d, at %d: %w", i, at, err)
		}
		at += int64(block.Len())
	}
	if at != end {
		return errCut
	}
	return nil
}

// readIndex reads the index and checks it, and returns where the blocks end. It takes no more
// memory than the file is long: a file that does not end as tables do may claim any length.
func (c *tableChecker) readIndex(r io.ReaderAt, size int64) (end int64, err error) {
	const least = 8 // bytes of a flatbuffer
	if size < int64(len(c.tail)) || size > mostTable {
		return 0, errCut
	}
	if _, err := r.ReadAt(c.tail[:], size-int64(len(c.tail))); err != nil {
		return 0, err
	}
	rest, sum, err := cutChecksum(c.tail[:])
	if err != nil {
		return 0, err
	}
	length := int64(binary.BigEndian.Uint32(rest[len(rest)-4:]))
	end = size - int64(len(c.tail)-len(rest)) - 4 - length
	if length < least || end < 0 {
		return 0, errCut
	}
	c.index = sized(c.index, int(length))
	if _, err := r.ReadAt(c.index, end); err != nil {
		return 0, err
	}
	if !isChecksum(sum, c.index) {
		return 0, fmt.Errorf("the index: %w", errSum)
	}
	return end, nil
}

// verifyBlock checks the next block. Its checksum covers everything before it, uncompressed.
func (c *tableChecker) verifyBlock(length int) (err error) {
	var block []byte
	if length <= c.blocks.Size() {
		if block, err = c.blocks.Peek(length); err == nil {
			_, err = c.blocks.Discard(length)
		}
	} else {
		c.long = sized(c.long, length)
		block = c.long
		_, err = io.ReadFull(&c.blocks, block)
	}
	if err != nil {
		return err
	}
	if c.compression != None {
		if block, err = c.compression.decompress(c.raw, block); err != nil {
			return err
		}
		c.raw = block
	}
	rest, sum, err := cutChecksum(block)
	if err != nil {
		return err
	}
	if !isChecksum(sum, rest) {
		return errSum
	}
	return nil
}

// sized returns n bytes, in the memory of b if that is large enough.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// A checksum is a protobuf message. Field 1 is the algorithm, left out for CRC-32C, and field 2
// is the sum, left out if it is zero.
const (
	sumField   = 2 << 3
	longestSum = 1 + binary.MaxVarintLen32
)

var errSum = errors.New("checksum mismatch")

// isChecksum reports whether sum is the checksum of b as badger writes it.
func isChecksum(sum, b []byte) bool {
	var room [longestSum]byte
	want := room[:0]
	if s := crc32.Checksum(b, castagnoli); s != 0 {
		want = binary.AppendUvarint(append(want, sumField), uint64(s))
	}
	return bytes.Equal(sum, want)
}

// cutChecksum cuts a checksum, and its length, from the end of b.
func cutChecksum(b []byte) (rest, sum []byte, err error) {
	n := len(b) - 4
	if n < 0 {
		return nil, nil, errCut
	}
	length := binary.BigEndian.Uint32(b[n:])
	if length > longestSum || int(length) > n {
		return nil, nil, errCut
	}
	at := n - int(length)
	return b[:at], b[at:n], nil
}
