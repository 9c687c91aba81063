// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"encoding/binary"
	"io"
	"os"
)

// prepareMems brings the logs of memtables in order, which a crash left behind, and returns how large a memtable must
// be to hold the largest. A log is cut behind its last whole transaction, as badger would do, so that badger meets
// nothing else. One of length zero is from a crash at its beginning or its end.
func (f *files) prepareMems() (memTable int64, err error) {
	for _, n := range f.mems {
		path := f.path(n, memSuffix)
		end, err := prepareLog(path)
		if err != nil {
			return 0, err
		}
		memTable = max(memTable, end.memory)
	}
	return memTable, nil
}

// prepareValueLog brings the value log in order. badger cuts its newest file at the first entry that it cannot read: after
// a crash that is where it ends; after a clean close it is damage, and behind it would be more values.
func (f *files) prepareValueLog(clean bool) error {
	for i, n := range f.values {
		path := f.path(n, valueSuffix)
		newest := i == len(f.values)-1
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		switch {
		case clean && newest:
			err = checkValueFile(path)
		case clean || !newest && info.Size() > 0:
			err = checkHeader(path)
		default:
			_, err = prepareLog(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prepareLog cuts a log to what can be read of it, and removes it if it is empty.
func prepareLog(path string) (end logEnd, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return end, err
	}
	if info.Size() == 0 {
		return end, os.Remove(path)
	}
	if err := checkHeader(path); err != nil {
		return end, err
	}
	end, err = readLog(path)
	if err != nil || end.whole == end.size {
		return end, err
	}
	return end, os.Truncate(path, end.whole)
}

// checkHeader checks the header of a log: the number of the key by which it is encrypted, which must be none.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var header [logHeader]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return corruptf("%s: its header is missing", path)
	}
	if binary.BigEndian.Uint64(header[:]) != 0 {
		return corruptf("%s: its header is damaged", path)
	}
	return nil
}

// checkValueFile proves that a file of the value log that is not written any more can be read to its end.
func checkValueFile(path string) error {
	if err := checkHeader(path); err != nil {
		return err
	}
	end, err := readLog(path)
	if err != nil {
		return err
	}
	if end.whole != end.size {
		return corruptf("%s: what is at %d of %d is no entry", path, end.whole, end.size)
	}
	return nil
}
