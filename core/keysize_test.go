// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// unasked is a key format whose keys must not be encoded.
type unasked[K any] struct {
	keys.Part[K]
	t *testing.T
}

func (f unasked[K]) Append([]byte, K) ([]byte, error) {
	f.t.Error("a key that is too long was encoded")
	return nil, errors.New("encoded")
}

func (f unasked[K]) KeySize() func(K) int { return f.Part.(core.KeySizer[K]).KeySize() }

// A key of a gigabyte was encoded for 4 to 15 seconds, to be refused. A key that is certainly
// too long is refused before, on each way.
func TestLongKeysAreNotEncoded(t *testing.T) {
	long, zeros := strings.Repeat("k", 2000), make([]byte, 2000)
	refusesLong(t, keys.String(), long)
	refusesLong(t, keys.StringView(), long)
	refusesLong(t, keys.Bytes(), zeros)
	refusesLong(t, keys.Part[string](keys.Desc(keys.String())), long)
	refusesLong(t, keys.Part[keys.Null[string]](keys.Optional(keys.String())),
		keys.Null[string]{V: long, Valid: true})
	pair := keys.Pair(keys.Int(), keys.String())
	refusesLong(t, keys.Part[keys.Tuple[int, string]](pair), pair.Key(1, long))
	half := keys.Pair(keys.Bytes(), keys.String())
	refusesLong(t, keys.Part[keys.Tuple[[]byte, string]](half), half.Key(zeros[:600], long[:600]))
	triple := keys.Triple(keys.String(), keys.Bool(), keys.Bytes())
	refusesLong(t, keys.Part[keys.Tuple3[string, bool, []byte]](triple),
		triple.Key(long[:600], true, zeros[:600]))
	quad := keys.Quad(keys.Bool(), keys.String(), keys.String(), keys.Desc(keys.Bytes()))
	refusesLong(t, keys.Part[keys.Tuple4[bool, string, string, []byte]](quad),
		quad.Key(true, long[:400], long[:400], zeros[:400]))
}

func refusesLong[K any](t *testing.T, part keys.Part[K], k K) {
	t.Helper()
	ctx := context.Background()
	b := limited{memory.New(), core.Limits{Key: 1004}}
	db, err := core.Open(ctx, "db", b)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, err := core.OpenTable(ctx, db, "t", unasked[K]{part, t}, values.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	verbs := map[string]func() error{
		"Get":    func() error { _, err := table.Get(ctx, k); return err },
		"Load":   func() error { _, err := table.Load(ctx, k); return err },
		"Has":    func() error { _, err := table.Has(ctx, k); return err },
		"Put":    func() error { return table.Put(ctx, k, nil) },
		"Insert": func() error { return table.Insert(ctx, k, nil) },
		"Delete": func() error { _, err := table.Delete(ctx, k); return err },
		"PutAll": func() error {
			return table.PutAll(ctx, func(yield func(K, []byte) bool) { yield(k, nil) })
		},
		"GetMany": func() error {
			for _, err := range table.GetMany(ctx, slices.Values([]K{k})) {
				return err
			}
			return nil
		},
		"Tx.Put": func() error {
			return db.Update(ctx, func(tx *core.Tx) error { return table.In(tx).Put(ctx, k, nil) })
		},
		"Tx.Get": func() error {
			return db.Update(ctx,
				func(tx *core.Tx) error { _, err := table.In(tx).Get(ctx, k); return err })
		},
	}
	for name, verb := range verbs {
		if err := verb(); !errors.Is(err, core.ErrTooLarge) {
			t.Errorf("%s with %s: %v", name, part.ID(), err)
		}
	}
}

// No encoding is shorter than what its format says of it, or a key that fits would be refused;
// and formats whose keys are all short say nothing, which costs nothing.
func TestKeySizes(t *testing.T) {
	texts := []string{"", "a", "\x00", "a\x00b\x00", strings.Repeat("\xff", 50)}
	for _, s := range texts {
		isAtLeast(t, keys.String(), s)
		isAtLeast(t, keys.Bytes(), []byte(s))
		isAtLeast(t, keys.Part[string](keys.Desc(keys.String())), s)
		optional := keys.Optional(keys.String())
		isAtLeast(t, keys.Part[keys.Null[string]](optional), optional.Key(s))
		isAtLeast(t, keys.Part[keys.Null[string]](optional), keys.Null[string]{V: "not there"})
		pair := keys.Pair(keys.String(), keys.Int())
		isAtLeast(t, keys.Part[keys.Tuple[string, int]](pair), pair.Key(s, 7))
	}
	for _, f := range []any{
		keys.Int(), keys.Pair(keys.Int(), keys.Bool()), keys.Desc(keys.Time()),
		keys.Optional(keys.Int()),
	} {
		var known bool
		switch f := f.(type) {
		case core.KeySizer[keys.Tuple[int, bool]]:
			known = f.KeySize() != nil
		case core.KeySizer[keys.Null[int]]:
			known = f.KeySize() != nil
		}
		if known {
			t.Errorf("%T tells the sizes of keys that are all short", f)
		}
	}
}

func isAtLeast[K any](t *testing.T, part keys.Part[K], k K) {
	t.Helper()
	size := part.(core.KeySizer[K]).KeySize()
	alone, err := part.Append(nil, k)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := part.AppendPart(nil, k)
	if err != nil {
		t.Fatal(err)
	}
	if n := size(k); n > len(alone) || n > len(inside) {
		t.Errorf("%s: %d bytes are said to be the least, and %x and %x are encodings",
			part.ID(), n, alone, inside)
	}
}
