// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func addRow(t *testing.T, b *batch, key, value string) {
	t.Helper()
	err := b.add(func(dst []byte) ([]byte, int, error) {
		dst = append(dst, key...)
		return append(dst, value...), len(dst), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The batch must give what a map that is filled in the same order holds.
func TestBatchSortsAndKeepsTheLast(t *testing.T) {
	var b batch
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		want := map[string]string{}
		b.reset()
		for i := range rnd.IntN(60) {
			key, value := fmt.Sprint(rnd.IntN(40)), fmt.Sprint(i)
			if seed%3 == 0 {
				key = fmt.Sprintf("%03d", i) // in order already
			}
			addRow(t, &b, key, value)
			want[key] = value
		}
		got, _ := b.sort()
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d rows, want %d", seed, len(got), len(want))
		}
		if !slices.IsSortedFunc(got, func(x, y Write) int { return bytes.Compare(x.Key, y.Key) }) {
			t.Fatalf("seed %d: not sorted", seed)
		}
		for _, w := range got {
			if want[string(w.Key)] != string(w.Value) {
				t.Fatalf("seed %d: row %s is %q, want %q",
					seed, w.Key, w.Value, want[string(w.Key)])
			}
		}
	}
}

// The lead of a key that is shorter than eight bytes is filled with zeros, which keys may end
// with as well.
func TestBatchComparesLikeBytes(t *testing.T) {
	var b batch
	b.reset()
	table := string(appendTableNumber(nil, 7))
	ends := []string{
		"", "\x00", "a", "a\x00", "a\x00\x00", "a\x01", "1234567", "12345678",
		"12345678\x00", "123456789", "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	}
	for _, end := range ends {
		addRow(t, &b, table+end, "")
	}
	for _, x := range b.rows {
		for _, y := range b.rows {
			if got, want := b.compare(x, y), bytes.Compare(b.key(x), b.key(y)); got != want {
				t.Errorf("compare %q with %q = %d, want %d", b.key(x), b.key(y), got, want)
			}
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	tests := []struct{ prefix, want string }{
		{"a", "b"}, {"a\xff", "b"}, {"a\xff\xff", "b"}, {"\x00", "\x01"}, {"ab", "ac"},
	}
	for _, test := range tests {
		if got := prefixEnd([]byte(test.prefix)); string(got) != test.want {
			t.Errorf("prefixEnd(%q) = %q, want %q", test.prefix, got, test.want)
		}
	}
	for _, p := range []string{"", "\xff", "\xff\xff"} {
		if got := prefixEnd([]byte(p)); got != nil {
			t.Errorf("prefixEnd(%q) = %q, want none", p, got)
		}
	}
}

func TestRowSum(t *testing.T) {
	key, value := []byte("key"), []byte("value")
	stored := appendRowSum(bytes.Clone(value), 0, key)
	if got, err := checkRowSum(key, stored); err != nil || !bytes.Equal(got, value) ||
		cap(got) != len(got) {
		t.Errorf("%q (cap %d), %v", got, cap(got), err)
	}
	if _, err := checkRowSum([]byte("kex"), stored); err == nil {
		t.Error("a value under another key was accepted")
	}
	for bit := range len(stored) * 8 {
		damaged := bytes.Clone(stored)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, err := checkRowSum(key, damaged); err == nil {
			t.Errorf("flipped bit %d was not found", bit)
		}
	}
	for n := range len(stored) {
		if _, err := checkRowSum(key, stored[:n]); err == nil {
			t.Errorf("cut to %d bytes was not found", n)
		}
	}
}
