// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"
)

type (
	nameKey  string
	bytesKey []byte
	tupleKey struct {
		First  any
		Second bytesKey
	}
	hiddenKey struct {
		name  string
		bytes []byte
		at    time.Time
	}
	saysKey  struct{ line string }
	panicKey struct{}
	ringKey  struct{ next *ringKey }
)

func (k saysKey) String() string { return k.line }
func (panicKey) String() string  { panic("no text") }

const forged = "x\nERROR all is lost"

// A key with a newline made a second line in a log, unless its type was string: a named string,
// a pair or a type with a String method was printed as it was.
func TestKeysInErrorsAreOneLine(t *testing.T) {
	text := forged
	for _, key := range []any{
		forged, nameKey(forged), []byte(forged), bytesKey(forged), &text,
		[]string{forged},
		[1]nameKey{forged},
		tupleKey{First: forged},
		tupleKey{First: nameKey(forged)},
		hiddenKey{name: forged},
		saysKey{forged},
		map[string]string{forged: forged},
		fmt.Errorf("%s", forged),
		panicKey{},
		"\u2028", "\x85", "\xff\n",
	} {
		for _, err := range []Error{
			{Op: "get", Table: "t", Path: "p", Key: key},
			{Op: "get", Table: forged, Path: forged},
		} {
			err.Err = ErrNotFound
			if text := err.Error(); !plain(text) {
				t.Errorf("a %T makes the text %q", key, text)
			}
		}
	}
}

// Keys keep their look: what can be printed is.
func TestKeyText(t *testing.T) {
	long := strings.Repeat("λ", 1000)
	for _, c := range []struct {
		key  any
		want string
	}{
		{955, "955"},
		{-1.5, "-1.5"},
		{true, "true"},
		{"λ", `"λ"`},
		{nameKey("a\"b"), `"a\"b"`},
		{[]byte{0, 255}, "00ff"},
		{[3]byte{1, 2, 3}, "010203"},
		{bytesKey(nil), ""},
		{tupleKey{First: "a b", Second: bytesKey{7}}, `{"a b" 07}`},
		{tupleKey{}, "{nil }"},
		{[]int{1, 2}, "[1 2]"},
		{time.Unix(0, 0).UTC(), "1970-01-01 00:00:00 +0000 UTC"},
		{netip.MustParseAddr("10.0.0.7"), "10.0.0.7"},
		{long, `"` + strings.Repeat("λ", 32) + `"…`},
		{make([]byte, 65), strings.Repeat("00", 64) + "…"},
		{&ringKey{}, "&{nil}"},
	} {
		if got := shortKey(c.key); got != c.want {
			t.Errorf("%T is %s, want %s", c.key, got, c.want)
		}
	}
}

// The text of a key was made whole before it was cut: of a key of a gigabyte that takes seconds
// and gigabytes.
func TestHugeKeysInErrors(t *testing.T) {
	huge := strings.Repeat("k", 64<<20)
	ring := &ringKey{}
	ring.next = ring
	for _, key := range []any{
		huge, nameKey(huge), []byte(huge),
		tupleKey{First: huge, Second: bytesKey(huge)},
		hiddenKey{name: huge},
		[1]string{huge},
		strings.Split(huge[:1<<20], "k"), make([]struct{}, 1<<30), ring,
		saysKey{huge[:1<<20]},
	} {
		runs := testing.AllocsPerRun(1, func() {
			err := &Error{Op: "get", Table: "t", Key: ownKey(key), Err: ErrTooLarge}
			if text := err.Error(); len(text) > 300 || !utf8.ValidString(text) {
				t.Errorf("a key of type %T makes a message of %d bytes", key, len(text))
			}
		})
		if runs > 200 {
			t.Errorf("a key of type %T takes %v allocations", key, runs)
		}
	}
	if k, ok := ownKey(huge).(fmt.Stringer); !ok || !strings.HasSuffix(k.String(), "…") {
		t.Errorf("a key over a megabyte is kept as %T", k)
	}
}

// The error of a composite key referred to the slices that the caller had passed, and to the
// engine's bytes where the key was a view: its text changed when they did.
func TestErrorsOwnTheirKeys(t *testing.T) {
	b := []byte("first")
	at := time.Now()
	check := func(what string, own any, want any) {
		t.Helper()
		before := fmt.Sprintf("%#v", own)
		copy(b, "OTHER")
		if after := fmt.Sprintf("%#v", own); after != before {
			t.Errorf("%s was %s and is %s", what, before, after)
		}
		copy(b, "first")
		if fmt.Sprintf("%T", own) != fmt.Sprintf("%T", want) {
			t.Errorf("%s became a %T", what, own)
		}
	}
	view := viewOf(b)
	check("bytes", ownKey(b), b)
	check("named bytes", ownKey(bytesKey(b)), bytesKey(b))
	check("a view", ownKey(view), view)
	check("a named view", ownKey(nameKey(view)), nameKey(view))
	check("a pair", ownKey(tupleKey{view, b}), tupleKey{})
	check("unexported fields", ownKey(hiddenKey{view, b, at}), hiddenKey{})
	check("an array", ownKey([2][]byte{b, b}), [2][]byte{})
	check("a slice", ownKey([]any{b, view}), []any{})
	check("a map", ownKey(map[string][]byte{"k": b}), map[string][]byte{})
	if own := ownKey(hiddenKey{at: at}).(hiddenKey); own.at != at {
		t.Errorf("the time %v became %v", at, own.at)
	}
	if p := ownKey(&b).(*[]byte); string(*p) != "first" || &(*p)[0] == &b[0] {
		t.Errorf("a pointer leads to %q", *p)
	}
	if k := ownKey([]byte(nil)).([]byte); k != nil {
		t.Errorf("no bytes became %#v", k)
	}
}

// viewOf returns a string that refers to b, as values.String does.
func viewOf(b []byte) string { return unsafe.String(&b[0], len(b)) }
