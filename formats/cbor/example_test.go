// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/cbor"
)

type User struct {
	Name  string    `cbor:"1,keyasint"`
	Since time.Time `cbor:"2,keyasint"`
	Tags  []string  `cbor:"3,keyasint,omitempty"`
}

func Example() {
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: Ada [mathematician]
}

func run(ctx context.Context) (err error) {
	db, err := core.Open(ctx, "people.db", memory.New())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), cbor.New[User]())
	if err != nil {
		return err
	}
	if err := users.Put(ctx, 1, User{Name: "Ada", Tags: []string{"mathematician"}}); err != nil {
		return err
	}
	user, err := users.Load(ctx, 1)
	fmt.Println(user.Name, user.Tags)
	return err
}

func ExampleNew() {
	f := cbor.New[User]()
	stored, err := f.Append(nil, User{Name: "Ada", Since: time.Unix(0, 0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes\n", len(stored))

	user, err := f.View(stored)
	fmt.Println(user.Name, user.Since, err)

	_, err = f.View(stored[:9])
	fmt.Println(errors.Is(err, core.ErrCorrupt))
	// Output:
	// 29 bytes
	// Ada 1970-01-01 00:00:00 +0000 UTC <nil>
	// true
}

// A type may gain and lose fields, as long as a number keeps its meaning.
func ExampleNew_evolution() {
	type Newer struct {
		Name  string `cbor:"1,keyasint"`
		Email string `cbor:"4,keyasint"`
	}
	stored, err := cbor.New[User]().Append(nil, User{Name: "Ada", Tags: []string{"first"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	user, err := cbor.New[Newer]().View(stored)
	fmt.Printf("%+v %v\n", user, err)
	// Output: {Name:Ada Email:} <nil>
}

func ExampleKey() {
	type Place struct {
		Country string
		Zip     uint32
	}
	f := cbor.Key[Place]()
	stored, err := f.Append(nil, Place{"CH", 8001})
	if err != nil {
		fmt.Println(err)
		return
	}
	place, err := f.Decode(stored)
	fmt.Println(place, err)

	_, err = cbor.Key[any]().Append(nil, 8001)
	fmt.Println(err)
	// Output:
	// {CH 8001} <nil>
	// cbor: interface {} cannot be a key: interface {} is an interface, and CBOR does not keep which Go type was in it
}

func ExampleWithMaxElements() {
	_, err := cbor.New[[]bool]().Append(nil, make([]bool, 2_000_000))
	fmt.Println(errors.Is(err, core.ErrTooLarge))

	stored, err := cbor.New[[]bool](cbor.WithMaxElements(4_000_000)).Append(nil,
		make([]bool, 2_000_000))
	fmt.Println(len(stored), err)
	// Output:
	// true
	// 2000005 <nil>
}
