// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
)

// logger is what pebble logs to. Fatalf, after which pebble expects the process to be gone,
// only ends writing to the storage.
type logger struct {
	to *slog.Logger
	h  *health
}

var _ pebble.Logger = logger{}

func (l logger) Infof(format string, args ...any) { l.log(slog.LevelDebug, format, args) }

func (l logger) Errorf(format string, args ...any) { l.log(slog.LevelWarn, format, args) }

func (l logger) log(level slog.Level, format string, args []any) {
	tell(l.to, level, func() string { return "pebble: " + fmt.Sprintf(format, args...) })
}

// tell logs what pebble says, in pebble's own goroutines. It recovers a panic of the handler,
// which would end the process there, or leave pebble's locks locked.
func tell(to *slog.Logger, level slog.Level, text func() string, args ...any) {
	defer func() { _ = recover() }()
	if to.Enabled(context.Background(), level) {
		to.Log(context.Background(), level, text(), args...)
	}
}

// say returns a text for tell.
func say(text string) func() string { return func() string { return text } }

// fatal is the error of a Fatalf on its way to caught.
type fatal struct{ error }

// Fatalf does not return. In a call that came through this package it panics, and the panic
// becomes the error of that call. One of pebble's own goroutines ends, after it has released
// its locks.
func (l logger) Fatalf(format string, args ...any) {
	err := fmt.Errorf("pebble cannot go on: "+format, args...)
	l.h.fail(err)
	l.log(slog.LevelError, format, args)
	if calledFromHere() {
		panic(fatal{err})
	}
	runtime.Goexit()
}

// tellAgain is how long a lack of room is not reported again.
const tellAgain = 10 * time.Second

const packagePath = "github.com/guardkv/guardkv/backends/pebble."

// calledFromHere reports whether a method of the engine, which recovers, is on the stack.
func calledFromHere() bool {
	pc := make([]uintptr, 256)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, packagePath) {
			return true
		}
		if !more {
			return false
		}
	}
}

// listener returns the events that pebble reports beside the errors of calls. Without it pebble
// would end the process when it reads a damaged block.
func listener(to *slog.Logger, h *health) *pebble.EventListener {
	var flushed error // of the flush that ended last; pebble flushes and reports in one goroutine
	var mu sync.Mutex
	var told time.Time // when a lack of room, which pebble finds again and again, was reported
	return &pebble.EventListener{
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			h.damaged.Store(true)
			tell(to, slog.LevelError, say("pebble: damaged file"), "path", i.Path, "err", i.Details)
		},
		FlushEnd: func(i pebble.FlushInfo) {
			mu.Lock()
			defer mu.Unlock()
			// which may be that there was nothing to write; then nothing failed, and is not
			// reported
			flushed = i.Err
			h.wrote(i.Err)
		},
		BackgroundError: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if full := isFull(err); !full || time.Since(told) > tellAgain {
				tell(to, slog.LevelWarn, say("pebble: background work failed"), "err", err)
				if full {
					told = time.Now()
				}
			}
			if flushed != nil && errors.Is(err, flushed) && !isFull(err) {
				h.fail(fmt.Errorf("rows could not be moved from the log to a table: %w", err))
			}
		},
	}
}

// caught turns a panic of pebble into an error. Every method that calls pebble defers it.
func (h *health) caught(err *error) { h.recovered(recover(), err) }

func (h *health) recovered(from any, err *error) {
	switch r := from.(type) {
	case nil:
	case fatal:
		*err = r.error
	case error:
		if errors.Is(r, pebble.ErrBatchTooLarge) {
			*err = fmt.Errorf("%w: %w", core.ErrTooLarge, r)
			return
		}
		*err = damage(fmt.Errorf("pebble gave up: %w", r)) // which the disk may have caused
		h.fail(*err)
	default:
		*err = fmt.Errorf("%w: pebble gave up: %v", core.ErrCorrupt, r)
		h.fail(*err)
	}
}
