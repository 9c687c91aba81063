// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/encrypt"
)

func TestKeysThatAreRefused(t *testing.T) {
	for _, n := range []int{0, 1, 16, 24, 31, 33, 64} {
		if k, err := encrypt.NewKey(1, bytes.Repeat([]byte{1}, n)); err == nil || k.ID() != 0 {
			t.Errorf("a secret of %d bytes is taken", n)
		}
	}
	if _, err := encrypt.NewKey(1, make([]byte, encrypt.KeySize)); err == nil {
		t.Error("a secret of zeros is taken")
	}
	one, two := keyOf(t, 51), keyOf(t, 52)
	again, err := encrypt.NewKey(53, secretOf(51))
	if err != nil {
		t.Fatal(err)
	}
	other, err := encrypt.NewKey(51, secretOf(54))
	if err != nil {
		t.Fatal(err)
	}
	for name, ks := range map[string][]encrypt.Key{
		"no current key": {{}, one}, "no old key": {one, {}}, "one ID": {one, two, other},
		"one secret": {one, two, again}, "one key": {one, one},
	} {
		if _, err := encrypt.NewKeys(ks[0], ks[1:]...); err == nil {
			t.Errorf("%s: the keys are taken", name)
		}
	}
}

// A table cannot be opened with a format that lacks something, and says what.
func TestFormatsThatLackSomething(t *testing.T) {
	db, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, f := range map[string]core.ValueFormat[string, string]{
		"keys":    encrypt.New(values.String(), nil),
		"no keys": encrypt.New(values.String(), new(encrypt.Keys)),
		"inside":  encrypt.New[string, string](nil, keysOf(t, 1)),
	} {
		_, err := core.OpenTable(t.Context(), db, name, keys.String(), f)
		if err == nil || !strings.Contains(err.Error(), "encrypt.New was given no ") {
			t.Errorf("without %s the error is %v", name, err)
		}
	}
	f := encrypt.New(values.JSON[chan int](), keysOf(t, 1))
	if _, err := core.OpenTable(t.Context(), db, "chan", keys.String(), f); err == nil {
		t.Error("a type that the inner format refuses is taken")
	}
	if b, err := encrypt.New(values.String(), keysOf(t, 1)).Append([]byte("x"),
		"v"); err == nil || string(b) != "x" {
		t.Errorf("without a row a value is encrypted as %q", b)
	}
}

// No way of printing shows a secret: whoever logs a configuration logs its keys.
func TestSecretsAreNotPrinted(t *testing.T) {
	secret := make([]byte, encrypt.KeySize)
	for i := range secret {
		secret[i] = byte(201 + i)
	}
	k, err := encrypt.NewKey(12345, secret)
	if err != nil {
		t.Fatal(err)
	}
	ks, err := encrypt.NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	_, errZero := encrypt.NewKey(1, secret[:31])
	_, errTwice := encrypt.NewKeys(k, k)
	type config struct {
		Name string
		Key  encrypt.Key
		key  encrypt.Key
		ks   *encrypt.Keys
		Keys *encrypt.Keys
	}
	c := config{"name", k, k, ks, ks}
	f := encrypt.New(values.String(), ks)
	parts := []string{
		string(secret[:4]), "201 202", "c9ca", "C9CA", "0xc9, 0xca", "201,202",
		"201, 202", `\xc9\xca`, "ycrLzM3O",
	}
	for _, v := range []any{
		k, &k,
		[]encrypt.Key{k},
		map[string]encrypt.Key{"k": k},
		ks, *ks, c, &c,
		[]any{c},
		f,
		struct{ f any }{f},
		errZero, errTwice, core.PowersOf(f),
	} {
		for _, verb := range []string{
			"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d",
			"%t", "%T", "%p",
		} {
			text := fmt.Sprintf(verb, v)
			for _, part := range parts {
				if strings.Contains(text, part) {
					t.Errorf("%s of %T shows %q", verb, v, part)
				}
			}
		}
		if text, err := json.Marshal(v); err == nil {
			for _, part := range parts {
				if bytes.Contains(text, []byte(part)) {
					t.Errorf("JSON of %T shows %q", v, part)
				}
			}
		}
	}
	for text, v := range map[string]any{
		"key 12345": k, "key 12345, and 0 others": ks,
		"no key": encrypt.Key{}, "no keys": (*encrypt.Keys)(nil),
	} {
		if got := fmt.Sprintf("%+v", v); got != text {
			t.Errorf("%q is printed as %q", text, got)
		}
	}
}

// A key ends after 2^32 rows, with all that the process does with its secret counted as one;
// reading goes on.
func TestKeysAreExhausted(t *testing.T) {
	ctx := t.Context()
	k := keyOf(t, 60)
	same, err := encrypt.NewKey(61, secretOf(60))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := encrypt.NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, err := core.OpenTable(ctx, db, "t", keys.String(), encrypt.New(values.String(), ring))
	if err != nil {
		t.Fatal(err)
	}
	opened := k.Rows()
	if err := table.Put(ctx, "a", "the last but one"); err != nil {
		t.Fatal(err)
	}
	if opened != 2 || k.Rows() != 3 || same.Rows() != 3 {
		t.Errorf("%d rows are counted after the table was opened, %d after a Put, %d for another key with the secret", opened, k.Rows(), same.Rows())
	}
	same.AddRows(encrypt.MaxRows - 4)
	if err := table.Put(ctx, "b", "the last"); err != nil {
		t.Fatalf("after %d rows: %v", k.Rows(), err)
	}
	for range 2 {
		if err := table.Put(ctx, "c", "one too many"); !errors.Is(err, encrypt.ErrExhausted) {
			t.Errorf("after %d rows Put gives %v", k.Rows(), err)
		}
	}
	k.AddRows(math.MaxUint64 - k.Rows() + 5) // which is 4, if the count is not held
	if err := table.Put(ctx, "c", "one too many"); !errors.Is(err, encrypt.ErrExhausted) {
		t.Errorf("after %d rows Put gives %v", k.Rows(), err)
	}
	if v, err := table.Load(ctx, "b"); err != nil || v != "the last" {
		t.Errorf("the last row reads as %q, %v", v, err)
	}
	if _, err := core.OpenTable(ctx, db, "u",
		keys.String(), encrypt.New(values.String(), ring)); !errors.Is(err, encrypt.ErrExhausted) {
		t.Errorf("a table that is made with the key: %v", err)
	}
	next, err := encrypt.NewKeys(keyOf(t, 62), k)
	if err != nil {
		t.Fatal(err)
	}
	if table, err = core.OpenTable(ctx, db, "t",
		keys.String(), encrypt.New(values.String(), next)); err != nil {
		t.Fatal(err)
	}
	if err := table.Put(ctx, "c", "with another key"); err != nil {
		t.Error(err)
	}
	if err := db.Check(ctx); err != nil {
		t.Error(err)
	}
}
