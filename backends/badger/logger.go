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

// logger hands what badger says to the storage's logger. What badger calls an error need not be one for the storage, whose
// calls return theirs; what happens in the background is known from here alone.
type logger struct {
	to     *slog.Logger
	health *health
}

var _ badger.Logger = logger{}

func (l logger) log(level slog.Level, format string, args []any) {
	if l.to.Enabled(context.Background(), level) {
		l.to.Log(context.Background(), level, "badger: "+strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
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
