// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

type key struct {
	Name string
	N    int32
	Path []uint16
	At   [2]bool
	In   struct{ Raw []byte }
}

var structKeys = []key{
	{},
	{Name: "a", N: -1, At: [2]bool{false, true}},
	{
		Name: strings.Repeat("é", 20), N: math.MaxInt32, Path: []uint16{1, 300},
		In: struct{ Raw []byte }{[]byte{0, 255}},
	},
}

// sameKey takes what a nil and an empty slice hold for the same.
func sameKey(a, b key) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }

func TestKeys(t *testing.T) {
	t.Run("struct", func(t *testing.T) {
		formattest.RunKeyWith(t, gobformat.Key[key](), formattest.KeyExtras[key]{Same: sameKey},
			structKeys...)
	})
	t.Run("string", func(t *testing.T) {
		formattest.RunKey(t, gobformat.Key[string](), "", "a", "é\x00", "\xff",
			strings.Repeat("a", 300))
	})
	t.Run("bytes", func(t *testing.T) {
		formattest.RunKey(t, gobformat.Key[[]byte](), nil, []byte{}, []byte{0, 255})
	})
	t.Run("array", func(t *testing.T) {
		formattest.RunKey(t, gobformat.Key[[3]byte](), [3]byte{}, [3]byte{1, 2, 3})
	})
	t.Run("int64", func(t *testing.T) {
		formattest.RunKey(t, gobformat.Key[int64](), math.MinInt64, -1, 0, 63, 64, math.MaxInt64)
	})
	t.Run("uint8",
		func(t *testing.T) { formattest.RunKey(t, gobformat.Key[uint8](), 0, 127, 128, 255) })
	t.Run("bool", func(t *testing.T) { formattest.RunKey(t, gobformat.Key[bool](), false, true) })
	t.Run("big.Int", func(t *testing.T) {
		formattest.RunKeyWith(t, gobformat.Key[big.Int](),
			formattest.KeyExtras[big.Int]{Same: func(a, b big.Int) bool { return a.Cmp(&b) == 0 }},
			*big.NewInt(0), *big.NewInt(-1), *new(big.Int).Lsh(big.NewInt(1), 100))
	})
}

func FuzzKey(f *testing.F) { formattest.FuzzKey(f, gobformat.Key[key](), structKeys...) }

func BenchmarkKeyStruct(b *testing.B) {
	formattest.BenchKey(b, gobformat.Key[key](), structKeys...)
}

func BenchmarkKeyUint64(b *testing.B) {
	formattest.BenchKey(b, gobformat.Key[uint64](), 1, 1000, 1<<40)
}

// The ID tells what the keys are made of, so that a table with other keys is not opened.
func TestKeyID(t *testing.T) {
	f := gobformat.Key[key]()
	if want := "gob-key/1 struct{Name string; N int; Path []uint; At [2]bool; In struct{Raw bytes}}"; f.ID() != want || f.Ordered() {
		t.Errorf("ID %q, ordered %v", f.ID(), f.Ordered())
	}
	type before struct{ Country, Zip string }
	type after struct {
		Country string
		Zip     uint32
	}
	err := openTwice(t, gobformat.Key[before](), gobformat.Key[after]())
	for _, side := range []string{
		"struct{Country string; Zip string}",
		"struct{Country string; Zip uint}",
	} {
		if !errors.Is(err, core.ErrFormatMismatch) || !strings.Contains(err.Error(), side) {
			t.Errorf("error %v; want ErrFormatMismatch that names %s", err, side)
		}
	}
}

// openTwice opens a table with one key format, and then with another.
func openTwice[K, L any](t *testing.T, first core.KeyFormat[K], second core.KeyFormat[L]) error {
	t.Helper()
	return openTwiceUntyped(t, untypedKey[K]{first}, untypedKey[L]{second})
}

func openTwiceUntyped(t *testing.T, first, second core.KeyFormat[any]) error {
	t.Helper()
	ctx := context.Background()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := core.OpenTable(ctx, db, "rows", first, values.Bytes()); err != nil {
		return err
	}
	_, err = core.OpenTable(ctx, db, "rows", second, values.Bytes())
	return err
}

type (
	hiddenKey struct{ n, N int }
	deepKey   struct {
		A []struct{ E error }
	}
	forest struct {
		Name string
		Kids []forest
	}
	timed struct{ At time.Time }
)

// A type with which two keys could become one row, or one key two, is refused when the table is
// opened.
func TestKeyTypes(t *testing.T) {
	_ = hiddenKey{}.n // for linters: what matters is that nobody else sees it
	for _, c := range []struct {
		err  error
		says string
	}{
		{useKey[forest](t), ""},
		{useKey[big.Int](t), ""},
		{useKey[any](t), "is an interface"},
		{
			useKey[deepKey](t),
			"field gob_test.deepKey.A: field struct { E error }.E: error is an interface",
		},
		{useKey[hiddenKey](t), "the field gob_test.hiddenKey.n is unexported"},
		{useKey[map[string]int](t), "is a map"},
		{useKey[struct{ P *int }](t), "is a pointer"},
		{useKey[*big.Int](t), "is a pointer"},
		{useKey[[]float64](t), "has a -0"},
		{useKey[complex128](t), "has a -0"},
		{useKey[timed](t), "keys.Time"},
		{useKey[chan int](t), "chan int"},
		{useKey[func()](t), "is a func"},
	} {
		if got := fmt.Sprint(c.err); c.says == "" && c.err != nil || !strings.Contains(got,
			c.says) {
			t.Errorf("error %v, want one that says %q", c.err, c.says)
		}
	}
}

// useKey returns the error of OpenTable, of Append and of Decode, which is the same.
func useKey[K any](t *testing.T) error {
	t.Helper()
	f := gobformat.Key[K]()
	err := openTwice(t, f, f)
	var k K
	_, appending := f.Append(nil, k)
	_, decoding := f.Decode([]byte{0})
	if err != nil && (appending == nil || !strings.Contains(err.Error(), appending.Error()) ||
		decoding == nil) {
		t.Errorf("OpenTable says %v, Append %v, Decode %v", err, appending, decoding)
	}
	if err == nil && appending != nil {
		t.Errorf("a table of %T is opened, and then: %v", k, appending)
	}
	return err
}

// There are no two encodings of one key: what gob reads in more than one form is refused.
func TestKeysHaveOneEncoding(t *testing.T) {
	f := gobformat.Key[struct{ A, B int }]()
	b, err := f.Append(nil, struct{ A, B int }{0, 3})
	if err != nil || string(b) != "\x02\x06\x00" {
		t.Fatalf("%x, error %v", b, err)
	}
	for _, other := range []string{
		"\x01\x00\x01\x06\x00", "\x02\xff\x06\x00",
		"\xff\x02\x06\x00", "\x02\x06",
	} {
		if k, err := f.Decode([]byte(other)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%x is read as %v, error %v", other, k, err)
		}
	}
	g := gobformat.Key[bool]()
	if k, err := g.Decode([]byte{0, 2}); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("2 is read as %v, error %v", k, err)
	}
}
