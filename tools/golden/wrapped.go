// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"context"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
	"github.com/guardkv/guardkv/formats/gob"
)

// keyRing has the keys of all golden storages. They were written with key 1.
func keyRing() *encrypt.Keys {
	one, err := encrypt.NewKey(1, []byte("the secret of all golden rows..."))
	if err != nil {
		panic(err)
	}
	ring, err := encrypt.NewKeys(one)
	if err != nil {
		panic(err)
	}
	return ring
}

// wrappedRows has tables whose values are compressed, with a dictionary and without, encrypted, or
// both.
func wrappedRows() []table {
	type format = core.ValueFormat[person, person]
	ring := keyRing()
	all := []table{}
	for _, f := range []format{
		compress.New(cbor.New[person]()),
		compress.New(cbor.New[person](), compress.WithDictionary(dictionary())),
		encrypt.New(gob.New[person](), ring),
		encrypt.New(compress.New(gob.New[person](), compress.WithDictionary(dictionary())), ring),
	} {
		for _, t := range people(f)() {
			r := t.(rows[string, person, person])
			r.title = fmt.Sprintf("%d %s", len(all), r.title)
			all = append(all, r)
		}
	}
	return all
}

// dictionary is made from people. A later version may make another one, which is added to the
// stored one.
func dictionary() compress.Dictionary {
	d, err := compress.Train(context.Background(),
		compress.Samples(cbor.New[person](), func(yield func(person, error) bool) {
			for i := range 200 {
				p := person{
					Name: fmt.Sprint("name ", i), Born: i, Tags: []string{"tag", "λ"},
					Nested: &person{Name: "nested", Born: -i},
				}
				if !yield(p, nil) {
					return
				}
			}
		}))
	if err != nil {
		panic(err)
	}
	return d
}
