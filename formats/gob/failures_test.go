// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/guardkv/guardkv/core"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

// fussy fails in every way a type that encodes itself can.
type fussy struct{ mode string }

var errFussy = errors.New("fussy")

func (f fussy) GobEncode() ([]byte, error) {
	switch f.mode {
	case "error":
		return nil, errFussy
	case "panic":
		panic(errFussy)
	}
	return []byte(f.mode), nil
}

func (f *fussy) GobDecode(b []byte) error {
	f.mode = string(b)
	switch f.mode {
	case "Error":
		return errFussy
	case "Panic":
		panic(errFussy)
	}
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
// over. Encoders and decoders of gob remember errors, so that those that met one must not be
// used again.
func TestAfterFailuresOfTheType(t *testing.T) {
	f, _ := bind[map[string]fussy](t, nil)
	k := gobformat.Key[fussy]()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 300 {
				mode := []string{"rror", "anic"}[(i+n)%2]
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
	for i, call := range []func() error{
		func() error {
			_, err := f.Append(nil, map[string]fussy{
				"a": {"fine"},
				"b": {map[string]string{"rror": "error", "anic": "panic"}[mode]},
			})
			return err
		},
		func() error {
			_, err := f.View([]byte("\x01\x00\x01\x01b\x05" + upper(mode)))
			return err
		},
		func() error { _, err := k.Decode([]byte("\x00\x05" + upper(mode))); return err },
	} {
		err := safely(call)
		if err == nil || i > 0 && !errors.Is(err, core.ErrCorrupt) {
			return fmt.Errorf("call %d, %s: error %w", i, mode, err)
		}
	}
	return nil
}

func upper(mode string) string { return map[string]string{"rror": "Error", "anic": "Panic"}[mode] }

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

// The values that were encoded, and the memory they were encoded into, may be big. A pool keeps
// what it holds through one collection, so the test would see it.
func TestPoolKeepsNothingAlive(t *testing.T) {
	f, _ := bind[*[1 << 16]byte](t, nil)
	value, dst := new([1 << 16]byte), new([1 << 17]byte)
	b, err := f.Append(dst[:0], value)
	if err != nil {
		t.Fatal(err)
	}
	read, err := f.View(b)
	if err != nil {
		t.Fatal(err)
	}
	v, d, r := weak.Make(value), weak.Make(dst), weak.Make(read)
	runtime.GC()
	if v.Value() != nil || d.Value() != nil || r.Value() != nil {
		t.Errorf("the value is kept: %v; its buffer: %v; what was read: %v",
			v.Value() != nil, d.Value() != nil, r.Value() != nil)
	}
	runtime.KeepAlive(f)
}

// Everything behind a value, and everything that is missing of one, is noticed: gob itself
// reads 8 of 170 cut values, and all with bytes behind them.
func TestCutAndTrailing(t *testing.T) {
	f, _ := bind[company](t, nil)
	g, _ := bind[shape](t, nil)
	for _, v := range companies {
		wantWhole(t, f, write(t, f, v))
	}
	for _, v := range shapes {
		wantWhole(t, g, write(t, g, v))
	}
}

func wantWhole[T any](t *testing.T, f core.ValueFormat[T, T], b []byte) {
	t.Helper()
	for n := range b {
		if v, err := f.View(b[:n]); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%d of %d bytes of %x are read as %+v, error %v", n, len(b), b, v, err)
		}
	}
	for _, tail := range []string{"\x00", "\x01", "\xff", string(b)} {
		if v, err := f.View(append(b[:len(b):len(b)], tail...)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%x with %x behind it is read as %+v, error %v", b, tail, v, err)
		}
	}
}

// There is no description 0: a row that says so is damaged, and not one of the first.
func TestNoDescriptionZero(t *testing.T) {
	f, _ := bind[octet](t, nil)
	b := write(t, f, octets)
	b[0] = 0
	if v, err := f.View(b); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("read as %v, error %v", v, err)
	}
}
