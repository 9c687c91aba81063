// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/gob"
)

type User struct {
	Name  string
	Since time.Time
	Tags  []string
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
	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[User]())
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

// A type may gain and lose fields; a field keeps its name and its type.
func ExampleNew_evolution() {
	if err := evolve(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {Email: Name:Ada}
	// format mismatch: gob_test.Wrong.Name is stored as string, and is int now; give it another name, or open another table
}

type (
	Newer struct{ Email, Name string }
	Wrong struct{ Name int }
)

func evolve(ctx context.Context) (err error) {
	db, err := core.Open(ctx, "people.db", memory.New())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[User]())
	if err != nil {
		return err
	}
	if err := users.Put(ctx, 1, User{Name: "Ada"}); err != nil {
		return err
	}

	newer, err := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[Newer]())
	if err != nil {
		return err
	}
	user, err := newer.Load(ctx, 1)
	fmt.Printf("%+v\n", user)

	_, wrong := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[Wrong]())
	fmt.Println(errors.Unwrap(errors.Unwrap(wrong)))
	return err
}

func ExampleKey() {
	type Place struct {
		Country string
		Zip     uint32
	}
	f := gob.Key[Place]()
	fmt.Println(f.ID())
	stored, err := f.Append(nil, Place{"CH", 8001})
	if err != nil {
		fmt.Println(err)
		return
	}
	place, err := f.Decode(stored)
	fmt.Println(place, err)

	_, err = gob.Key[any]().Append(nil, 8001)
	fmt.Println(err)
	// Output:
	// gob-key/1 struct{Country string; Zip uint}
	// {CH 8001} <nil>
	// gob: interface {} cannot be a key: interface {} is an interface, and what is in it can be encoded in many ways
}

func ExampleWithMaxMemory() {
	type page struct{ Text [1000]rune }
	ctx := context.Background()
	db, err := core.Open(ctx, "book.db", memory.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	books, err := core.OpenTable(ctx, db, "books",
		keys.String(), gob.New[[]*page](gob.WithMaxMemory(1<<30)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(books.Put(ctx, "empty", []*page{{}, {}}))
	// Output: <nil>
}
