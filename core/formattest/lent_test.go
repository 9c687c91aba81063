// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
)

type release func()

func (r release) Release() { r() }

// lendWell reads into buffers of a pool.
func lendWell() func(b []byte, trusted bool) (record, core.Releaser, error) {
	var pool sync.Pool
	return func(b []byte, _ bool) (record, core.Releaser, error) {
		buf, _ := pool.Get().(*[]byte)
		if buf == nil {
			buf = new([]byte)
		}
		*buf = append((*buf)[:0], b...)
		v, err := borrowRecord(*buf)
		if err != nil {
			pool.Put(buf)
			return v, nil, err
		}
		return v, release(func() { pool.Put(buf) }), nil
	}
}

// lendTwice reads into one buffer, even if another view still has it.
func lendTwice() func(b []byte, trusted bool) (record, core.Releaser, error) {
	buf := make([]byte, 1<<16)
	return func(b []byte, _ bool) (record, core.Releaser, error) {
		n := copy(buf, b)
		v, err := borrowRecord(buf[:n])
		return v, release(func() {}), err
	}
}

// lendStored lends what belongs to the engine.
func lendStored(b []byte, _ bool) (record, core.Releaser, error) {
	v, err := borrowRecord(b)
	return v, release(func() {}), err
}

// lendAll takes anything.
func lendAll(b []byte, _ bool) (record, core.Releaser, error) {
	v, err := viewRecord(b)
	if err != nil {
		return record{}, nil, nil
	}
	return v, nil, nil
}

func TestLending(t *testing.T) {
	Run(t, fakeLender{lent: lendWell()}, records...)
}
