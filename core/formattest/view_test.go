// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"testing"

	"github.com/guardkv/guardkv/core"
)

// lazy is a view that reads its fields when it is asked for them, as generated code does.
type lazy struct{ b []byte }

func (w lazy) record() record {
	v, err := viewRecord(w.b)
	if err != nil {
		panic(err)
	}
	return v
}

type fakeLazy struct {
	fake
	check func(b []byte) error
}

func (f fakeLazy) View(b []byte) (lazy, error) { return lazy{b}, f.check(b) }

func checkRecord(b []byte) error { _, err := viewRecord(b); return err }

var lazyExtras = Extras[record, lazy]{Value: lazy.record, Borrows: true}

func TestLazyFormat(t *testing.T) {
	RunWith(t, fakeLazy{check: checkRecord}, lazyExtras, records...)
}

// A view of bytes that were not validated panics later, when it is read. That breaks the
// promise of View.
func TestLazyFormatWithoutValidation(t *testing.T) {
	s, err := newSuite(fakeLazy{check: func([]byte) error { return nil }}, lazyExtras, records)
	if err != nil {
		t.Fatal(err)
	}
	wantBroken(t, s.checks(), []string{"NeverPanics"}, "cut or too long")
}

func TestLazyFormatDeclaredToOwn(t *testing.T) {
	s, err := newSuite(fakeLazy{check: checkRecord},
		Extras[record, lazy]{Value: lazy.record}, records)
	if err != nil {
		t.Fatal(err)
	}
	wantBroken(t, s.checks(), []string{"Owns"}, "")
}

func TestValueIsNeeded(t *testing.T) {
	if _, err := newSuite(fakeLazy{check: checkRecord}, Extras[record, lazy]{},
		records); err == nil {
		t.Error("nothing turns a lazy into a record, and there is no error")
	}
}

// A suite that is given one sample, or the same one twice, would find half of what there is to
// find.
func TestSamplesAreNeeded(t *testing.T) {
	for _, samples := range [][]record{nil, records[:1], {records[2], records[2]}} {
		if _, err := newSuite(fake{}, Extras[record, record]{}, samples); err == nil {
			t.Errorf("%d samples, no two different: no error", len(samples))
		}
	}
}

// returnsValue is how a format of bytes is written by mistake.
type returnsValue struct{}

func (returnsValue) ID() string                    { return "returns value" }
func (returnsValue) View(b []byte) ([]byte, error) { return append([]byte{}, b...), nil }
func (returnsValue) Append(dst, v []byte) ([]byte, error) {
	if len(dst) == 0 {
		return v, nil
	}
	return append(dst, v...), nil
}

func TestBytesThatAreReturnedAsTheyAre(t *testing.T) {
	s, err := newSuite(returnsValue{}, Extras[[]byte, []byte]{},
		[][]byte{[]byte("one"), []byte("two")})
	if err != nil {
		t.Fatal(err)
	}
	wantBroken(t, s.checks(), []string{"KeepsNothing"}, "overwrote")
}

// What follows are formats that keep every promise.

func TestGoodFormats(t *testing.T) {
	into := func(b []byte, w *record) (err error) { *w, err = viewRecord(b); return err }
	t.Run("plain", func(t *testing.T) { Run(t, fake{}, records...) })
	t.Run("borrowing", func(t *testing.T) {
		RunWith(t, fake{view: borrowRecord}, Extras[record, record]{Borrows: true}, records...)
	})
	t.Run("reusing", func(t *testing.T) { Run(t, fakeReuser{into: into}, records...) })
	t.Run("trusting", func(t *testing.T) { Run(t, fakeTruster{trusted: viewRecord}, records...) })
	t.Run("bound", func(t *testing.T) { Run(t, fakeBinder{bind: bindWell}, records...) })
	t.Run("key", func(t *testing.T) { RunKey(t, fakeKey{}, numbers...) })
	t.Run("text key", func(t *testing.T) { RunKey(t, fakeText{prefix: textPrefix}, texts...) })
}

func FuzzGoodFormat(f *testing.F) { Fuzz(f, fake{}, records...) }
func FuzzGoodKey(f *testing.F)    { FuzzKey(f, fakeKey{}, numbers...) }

func BenchmarkGoodFormat(b *testing.B) {
	Bench[record, record](b, fakeTruster{trusted: viewRecord}, records...)
}
func BenchmarkGoodKey(b *testing.B) { BenchKey(b, fakeKey{}, numbers...) }

var _ core.ValueFormat[record, lazy] = fakeLazy{}
