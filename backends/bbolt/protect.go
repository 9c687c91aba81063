// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// protect runs fn, which lets bbolt touch pages, and turns a panic or a memory fault into an
// error: bbolt answers damaged pages with either. The pages that bbolt is about to touch are
// checked beforehand; protect is the safety net.
func protect(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case thrown:
			err = r.err
		default:
			err = fmt.Errorf("%w: bbolt gave up: %v", core.ErrCorrupt, r)
		}
	}()
	return fn()
}

// failStop is the logger that bbolt gets. bbolt logs the error of a commit before it rolls
// back. Its rollback walks over all pages in a goroutine of its own. That is slow, and a single
// damaged page ends the process there, when all that had happened was a full disk. So while a
// commit runs, the first error that is logged is thrown past the rollback, to protect, unless
// allows says that it may be tolerated: then bbolt rolls back, and gets back the free pages
// that it had taken.
type failStop struct {
	armed  atomic.Bool
	allows func(error) bool // whether bbolt may roll back by itself after an error
	first  error            // of the commit that runs, if bbolt may
}

// thrown is an error on its way from failStop to protect.
type thrown struct{ err error }

// during runs a commit.
func (f *failStop) during(commit func() error) error {
	f.first = nil
	f.armed.Store(true)
	defer f.armed.Store(false)
	err := commit()
	if err != nil && f.first != nil {
		return f.first // bbolt's own may have lost its cause
	}
	return err
}

func (f *failStop) throw(args []any) {
	if !f.armed.Load() || f.first != nil {
		return
	}
	for _, a := range args {
		if err, ok := a.(error); ok {
			if f.allows != nil && f.allows(err) {
				f.first = err
				return
			}
			panic(thrown{err})
		}
	}
}

func (f *failStop) Error(args ...any)            { f.throw(args) }
func (f *failStop) Errorf(_ string, args ...any) { f.throw(args) }
func (f *failStop) Debug(...any)                 {}
func (f *failStop) Debugf(string, ...any)        {}
func (f *failStop) Info(...any)                  {}
func (f *failStop) Infof(string, ...any)         {}
func (f *failStop) Warning(...any)               {}
func (f *failStop) Warningf(string, ...any)      {}
func (f *failStop) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (f *failStop) Fatalf(s string, args ...any) { panic(fmt.Sprintf(s, args...)) }
func (f *failStop) Panic(args ...any)            { panic(fmt.Sprint(args...)) }
func (f *failStop) Panicf(s string, args ...any) { panic(fmt.Sprintf(s, args...)) }
