// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"bytes"
	"errors"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
)

// spy is a format of bytes that remembers the memory that it was given.
type spy struct {
	core.ValueFormat[[]byte, []byte]
	encodedIn *[]byte
	viewed    *[][]byte
	fail      func() error // in the middle of Append
	owns      bool
}

func newSpy() spy {
	return spy{
		ValueFormat: values.Bytes(), encodedIn: new([]byte), viewed: new([][]byte),
		fail: func() error { return nil },
	}
}

func (s spy) Append(dst, v []byte) ([]byte, error) {
	dst = append(dst, v...)
	*s.encodedIn = dst[:cap(dst)]
	if err := s.fail(); err != nil {
		return nil, err
	}
	return dst, nil
}

func (s spy) View(b []byte) ([]byte, error) {
	*s.viewed = append(*s.viewed, b)
	return b, nil
}

func (s spy) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte, []byte]{Owns: s.owns}
}

func rowsOf(t *testing.T, s spy) core.RowFormat[[]byte, []byte] {
	t.Helper()
	k, err := NewKey(3, bytes.Repeat([]byte{33}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	ks, err := NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := core.RowFormatOf[[]byte, []byte](New[[]byte, []byte](s, ks), core.TableID{1})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

var secretText = []byte("what nobody is to see")

// The batch that is written never has what is not encrypted, and the memory in which a value is
// encoded is cleared, whatever becomes of it. It was used again as it was, so that it stayed
// readable until another value came, in core dumps for one.
func TestEncodedValuesAreCleared(t *testing.T) {
	s := newSpy()
	dst := make([]byte, 5, 500)
	row, err := rowsOf(t, s).Append(dst, []byte("k"), secretText)
	if err != nil {
		t.Fatal(err)
	}
	if &row[0] != &dst[0] || bytes.Contains(row[:cap(row)], secretText[:8]) {
		t.Errorf("what is written has what was to be encrypted: %q", row[:cap(row)])
	}
	if !isZero(*s.encodedIn) {
		t.Errorf("after Append there is still %q", *s.encodedIn)
	}
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("no") },
		"a panic":  func() error { panic("no") },
	} {
		s.fail = fail
		func() {
			defer func() { _ = recover() }()
			if _, err := rowsOf(t, s).Append(nil, []byte("k"), secretText); err == nil {
				t.Errorf("%s of the inner format is lost", name)
			}
		}()
		if !isZero(*s.encodedIn) {
			t.Errorf("after %s there is still %q", name, *s.encodedIn)
		}
	}
}

// Views are cleared when they are given back, and at once if the inner format does not refer to
// them.
func TestViewsAreCleared(t *testing.T) {
	for _, owns := range []bool{false, true} {
		s := newSpy()
		s.owns = owns
		rows := rowsOf(t, s)
		row, err := rows.Append(nil, []byte("k"), secretText)
		if err != nil {
			t.Fatal(err)
		}
		w, lent, err := rows.ViewLent([]byte("k"), row, false)
		if err != nil || (lent == nil) != owns {
			t.Fatalf("a format that owns its views (%v) is lent %v, %v", owns, lent, err)
		}
		if !owns {
			if !bytes.Equal(w, secretText) {
				t.Errorf("the view is %q", w)
			}
			lent.Release()
		}
		if !isZero(w) {
			t.Errorf("what was given back is still %q", w)
		}
		kept, err := rows.View([]byte("k"), row)
		if err != nil || !owns && !bytes.Equal(kept, secretText) || owns && !isZero(kept) {
			t.Errorf("View gives %q, %v", kept, err)
		}
	}
}

// A row that was changed is nothing that the inner format sees, or that is left in memory.
func TestNothingOfChangedRows(t *testing.T) {
	s := newSpy()
	rows := rowsOf(t, s)
	row, err := rows.Append(nil, []byte("k"), secretText)
	if err != nil {
		t.Fatal(err)
	}
	for i := range row {
		for bit := range 8 {
			row[i] ^= 1 << bit
			w, lent, err := rows.ViewLent([]byte("k"), row, true)
			kept, errKept := rows.View([]byte("k"), row)
			row[i] ^= 1 << bit
			if len(w) != 0 || lent != nil || len(kept) != 0 || len(*s.viewed) != 0 {
				t.Fatalf("with bit %d of byte %d changed, views are %q and %q, and the inner format saw %q", bit, i, w, kept, *s.viewed)
			}
			want := core.ErrCorrupt
			if i < idSize {
				want = ErrKey
			}
			if !errors.Is(err, want) || !errors.Is(errKept, want) || i < idSize && !errors.Is(err,
				core.ErrFormatMismatch) {
				t.Fatalf("with bit %d of byte %d changed, the errors are %v and %v; want %v",
					bit, i, err, errKept, want)
			}
		}
	}
	for n := range row {
		if w, _, err := rows.ViewLent([]byte("k"), row[:n:n], true); len(w) != 0 || !errors.Is(err,
			core.ErrCorrupt) {
			t.Fatalf("cut to %d bytes, the row reads as %q, %v", n, w, err)
		}
	}
	buf := newBuffer(len(secretText)) // the one that was decrypted into
	defer buf.Release()
	if bytes.Contains(buf.b[:cap(buf.b)], secretText[:4]) {
		t.Errorf("memory still has %q", buf.b[:cap(buf.b)])
	}
}

func isZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }
