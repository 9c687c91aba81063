// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers_test

import (
	"context"
	"errors"
	"fmt"

	fbuilder "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/flatbuffers/internal/fb"
)

func Example() {
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: GREEK SMALL LETTER LAMDA is in Greek, upper case Λ
}

func run(ctx context.Context) (err error) {
	db, err := core.Open(ctx, "unicode.db", memory.New())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	chars, err := core.OpenTable(ctx, db, "chars",
		keys.Uint32(), flatbuffers.New[fb.CharT, fb.Char](fb.Schema))
	if err != nil {
		return err
	}
	if err := chars.Put(ctx, 'λ',
		fb.CharT{Name: "GREEK SMALL LETTER LAMDA", Script: "Greek", Upper: 'Λ'}); err != nil {
		return err
	}
	g, err := chars.Get(ctx, 'λ')
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	c := g.Value() // accessors have pointer receivers, so the view needs a variable
	fmt.Printf("%s is in %s, upper case %c\n", c.Name(), c.Script(), c.Upper())
	return nil
}

func ExampleNew() {
	f := flatbuffers.New[fb.CharT, fb.Char](fb.Schema)
	stored, err := f.Append(nil, fb.CharT{Name: "LATIN SMALL LETTER A", Category: "Ll"})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := f.View(stored)
	fmt.Println(string(c.Name()), string(c.Category()), err)

	_, err = f.View(stored[:20])
	fmt.Println(errors.Is(err, core.ErrCorrupt))
	// Output:
	// LATIN SMALL LETTER A Ll <nil>
	// true
}

// Records that were made elsewhere, or by hand for speed, are put as bytes.
func ExampleRaw() {
	b := fbuilder.NewBuilder(0)
	name := b.CreateString("DIGIT ONE")
	fb.CharStart(b)
	fb.CharAddName(b, name)
	b.Finish(fb.CharEnd(b))

	f := flatbuffers.Raw[fb.Char](fb.Schema)
	stored, err := f.Append(nil, b.FinishedBytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := f.View(stored)
	fmt.Println(string(c.Name()), err)

	_, err = f.Append(nil, []byte("not a record"))
	fmt.Println(err)
	// Output:
	// DIGIT ONE <nil>
	// flatbuffers of fb.Char: it could not be read again: the record, at byte 0 of 12: its offset leads out of the record
}

func ExampleWithMaxDepth() {
	f := flatbuffers.New[fb.CharT, fb.Char](fb.Schema, flatbuffers.WithMaxDepth(200))
	stored, err := f.Append(nil, fb.CharT{Name: "not deep at all"})
	fmt.Println(len(stored) > 0, err)
	// Output: true <nil>
}
