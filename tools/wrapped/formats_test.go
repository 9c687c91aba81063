// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package wrapped

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
)

type person struct {
	Name string
	Born int
	Tags []string
}

var people = []person{
	{},
	{Name: "Ada", Born: 1815},
	{Name: "λ", Born: -1, Tags: []string{"", "x"}},
	{Name: "Anna", Tags: strings.Fields(strings.Repeat("mathematician writer ", 60))},
}

var chars = []fb.CharT{
	{},
	{Name: "LATIN SMALL LETTER A", Properties: []string{"Alphabetic"}},
	{
		Name: strings.Repeat("LATIN ", 100), Category: "Ll",
		Properties: strings.Fields(strings.Repeat("Alphabetic Lower ", 50)),
	},
}

var messages = []*pb.Char{
	{},
	{Name: "LATIN SMALL LETTER A", Properties: []string{"Alphabetic"}},
	{
		Name: strings.Repeat("LATIN ", 100), Category: "Ll", Upper: 1 << 20,
		Properties: strings.Fields(strings.Repeat("Alphabetic Lower ", 50)),
	},
}

// notes are long enough to be worth compressing: a value that is not would refer to the stored
// bytes.
var notes = []Note{
	{Title: strings.Repeat("a", 100)},
	{Title: "λ", Stars: -1, Words: strings.Fields(strings.Repeat("word and ", 40))},
	{
		Title: strings.Repeat("long title ", 100), Stars: 1 << 40,
		Words: []string{"", "x", strings.Repeat("y", 500)},
	},
}

// sameNotes compares what is read: no words are an empty list.
func sameNotes(a, b Note) bool {
	return a.Title == b.Title && a.Stars == b.Stars && slices.Equal(a.Words, b.Words)
}

// ring returns keys whose secrets are made from their IDs, the current one first.
func ring(tb testing.TB, ids ...uint32) *encrypt.Keys {
	tb.Helper()
	var all []encrypt.Key
	for _, id := range ids {
		k, err := encrypt.NewKey(id, bytes.Repeat([]byte{byte(id), 2}, encrypt.KeySize/2))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, k)
	}
	keys, err := encrypt.NewKeys(all[0], all[1:]...)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

// wrapping is a way to go around a format.
type wrapping[V, W any] struct {
	name      string
	encrypted bool
	wrap      func(core.ValueFormat[V, W]) core.ValueFormat[V, W]
	explain   func(core.Explainer) core.Explainer
}

func wrappings[V, W any](tb testing.TB) []wrapping[V, W] {
	type format = core.ValueFormat[V, W]
	keys := ring(tb, 1, 2)
	compressed := func(e core.Explainer) core.Explainer { return compress.Explain(e) }
	encrypted := func(e core.Explainer) core.Explainer { return encrypt.Explain(e, keys) }
	return []wrapping[V, W]{
		{"compress", false, func(f format) format { return compress.New(f) }, compressed},
		{"encrypt", true, func(f format) format { return encrypt.New(f, keys) }, encrypted},
		{
			"encrypt(compress)",
			true, func(f format) format { return encrypt.New(compress.New(f), keys) },
			func(e core.Explainer) core.Explainer { return encrypted(compressed(e)) },
		},
		{
			"compress(encrypt)",
			true, func(f format) format { return compress.New(encrypt.New(f, keys)) },
			func(e core.Explainer) core.Explainer { return compressed(encrypted(e)) },
		},
	}
}

// runAll runs the suite on a format in everything that goes around formats.
func runAll[V, W any](
	t *testing.T, inner core.ValueFormat[V, W], x formattest.Extras[V, W], samples ...V,
) {
	for _, w := range wrappings[V, W](t) {
		t.Run(w.name, func(t *testing.T) {
			extras := x
			// views lie in other memory, and encodings are never the same
			if w.encrypted {
				extras.Borrows, extras.Padded, extras.Varies = false, false, true
			}
			formattest.RunWith(t, w.wrap(inner), extras, samples...)
		})
	}
}

// sameChars compares what UnPack makes: no properties are an empty list.
func sameChars(a, b fb.CharT) bool {
	a.Properties, b.Properties = append([]string{}, a.Properties...), append([]string{},
		b.Properties...)
	return reflect.DeepEqual(a, b)
}

func TestFormats(t *testing.T) {
	same := formattest.Extras[person, person]{}
	t.Run("cbor", func(t *testing.T) { runAll(t, cbor.New[person](), same, people...) })
	t.Run("gob", func(t *testing.T) { runAll(t, gob.New[person](), same, people...) })
	t.Run("json", func(t *testing.T) { runAll(t, values.JSON[person](), same, people...) })
	t.Run("strings", func(t *testing.T) {
		runAll(t, values.String(), formattest.Extras[string, string]{Borrows: true}, "", "a",
			strings.Repeat("word ", 100))
	})
	t.Run("archive", func(t *testing.T) {
		x := formattest.Extras[Note, NoteView]{Value: NoteView.Value, Same: sameNotes}
		runAll(t, archive.New[Note, NoteView](), x, notes...)
	})
	t.Run("flatbuffers", func(t *testing.T) {
		// all are worth compressing, so that no view borrows
		x := formattest.Extras[fb.CharT, fb.Char]{
			Value: func(c fb.Char) fb.CharT { return *c.UnPack() }, Same: sameChars, Padded: true,
		}
		runAll(t, flatbuffers.New[fb.CharT, fb.Char](fb.Schema), x, chars...)
	})
	t.Run("protobuf", func(t *testing.T) {
		x := formattest.Extras[*pb.Char, *pb.Char]{
			Same:        func(a, b *pb.Char) bool { return proto.Equal(a, b) },
			Fingerprint: func(c *pb.Char) string { return prototext.Format(c) },
		}
		runAll(t, protobuf.New[*pb.Char](), x, messages...)
	})
}
