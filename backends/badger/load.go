// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"

	"github.com/guardkv/guardkv/core"
)

// Many rows are not written in one transaction of badger: a transaction has a limit, and
// inserts rows in no order, which takes most of the time. Instead they are loaded in order, at
// the number of the coming commit. Nobody sees them until that commit, which writes the row
// that counts the commits. After a crash or an error, rows with a higher number than the last
// commit belong to a batch that was not committed. They are set back when the storage is
// opened.

// bulk is the number of writes from which on loading is worth one more sync.
const bulk = 2048

// deleted is badger's flag of an entry that deletes its key.
var deleted = []byte{1}

// load commits the writes.
func (e *engine) load(writes []core.Write) error {
	ts := e.newest.Load().ReadTs() + 1
	if err := e.loadAt(ts, writes); err != nil {
		return err
	}
	return e.commit(func(*badger.Txn) error { return nil })
}

// loadAt loads the writes in chunks. Each is made durable before the next one: badger may move
// on to another memtable between them, and syncs only the last.
func (e *engine) loadAt(ts uint64, writes []core.Write) error {
	e.unflushed = true
	for len(writes) > 0 {
		n := e.chunk(writes)
		chunk := e.own.copy(writes[:n])
		err := e.health.unlessStopped(func() error {
			if err := e.reachable(); err != nil {
				return err
			}
			if err := e.loadChunk(ts, chunk); err != nil || e.noSync {
				return err
			}
			return e.db.Sync()
		})
		if err != nil {
			e.health.fail(err)
			return err
		}
		writes = writes[n:]
	}
	return nil
}

// chunk returns how many of the writes make one request to badger: at least one, whose value
// may be long.
func (e *engine) chunk(writes []core.Write) int {
	size := 0
	for i := range writes {
		if size += len(writes[i].Key) + len(writes[i].Value); i > 0 && size > e.txn.bytes ||
			i == e.txn.rows {
			return i
		}
	}
	return len(writes)
}

func (e *engine) loadChunk(ts uint64, writes []core.Write) (err error) {
	l := e.db.NewKVLoader(1)
	defer func() { err = errors.Join(err, l.Finish()) }() // the arguments are badger's until then
	for i := range writes {
		w := &writes[i]
		kv := pb.KV{Key: stored(w.Key), Value: w.Value, Version: ts}
		switch {
		case w.Delete:
			kv.Value, kv.Meta = nil, deleted
		case len(w.Value) >= inlineBelow:
			kv.UserMeta = userOutOfLine
		}
		if err := l.Set(&kv); err != nil {
			return err
		}
	}
	return nil
}

var userOutOfLine = []byte{outOfLine}

// repair sets back what was loaded and not committed: all rows with a number above that of the
// last commit. The commit that does so has a number above them all.
func (e *engine) repair(ctx context.Context, loaded uint64) error {
	newest := e.newest.Load()
	e.torn = loaded + 1
	opts := badger.IteratorOptions{AllVersions: true, SinceTs: newest.ReadTs()}
	it := e.db.NewTransactionAt(loaded, false).NewIterator(opts)
	defer it.Close()
	var chunk []core.Write
	size := 0
	for it.Rewind(); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		w, err := e.before(newest, it.Item().KeyCopy(nil))
		if err != nil {
			return err
		}
		chunk = append(chunk, w)
		if size += len(w.Key) + len(w.Value); size > e.txn.bytes {
			if err := e.loadAt(e.torn, chunk); err != nil {
				return err
			}
			chunk, size = chunk[:0], 0
		}
	}
	if err := e.loadAt(e.torn, chunk); err != nil {
		return err
	}
	return e.commit(func(*badger.Txn) error { return nil })
}

// before returns the write that makes a row what it was. The key is as it is stored.
func (e *engine) before(newest *badger.Txn, key []byte) (core.Write, error) {
	value, _, err := e.get(newest, key)
	w := core.Write{Key: logical(key, nil), Value: value}
	if errors.Is(err, core.ErrNotFound) {
		w.Delete, err = true, nil
	}
	return w, err
}
