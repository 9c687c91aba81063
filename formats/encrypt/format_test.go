// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/encrypt"
)

type record struct {
	ID   int
	Name string
	Tags []string
}

var records = []record{
	{},
	{ID: 1, Name: "a"},
	{ID: -7, Name: "λ", Tags: []string{"x", ""}},
	{Name: strings.Repeat("long ", 200)},
}

var texts = []string{"", "a", strings.Repeat("b", 100), strings.Repeat("long ", 2000)}

// secretOf returns a secret for tests: each seed has one.
func secretOf(seed byte) []byte { return bytes.Repeat([]byte{seed, 1}, encrypt.KeySize/2) }

// keyOf returns the key with an ID, and the secret of that ID.
func keyOf(t testing.TB, id uint32) encrypt.Key {
	t.Helper()
	k, err := encrypt.NewKey(id, secretOf(byte(id)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// keysOf returns keys with IDs, the current one first.
func keysOf(t testing.TB, current uint32, old ...uint32) *encrypt.Keys {
	t.Helper()
	var others []encrypt.Key
	for _, id := range old {
		others = append(others, keyOf(t, id))
	}
	keys, err := encrypt.NewKeys(keyOf(t, current), others...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestFormats(t *testing.T) {
	keys := keysOf(t, 7, 8)
	t.Run("JSON", func(t *testing.T) {
		x := formattest.Extras[record, record]{Varies: true}
		formattest.RunWith(t, encrypt.New(values.JSON[record](), keys), x, records...)
	})
	t.Run("strings", func(t *testing.T) {
		x := formattest.Extras[string, string]{Varies: true}
		formattest.RunWith(t, encrypt.New(values.String(), keys), x, texts...)
	})
	t.Run("twice", func(t *testing.T) {
		x := formattest.Extras[string, string]{Varies: true}
		formattest.RunWith(t,
			encrypt.New(encrypt.New(values.String(), keys), keysOf(t, 9)), x, texts...)
	})
}

func FuzzJSON(f *testing.F) {
	x := formattest.Extras[record, record]{Varies: true}
	formattest.FuzzWith(f, encrypt.New(values.JSON[record](), keysOf(f, 7, 8)), x, records...)
}

func FuzzStrings(f *testing.F) {
	x := formattest.Extras[string, string]{Varies: true}
	formattest.FuzzWith(f, encrypt.New(values.String(), keysOf(f, 7, 8)), x, texts...)
}
