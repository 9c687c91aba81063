// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"net/netip"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
)

// The ranges of a pair choose by its first component, or by the beginning of its last.
func ExamplePair() {
	files := keys.Pair(keys.String(), keys.String()) // a user and a path
	t := tableOf(files,
		files.Key("ann", "img/cat"), files.Key("ann", "img/dog"), files.Key("ann", "todo"),
		files.Key("anna", "todo"), files.Key("bob", "img/owl"), files.Key("zoe", "todo"))

	ctx := context.Background()
	show("ann's: ", t.Scan().Within(files.First("ann")).Keys(ctx))
	show("ann*'s:", t.Scan().Within(files.FirstPrefix("ann")).Keys(ctx))
	show("b to y:", t.Scan().Within(files.FirstBetween("b", "z")).Keys(ctx))
	show("images:", t.Scan().Prefix(files.Key("ann", "img/")).Keys(ctx))
	show("after: ", t.Scan().From(files.Key("ann", "img/d")).Within(files.First("ann")).Keys(ctx))
	// Output:
	// ann's:  {ann img/cat} {ann img/dog} {ann todo}
	// ann*'s: {ann img/cat} {ann img/dog} {ann todo} {anna todo}
	// b to y: {bob img/owl}
	// images: {ann img/cat} {ann img/dog}
	// after:  {ann img/dog} {ann todo}
}

// Desc has the newest first.
func ExampleDesc() {
	readings := keys.Pair(keys.String(), keys.Desc(keys.Time()))
	noon := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	t := tableOf(readings,
		readings.Key("oven", noon), readings.Key("oven", noon.Add(time.Minute)), readings.Key("fridge", noon))

	for k, err := range t.Scan().Within(readings.First("oven")).Limit(1).Keys(context.Background()) {
		fmt.Println(k.First, k.Second.Format(time.TimeOnly), err)
	}
	// Output: oven 12:01:00 <nil>
}

// Null sorts before every value.
func ExampleOptional() {
	type age = keys.Null[int]
	t := tableOf(keys.Optional(keys.Int()), age{V: 7, Valid: true}, age{}, age{V: -1, Valid: true})
	show("ages:", t.Scan().Keys(context.Background()))
	// Output: ages: {0 false} {-1 true} {7 true}
}

// A named type keeps its type in the program. In the file it is the number that it is.
func ExampleUintOf() {
	type UserID uint32
	users := keys.UintOf[UserID]()
	t := tableOf(users, UserID(300), UserID(7))
	for id, err := range t.Scan().Keys(context.Background()) {
		fmt.Printf("%T %v %v\n", id, id, err)
	}
	fmt.Println(users.ID())
	// Output:
	// keys_test.UserID 7 <nil>
	// keys_test.UserID 300 <nil>
	// uint32
}

func ExampleArray() {
	type UUID [16]byte
	t := tableOf(keys.Array[UUID](), UUID{0: 0xf0}, UUID{15: 1})
	for id := range t.Scan().Keys(context.Background()) {
		fmt.Printf("%x\n", id)
	}
	// Output:
	// 00000000000000000000000000000001
	// f0000000000000000000000000000000
}

// addrFormat is a key format for IP addresses. It has all methods of a Part, so it can be a component too.
type addrFormat struct{ bytes keys.Part[[16]byte] }

func (addrFormat) ID() string    { return "addr" }
func (addrFormat) Ordered() bool { return true }
func (addrFormat) Owned() bool   { return true }

func (f addrFormat) Append(dst []byte, k netip.Addr) ([]byte, error) {
	if !k.IsValid() || k.Zone() != "" {
		return nil, fmt.Errorf("%q is no address that can be a key", k)
	}
	return f.bytes.Append(dst, k.As16())
}

func (f addrFormat) AppendPart(dst []byte, k netip.Addr) ([]byte, error) { return f.Append(dst, k) }

func (f addrFormat) Decode(b []byte) (netip.Addr, error) {
	a, err := f.bytes.Decode(b)
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom16(a).Unmap(), nil
}

func (f addrFormat) TakePart(b []byte) (netip.Addr, []byte, error) {
	a, rest, err := f.bytes.TakePart(b)
	if err != nil {
		return netip.Addr{}, nil, err
	}
	return netip.AddrFrom16(a).Unmap(), rest, nil
}

// A format of another package composes with those of this one.
func ExamplePart() {
	visits := keys.Pair(addrFormat{keys.Array[[16]byte]()}, keys.String())
	home, work := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.10")
	t := tableOf(visits, visits.Key(home, "/"), visits.Key(work, "/"), visits.Key(home, "/about"))
	show("home:", t.Scan().Within(visits.First(home)).Keys(context.Background()))
	// Output: home: {10.0.0.7 /} {10.0.0.7 /about}
}

func ExampleTriple() {
	trips := keys.Triple(keys.String(), keys.String(), keys.Int()) // from, to, number
	t := tableOf(trips,
		trips.Key("Oslo", "Bergen", 2), trips.Key("Oslo", "Bergen", 1), trips.Key("Oslo", "Rome", 1),
		trips.Key("Rome", "Oslo", 1))

	ctx := context.Background()
	show("from Oslo:      ", t.Scan().Within(trips.First("Oslo")).Keys(ctx))
	show("Oslo to Bergen: ", t.Scan().Within(trips.FirstTwo("Oslo", "Bergen")).Keys(ctx))
	// Output:
	// from Oslo:       {Oslo Bergen 1} {Oslo Bergen 2} {Oslo Rome 1}
	// Oslo to Bergen:  {Oslo Bergen 1} {Oslo Bergen 2}
}

// tableOf returns a table in memory that has these keys.
func tableOf[K any](f core.KeyFormat[K], rows ...K) *core.Table[K, struct{}, struct{}] {
	ctx := context.Background()
	db, err := core.Open(ctx, "example", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	t, err := core.OpenTable(ctx, db, "table", f, nothing{})
	if err != nil {
		log.Fatal(err)
	}
	for _, k := range rows {
		if err := t.Put(ctx, k, struct{}{}); err != nil {
			log.Fatal(err)
		}
	}
	return t
}

func show[K any](what string, rows iter.Seq2[K, error]) {
	fmt.Print(what)
	for k, err := range rows {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(" ", k)
	}
	fmt.Println()
}

// nothing is the format of values that do not matter.
type nothing struct{}

func (nothing) ID() string                                    { return "nothing" }
func (nothing) Append(dst []byte, _ struct{}) ([]byte, error) { return dst, nil }
func (nothing) View([]byte) (v struct{}, err error)           { return v, nil }
