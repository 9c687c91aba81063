// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/encrypt"
)

type Note struct{ Title, Text string }

// Keys are changed while the program runs: the new key writes, the old one still reads, until every
// row was written anew.
func ExampleNewKeys() {
	if err := changeKeys(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2 rows were written anew
	// a: Ada Lovelace
	// b: Alan Turing
}

func changeKeys(ctx context.Context) (err error) {
	db, err := core.Open(ctx, "notes.db", memory.New())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	oldKey, newKey, err := twoKeys()
	if err != nil {
		return err
	}

	notes, err := openNotes(ctx, db, oldKey)
	if err != nil {
		return err
	}
	if err := notes.Put(ctx, "a", Note{"Ada", "Lovelace"}); err != nil {
		return err
	}
	if err := notes.Put(ctx, "b", Note{"Alan", "Turing"}); err != nil {
		return err
	}

	notes, err = openNotes(ctx, db, newKey, oldKey)
	if err != nil {
		return err
	}
	n, err := writeAnew(ctx, notes)
	if err != nil {
		return err
	}
	fmt.Println(n, "rows were written anew")

	notes, err = openNotes(ctx, db, newKey) // the old key can be forgotten
	if err != nil {
		return err
	}
	for row, err := range notes.Scan().Rows(ctx) {
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s %s\n", row.Key, row.Value.Title, row.Value.Text)
	}
	return nil
}

// twoKeys makes keys. A program gets their secrets from a key management service, or a file that is
// not beside its data.
func twoKeys() (oldKey, newKey encrypt.Key, err error) {
	secret := make([]byte, encrypt.KeySize)
	rand.Read(secret)
	if oldKey, err = encrypt.NewKey(1, secret); err != nil {
		return oldKey, newKey, err
	}
	rand.Read(secret)
	newKey, err = encrypt.NewKey(2, secret)
	return oldKey, newKey, err
}

func openNotes(
	ctx context.Context, db *core.Storage, current encrypt.Key, old ...encrypt.Key,
) (*core.TableOf[string, Note], error) {
	ring, err := encrypt.NewKeys(current, old...)
	if err != nil {
		return nil, err
	}
	return core.OpenTable(ctx, db, "notes", keys.String(), encrypt.New(values.JSON[Note](), ring))
}

// writeAnew writes each row as it is, and so with the current key. Others may read and write
// meanwhile.
func writeAnew(ctx context.Context, notes *core.TableOf[string, Note]) (n int, err error) {
	for id, err := range notes.Scan().Keys(ctx) {
		if err != nil {
			return n, err
		}
		err = notes.Modify(ctx, id, func(old Note, found bool) (Note, core.Change, error) {
			if !found { // it was deleted meanwhile
				return old, core.Leave, nil
			}
			return old, core.Store, nil
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
