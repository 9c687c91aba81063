// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// prepareMems puts the logs of memtables in order that a crash left behind, and returns how
// large a memtable must be to hold the largest. It cuts a log after its last whole transaction,
// as badger would, so that badger meets nothing else. A log of length zero comes from a crash
// at its beginning or its end.
//
// A commit that has returned was synced, unless its storage is opened without sync. So after
// the end of the newest log there may be parts of one transaction, and after that of other logs
// none: anything else is damage.
func (f *files) prepareMems(noSync bool) (memTable int64, err error) {
	for i, n := range f.mems {
		path := f.path(n, memSuffix)
		end, err := inspectLog(path)
		if err != nil {
			return 0, err
		}
		later := 0
		if !noSync {
			if later, err = countTxns(path, end.whole); err != nil {
				return 0, err
			}
		}
		if later > 1 || later > 0 && i < len(f.mems)-1 {
			return 0,
				corruptf("%s cannot be read from %d on, and there are later commits in it; if it "+
					"was written without syncing "+
					"and the machine has crashed, opening the storage without syncing gives them up", path, end.whole)
		}
		if err := f.settle(path, end); err != nil {
			return 0, err
		}
		memTable = max(memTable, end.memory)
	}
	return memTable, nil
}

// prepareValueLog puts the value log in order. badger cuts its newest file at the first entry
// that it cannot read; after a crash that is where the file ends. If badger was closed, or was
// being closed, only zeroes may follow: otherwise sound values would be lost.
func (f *files) prepareValueLog(readOnly bool) error {
	crashed := len(f.mems) > 0
	for i, n := range f.values {
		path := f.path(n, valueSuffix)
		end, err := logEnd{}, error(nil)
		settle := cutLog
		if newest := i == len(f.values)-1; !newest && !isEmpty(path) {
			err = checkHeader(path)
		} else if crashed {
			end, err = inspectLog(path)
			settle = f.settle
		} else {
			end, err = checkValueFile(path)
		}
		if err == nil && !readOnly {
			err = settle(path, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == 0
}

// inspectLog returns how far a log can be read that a crash left behind. It may be empty.
func inspectLog(path string) (end logEnd, err error) {
	if isEmpty(path) {
		return logEnd{remove: true}, nil
	}
	if err := checkHeader(path); err != nil {
		return end, err
	}
	return readLog(path)
}

// settle cuts a log that a crash left, and makes it durable. It may come from a process that
// did not sync, and its rows are visible from now on. A failure of the machine must not lose
// them while it keeps later commits, which are synced in other files.
func (f *files) settle(path string, end logEnd) error {
	if err := cutLog(path, end); err != nil || end.remove {
		return err
	}
	return f.sync(path)
}

// cutLog cuts a log to what can be read, or removes it if nothing can.
func cutLog(path string, end logEnd) error {
	switch {
	case end.remove:
		return os.Remove(path)
	case end.whole < end.size:
		return os.Truncate(path, end.whole)
	}
	return nil
}

// mostLog is longer than any log: badger makes them twice as long as a memtable. A longer one
// would take forever to read.
const mostLog = 8 << 30

// checkHeader checks the length of a log, and its header: the number of its encryption key must
// say that there is none.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() > mostLog {
		return corruptf("%s: %d bytes are more than badger makes it", path, info.Size())
	}
	var header [logHeader]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return corruptf("%s: its header is missing", path)
	}
	if binary.BigEndian.Uint64(header[:]) != 0 {
		return corruptf("%s: its header is damaged", path)
	}
	return nil
}

// checkValueFile proves that a file of the value log that is no longer written can be read to
// its end, or to the zeroes that badger has not cut off.
func checkValueFile(path string) (end logEnd, err error) {
	if err := checkHeader(path); err != nil {
		return end, err
	}
	if end, err = readLog(path); err != nil || end.whole == end.size {
		return end, err
	}
	f, err := os.Open(path)
	if err != nil {
		return end, err
	}
	defer f.Close()
	var buf [1 << 16]byte
	for at := end.whole; ; {
		n, err := f.ReadAt(buf[:], at)
		if len(bytes.TrimLeft(buf[:n], "\x00")) > 0 {
			return end, corruptf("%s: what is at %d of %d is no entry", path, end.whole, end.size)
		}
		if at += int64(n); errors.Is(err, io.EOF) {
			return end, nil
		} else if err != nil {
			return end, err
		}
	}
}

// countTxns counts the ends of transactions after an offset of a log. It stops when there are
// two.
func countTxns(path string, from int64) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var buf [1 << 16]byte
	for n < 2 {
		got, err := f.ReadAt(buf[:], from)
		if errors.Is(err, io.EOF) {
			return n + txnEnds(buf[:got], got), nil
		} else if err != nil {
			return n, err
		}
		next := got - longestTxnEnd
		n += txnEnds(buf[:got], next)
		from += int64(next)
	}
	return n, nil
}
