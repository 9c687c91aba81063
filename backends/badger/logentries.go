// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"strconv"
)

// A log of badger, for a memtable or for values, is a header of 20 bytes and then entries:
//
//	flags (1), the user's byte (1), length of the key, length of the value, time of expiry (each a varint),
//	the key, which ends in 8 bytes of a timestamp, the value, and the CRC-32C of all that (4)
//
// In the log of a memtable the entries of a transaction carry a flag, and an entry with another
// flag ends it. Such a log is longer than what was written to it, and badger reads as far as
// there are whole transactions. This reader does the same, but trusts no length: badger
// allocates whatever memory a damaged length asks for.
const (
	logHeader = 20
	inTxn     = 1 << 6
	endsTxn   = 1 << 7

	maxStoredKey = 1 << 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// logEnd is how far a log can be read.
type logEnd struct {
	size   int64 // of the file
	whole  int64 // the end of the last whole transaction, or entry that is in none
	memory int64 // what the entries need in a memtable at most
	remove bool  // it is empty
}

// readLog reads a log as badger does.
func readLog(path string) (end logEnd, err error) {
	f, err := os.Open(path)
	if err != nil {
		return end, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return end, err
	}
	end = logEnd{size: info.Size(), whole: logHeader}
	if _, err := f.Seek(logHeader, io.SeekStart); err != nil {
		return end, err
	}
	r := &logReader{r: bufio.NewReaderSize(f, 1<<16), left: end.size - logHeader, at: logHeader}
	return end, r.run(&end)
}

// perEntry is more than an entry needs in a memtable on average beside its key and value.
const perEntry = 56

// run goes on as long as badger would.
func (r *logReader) run(end *logEnd) error {
	var open uint64 // the timestamp of the transaction that was not ended yet
	for {
		err := r.next()
		if errors.Is(err, errEntry) || errors.Is(err, io.EOF) ||
			errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
		end.memory += perEntry + int64(len(r.key)) + r.length
		switch {
		case r.flags&inTxn != 0:
			if open == 0 {
				open = r.timestamp()
			}
			if open != r.timestamp() {
				return nil
			}
		case r.flags&endsTxn != 0:
			if ts, err := strconv.ParseUint(string(r.value), 10, 64); err != nil || ts != open {
				return nil
			}
			open = 0
			end.whole = r.at
		default:
			if open != 0 {
				return nil
			}
			end.whole = r.at
		}
	}
}

// logReader is at the end of the entry that it read last.
type logReader struct {
	r    *bufio.Reader
	left int64 // bytes to come
	at   int64

	sum    uint32
	flags  byte
	key    []byte
	length int64  // of the value
	value  []byte // if it is short
}

var errEntry = errors.New("no entry of a log")

// next reads an entry. If there is none, it returns errEntry or the end of the file.
func (r *logReader) next() error {
	r.sum = 0
	flags, err := r.ReadByte()
	if err != nil {
		return err
	}
	if _, err := r.ReadByte(); err != nil {
		return err
	}
	var lengths [3]uint64
	for i := range lengths {
		if lengths[i], err = binary.ReadUvarint(r); err != nil {
			return errEntry
		}
	}
	key, value := uint64(uint32(lengths[0])), uint64(uint32(lengths[1])) // as badger reads them
	if key == 0 || key > maxStoredKey || r.left < 4 || key+value > uint64(r.left-4) {
		return errEntry
	}
	r.flags, r.length = flags, int64(value)
	if err := r.read(&r.key, int(key)); err != nil {
		return err
	}
	if err := r.readValue(); err != nil {
		return err
	}
	want := r.sum
	var sum [4]byte
	if _, err := io.ReadFull(r.r, sum[:]); err != nil {
		return err
	}
	r.advance(4)
	if binary.BigEndian.Uint32(sum[:]) != want {
		return errEntry
	}
	return nil
}

// readValue reads the value, and keeps it if it is short enough for an entry that ends a
// transaction.
func (r *logReader) readValue() error {
	const short = 32
	if r.length <= short {
		return r.read(&r.value, int(r.length))
	}
	r.value = r.value[:0]
	var chunk []byte
	for left := r.length; left > 0; left -= int64(len(chunk)) {
		var err error
		if chunk, err = r.r.Peek(int(min(left, int64(r.r.Size())))); err != nil {
			return err
		}
		r.sum = crc32.Update(r.sum, castagnoli, chunk)
		r.advance(int64(len(chunk)))
		if _, err := r.r.Discard(len(chunk)); err != nil {
			return err
		}
	}
	return nil
}

func (r *logReader) read(to *[]byte, n int) error {
	if cap(*to) < n {
		*to = make([]byte, n)
	}
	*to = (*to)[:n]
	if _, err := io.ReadFull(r.r, *to); err != nil {
		return err
	}
	r.sum = crc32.Update(r.sum, castagnoli, *to)
	r.advance(int64(n))
	return nil
}

// ReadByte is for binary.ReadUvarint.
func (r *logReader) ReadByte() (byte, error) {
	b, err := r.r.ReadByte()
	if err != nil {
		return 0, err
	}
	r.sum = crc32.Update(r.sum, castagnoli, []byte{b})
	r.advance(1)
	return b, nil
}

func (r *logReader) advance(n int64) { r.at, r.left = r.at+n, r.left-n }

func (r *logReader) timestamp() uint64 {
	if len(r.key) <= 8 {
		return 0
	}
	return math.MaxUint64 - binary.BigEndian.Uint64(r.key[len(r.key)-8:])
}

// An entry that ends a transaction has a header of five bytes, a key of badger's own and the
// timestamp in digits.
const (
	txnEndKey     = "!badger!txn"
	txnEndHeader  = 5
	longestTxnEnd = txnEndHeader + len(txnEndKey) + 8 + 20 + 4
)

// txnEnds counts the entries in b that end transactions and begin before limit.
func txnEnds(b []byte, limit int) (n int) {
	for at := txnEndHeader; at < len(b); at++ {
		i := bytes.Index(b[at:], []byte(txnEndKey))
		if i < 0 {
			break
		}
		at += i
		start := at - txnEndHeader
		if start >= limit {
			break
		}
		if isTxnEnd(b[start:]) {
			n++
		}
	}
	return n
}

// isTxnEnd reports whether b begins with an entry that ends a transaction and is whole.
func isTxnEnd(b []byte) bool {
	value := int(b[3])
	end := txnEndHeader + len(txnEndKey) + 8 + value
	return b[0] == endsTxn && int(b[2]) == len(txnEndKey)+8 && end+4 <= len(b) &&
		binary.BigEndian.Uint32(b[end:]) == crc32.Checksum(b[:end], castagnoli)
}
