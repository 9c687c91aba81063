// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/cbor"
)

// fussy fails in every way a type that encodes itself can.
type fussy struct{ mode string }

var errFussy = errors.New("fussy")

func (f fussy) MarshalCBOR() ([]byte, error) {
	switch f.mode {
	case "error":
		return nil, errFussy
	case "panic":
		panic(errFussy)
	case "junk":
		return []byte{0x82, 0x01}, nil
	}
	return []byte{0x64, 'f', 'i', 'n', 'e'}, nil
}

func (f *fussy) UnmarshalCBOR(b []byte) error {
	switch string(b[1:]) {
	case "error":
		f.mode = "half read"
		return errFussy
	case "panic":
		panic(errFussy)
	}
	f.mode = string(b[1:])
	return nil
}

func safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return fn()
}

// Errors and panics in the methods of a value leave nothing behind that a later call could trip
// over.
func TestAfterFailuresOfTheType(t *testing.T) {
	f, k := cbor.New[map[string]fussy](), cbor.Key[fussy]()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 300 {
				mode := []string{"error", "panic", "junk"}[(i+n)%3]
				if err := failEverywhere(f, k, mode); err != nil {
					t.Error(err)
				}
				if err := succeedEverywhere(f, k); err != nil {
					t.Errorf("after %s: %v", mode, err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := f.Append(nil, map[string]fussy{"a": {"error"}}); !errors.Is(err, errFussy) {
		t.Errorf("the error %v does not wrap the method's own", err)
	}
}

func failEverywhere(
	f core.ValueFormat[map[string]fussy, map[string]fussy], k core.KeyFormat[fussy], mode string,
) error {
	calls := []func() error{
		func() error {
			_, err := f.Append(nil, map[string]fussy{"a": {"fine"}, "b": {mode}})
			return err
		},
		func() error { _, err := k.Append(nil, fussy{mode}); return err },
	}
	if mode != "junk" {
		stored := append([]byte{0x60 + byte(len(mode))}, mode...)
		calls = append(calls,
			func() error {
				_, err := f.View(append([]byte{0xa1, 0x61, 'a'}, stored...))
				return err
			},
			func() error { _, err := k.Decode(stored); return err },
		)
	}
	for i, call := range calls {
		if err := safely(call); err == nil {
			return fmt.Errorf("call %d, %s: no error", i, mode)
		}
	}
	return nil
}

func succeedEverywhere(
	f core.ValueFormat[map[string]fussy, map[string]fussy], k core.KeyFormat[fussy],
) error {
	b, err := f.Append(nil, map[string]fussy{"a": {"fine"}})
	if err != nil {
		return err
	}
	if v, err := f.View(b); err != nil || len(v) != 1 || v["a"].mode != "fine" {
		return fmt.Errorf("%x is read as %v, error %w", b, v, err)
	}
	b, err = k.Append(nil, fussy{"fine"})
	if err != nil {
		return err
	}
	if v, err := k.Decode(b); err != nil || v.mode != "fine" {
		return fmt.Errorf("%x is read as %v, error %w", b, v, err)
	}
	return nil
}

func TestTypesThatCannotBeStored(t *testing.T) {
	if b, err := cbor.New[chan int]().Append(nil, nil); err == nil {
		t.Errorf("a channel is stored as %x", b)
	}
	if b, err := cbor.New[func()]().Append(nil, nil); err == nil {
		t.Errorf("a function is stored as %x", b)
	}
}

// The values that were encoded, and the memory they were encoded into, may be big. A pool keeps
// what it holds through one collection, so the test would see it.
func TestPoolKeepsNothingAlive(t *testing.T) {
	f := cbor.New[*[1 << 16]byte]()
	value, dst := new([1 << 16]byte), new([1 << 17]byte)
	if _, err := f.Append(dst[:0], value); err != nil {
		t.Fatal(err)
	}
	v, d := weak.Make(value), weak.Make(dst)
	runtime.GC()
	if v.Value() != nil || d.Value() != nil {
		t.Errorf("the value is kept: %v; its buffer: %v", v.Value() != nil, d.Value() != nil)
	}
	runtime.KeepAlive(f)
}
