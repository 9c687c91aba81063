// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// logger passes what badger says to the storage's logger. What badger calls an error need not
// be one for the storage, whose calls return their own errors; what happens in the background
// is known only from here.
type logger struct {
	to     *slog.Logger
	health *health
	anchor anchor
}

var _ badger.Logger = logger{}

// log may be called on a goroutine of badger, where a panic of a handler would end the process.
func (l logger) log(level slog.Level, format string, args []any) {
	defer func() { _ = recover() }()
	if l.to.Enabled(context.Background(), level) {
		said := l.anchor.text(strings.TrimSpace(fmt.Sprintf(format, args...)))
		l.to.Log(context.Background(), level, "badger: "+said)
	}
}

// warn logs a warning of what happens on a goroutine of this package, or while a storage is
// being opened.
func warn(to *slog.Logger, message string, args ...any) {
	defer func() { _ = recover() }()
	to.Warn(message, args...)
}

func (l logger) Errorf(format string, args ...any) {
	l.log(slog.LevelWarn, format, args)
	l.health.heard(format, args)
}

func (l logger) Warningf(format string, args ...any) {
	l.log(slog.LevelDebug, format, args)
	l.health.heard(format, args)
}

func (l logger) Infof(format string, args ...any)  { l.log(slog.LevelDebug, format, args) }
func (l logger) Debugf(format string, args ...any) { l.log(slog.LevelDebug, format, args) }
