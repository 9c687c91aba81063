// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/guardkv/guardkv/core"
)

var (
	errNotBolt  = fmt.Errorf("%w: not a bbolt file", core.ErrNotStorage)
	errNoBucket = fmt.Errorf("%w: it lacks what every guardkv storage has", core.ErrCorrupt)
	errOneMeta  = fmt.Errorf("%w: one of the two meta pages is damaged; the rows are complete, "+
		"and the next write makes it good", core.ErrCorrupt)
	errForeign = fmt.Errorf("%w: a bbolt file without guardkv's mark", core.ErrNotStorage)
)

// corruptf returns an ErrCorrupt that says what is damaged and where.
func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{core.ErrCorrupt}, args...)...)
}

// notStorage adds ErrNotStorage to damage that keeps a mark from being read. Other errors say
// nothing about the file.
func notStorage(err error) error {
	if errors.Is(err, core.ErrCorrupt) && !errors.Is(err, core.ErrNotStorage) {
		return fmt.Errorf("%w: its mark cannot be read: %w", core.ErrNotStorage, err)
	}
	return err
}

// isNoRoom reports whether the system refused a write because the medium, a quota or a limit of
// the process is exhausted.
func isNoRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EFBIG)
}

// noRoom adds ErrNoRoom to the error of something that left the storage as it was.
func noRoom(err error) error {
	if isNoRoom(err) && !errors.Is(err, core.ErrNoRoom) {
		return fmt.Errorf("%w: %w", core.ErrNoRoom, err)
	}
	return writeError(err)
}

// tell logs. The handler belongs to the user: a panic in it must neither keep a file from being
// opened nor reach a reader that releases a value.
func tell(l *slog.Logger, level slog.Level, msg string, args ...any) {
	defer func() { recover() }()
	l.Log(context.Background(), level, msg, args...)
}
