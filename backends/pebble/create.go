// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core/directory"
)

// create makes an empty storage in an empty directory. If files cannot be written, it makes
// none. Pebble does not try forever then, because it counts as still being opened; see
// freezingFS.
func (b Backend) create(p directory.Place, row []byte) (err error) {
	h := newHealth()
	defer h.caught(&err)
	m := newMedium(b.fs, p.Dir, b.usage)
	if err := errors.Join(enoughFiles(), m.toOpen()); err != nil {
		return err
	}
	o := b.options(freezing(b.fs, h, nil, m), slog.New(slog.DiscardHandler), h, m)
	o.ErrorIfExists = true
	if b.fs == vfs.Default {
		o.Lock = p.Lock.(*lock).engine
	}
	db, err := openPebble(context.Background(), p, o, h)
	if err != nil {
		return noRoom(err)
	}
	err = db.Set(tallyKey, row, pebble.Sync)
	if err == nil {
		err = db.Flush()
	}
	if err = errors.Join(err, db.Close()); h.failed() {
		return h.cause()
	}
	return err
}
