// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"errors"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core/directory"
)

// create makes an empty storage in an empty directory.
func (b Backend) create(p directory.Place, row []byte) (err error) {
	h := newHealth()
	defer h.caught(&err)
	o := b.options(freezing(b.fs, h), slog.New(slog.DiscardHandler), h)
	o.ErrorIfExists = true
	if b.fs == vfs.Default {
		o.Lock = p.Lock.(*lock).engine
	}
	db, err := pebble.Open(p.Dir, o)
	if err != nil {
		return err
	}
	err = db.Set(tallyKey, row, pebble.Sync)
	if err == nil {
		err = db.Flush()
	}
	return errors.Join(err, db.Close(), h.check())
}
