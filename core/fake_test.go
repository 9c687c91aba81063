// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"sync/atomic"
)

// oneRow is an engine that costs next to nothing: what a benchmark over it measures is the guard.
type oneRow struct {
	Engine
	value    []byte
	released atomic.Int64 // which is aligned everywhere
	closed   atomic.Bool
}

func (e *oneRow) Get(context.Context, []byte) ([]byte, Releaser, error) { return e.value, e, nil }
func (e *oneRow) Limits() Limits                                        { return Limits{} }
func (e *oneRow) Powers() Powers                                        { return Powers{} }
func (e *oneRow) Release()                                              { e.released.Add(1) }

func (e *oneRow) Close() error {
	if e.closed.Swap(true) {
		return errors.New("the engine was closed twice")
	}
	return nil
}

// fakeKeys and fakeValues are formats that cost next to nothing.
type fakeKeys struct{}

func (fakeKeys) ID() string                                { return "fake" }
func (fakeKeys) Ordered() bool                             { return true }
func (fakeKeys) Append(d []byte, k uint64) ([]byte, error) { return append(d, byte(k)), nil }
func (fakeKeys) Decode(b []byte) (uint64, error)           { return uint64(b[0]), nil }

type fakeValues[W any] struct{ view func([]byte) W }

func (fakeValues[W]) ID() string                           { return "fake" }
func (fakeValues[W]) Append(d []byte, v W) ([]byte, error) { return d, nil }
func (f fakeValues[W]) View(b []byte) (W, error)           { return f.view(b), nil }

// view32 and view40 stand for views of that many bytes. The compiler keeps up to four words in
// registers.
type (
	view32 struct {
		row []byte
		at  uint32
	}
	view40 struct {
		row  []byte
		more [2]int
	}
)

func fakeTable[W any](view func([]byte) W) *Table[uint64, W, W] {
	return fakeTableOn(newStorage("fake", &oneRow{value: make([]byte, 64)}, newOptions(nil)), view)
}

func fakeTableOn[W any](s *Storage, view func([]byte) W) *Table[uint64, W, W] {
	r := tableRecord{Number: 1}
	return newTable(s, newTableState("t", r), r, fakeKeys{}, fakeValues[W]{view})
}
