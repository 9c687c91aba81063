// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Options say how a storage is opened: which version of it the program wants, what may be replaced,
// what is checked, and what is logged. Without any of them nothing that is stored is ever replaced,
// every write is durable when it returns, and an opening reads only as much as it must.

// Option changes how a storage is opened. Without options a storage is created when it is
// absent and opened otherwise, and a write returns when it is durable.
type Option func(*options)

type options struct {
	recreate   Recreate
	version    uint64
	anyVersion bool
	migrate    func(ctx context.Context, s *Storage, from, to uint64) error
	keep       int
	validation Validation
	readOnly   bool
	noSync     bool
	tracking   bool
	logger     *slog.Logger

	restoreProgress func(RestoreProgress)

	invalid error // of the options themselves
}

func newOptions(opts []Option) options {
	o := options{keep: 1, logger: slog.Default()}
	for i, opt := range opts {
		if opt == nil {
			o.invalid = errors.Join(o.invalid, nilOption(i))
			continue
		}
		opt(&o)
	}
	return o
}

// check finds values that no constant stands for.
func (o *options) check() error {
	if o.invalid != nil {
		return o.invalid
	}
	const policies = IfMissing | Always | OnVersionBump | OnValidationFail | OnFormatChange
	if o.recreate&^policies != 0 {
		return fmt.Errorf("WithRecreate(%d): there is no such policy; combine the constants of "+
			"type Recreate", o.recreate)
	}
	if o.validation > ValidateFull {
		return fmt.Errorf("WithValidation(%d): use ValidateQuick or ValidateFull", o.validation)
	}
	return nil
}

// Recreate says when a new, empty storage replaces the one that is there. The old one is not
// destroyed but renamed to path.replaced-TIME; see [WithKeepReplaced]. The values are flags:
// combine them with |.
type Recreate uint8

const (
	// IfMissing creates a storage when none is there, and opens it otherwise.
	IfMissing Recreate = 0
	// Always starts with an empty storage.
	Always Recreate = 1
	// OnVersionBump replaces a storage whose version is lower than the wanted one. A migration
	// goes first.
	OnVersionBump Recreate = 2
	// OnValidationFail replaces a damaged storage, but only if its mark is still readable.
	OnValidationFail Recreate = 4
	// OnFormatChange sets aside, inside the storage, a table that was created with other formats.
	OnFormatChange Recreate = 8
)

// String names the flags, such as "on version bump".
func (r Recreate) String() string {
	names := []struct {
		flag Recreate
		name string
	}{
		{Always, "always"},
		{OnVersionBump, "on version bump"},
		{OnValidationFail, "on validation fail"},
		{OnFormatChange, "on format change"},
	}
	s := ""
	for _, n := range names {
		if r&n.flag != 0 {
			if s != "" {
				s += " | "
			}
			s += n.name
		}
	}
	if s == "" {
		return "if missing"
	}
	return s
}

// WithRecreate sets when a new storage replaces the one that is there. The default is
// IfMissing: never.
func WithRecreate(r Recreate) Option { return func(o *options) { o.recreate = r } }

// WithVersion states the version of the application's schema. A new storage records it; that of
// an existing storage is compared with it. Open returns ErrVersionMismatch if the stored
// version is higher, and if it is lower, unless WithMigration or OnVersionBump says what to do.
// The default is 0.
func WithVersion(v uint64) Option { return func(o *options) { o.version = v } }

// WithAnyVersion opens a storage whatever version it has. It is meant for tools.
func WithAnyVersion() Option { return func(o *options) { o.anyVersion = true } }

// WithMigration brings a storage of a lower version up to the wanted one. The new version is
// stored after fn returned nil. If it returns an error, Open returns it with both versions and
// the old version stays, together with whatever fn had committed: the next Open runs fn again,
// so each of its steps must be safe to repeat.
//
// One process at a time migrates a shared storage. Open of another one waits until that is done,
// or its context ends; after half a minute it returns ErrLocked.
func WithMigration(fn func(ctx context.Context, s *Storage, from, to uint64) error) Option {
	return func(o *options) { o.migrate = fn }
}

// WithKeepReplaced sets how many storages that were set aside are kept beside the new one: the
// newest n, or all if n is negative. Older ones are deleted when another is set aside. The
// default is 1.
func WithKeepReplaced(n int) Option { return func(o *options) { o.keep = n } }

// WithValidation sets how much Open checks. The default is ValidateQuick.
func WithValidation(v Validation) Option { return func(o *options) { o.validation = v } }

// WithReadOnly opens a storage for reading. Nothing is created, replaced or migrated. Engines
// let several readers in, but none beside a writer.
func WithReadOnly() Option { return func(o *options) { o.readOnly = true } }

// WithoutSync lets writes return before they are durable. The backend's documentation says what
// a crash of the process or the machine can then cost. Sync, Close and Compact make everything
// durable. By default a write returns when it is durable.
func WithoutSync() Option { return func(o *options) { o.noSync = true } }

// WithTracking records where guards, scans and transactions were opened, and reports the call
// sites when Close finds them open, when a guard was forgotten, and when a write waited in vain
// for another one. Each costs about a microsecond. The default is off.
func WithTracking() Option { return func(o *options) { o.tracking = true } }

// WithLogger receives what cannot be returned as an error: replaced storages, forgotten guards.
// The default is slog.Default().
func WithLogger(l *slog.Logger) Option {
	return func(o *options) {
		if l == nil {
			l = slog.Default()
		}
		o.logger = l
	}
}
