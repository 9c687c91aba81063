// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package keys_test

import (
	"context"
	"fmt"
	"iter"
	"log"
	"math/big"
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
		readings.Key("oven", noon), readings.Key("oven", noon.Add(time.Minute)),
		readings.Key("fridge", noon))

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

// ip4Format is a key format for IPv4 addresses alone. It has all methods of a Part, so it can
// be a component too.
type ip4Format struct{ bytes keys.Part[[4]byte] }

func (ip4Format) ID() string    { return "ip4" }
func (ip4Format) Ordered() bool { return true }
func (ip4Format) Owned() bool   { return true }

func (f ip4Format) Append(dst []byte, k netip.Addr) ([]byte, error) {
	if !k.Is4() {
		return nil, fmt.Errorf("%q is no IPv4 address", k)
	}
	return f.bytes.Append(dst, k.As4())
}

func (f ip4Format) AppendPart(dst []byte, k netip.Addr) ([]byte, error) { return f.Append(dst, k) }

func (f ip4Format) Decode(b []byte) (netip.Addr, error) {
	a, err := f.bytes.Decode(b)
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom4(a), nil
}

func (f ip4Format) TakePart(b []byte) (netip.Addr, []byte, error) {
	a, rest, err := f.bytes.TakePart(b)
	if err != nil {
		return netip.Addr{}, nil, err
	}
	return netip.AddrFrom4(a), rest, nil
}

// Like is the range of the addresses whose first n bytes are those of k. Both encodings of a
// key are the same, and so are the bounds where other components follow.
func (f ip4Format) Like(k netip.Addr, n int) core.KeyRange[netip.Addr] {
	b, err := f.Append(nil, k)
	if err != nil {
		return core.NewKeyRange[netip.Addr](f.ID(), nil, nil, err)
	}
	r := core.NewPrefixRange[netip.Addr](f.ID(), b[:n])
	low, high, _ := r.Bounds()
	return r.WithPart(low, high)
}

// A format of another package composes with those of this one, and so do its ranges.
func ExamplePart() {
	ip4 := ip4Format{keys.Array[[4]byte]()}
	visits := keys.Pair(ip4, keys.String())
	home, work := netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.1.0.7")
	t := tableOf(visits, visits.Key(home, "/"), visits.Key(work, "/"), visits.Key(home, "/about"))
	ctx := context.Background()
	show("home:", t.Scan().Within(visits.First(home)).Keys(ctx))
	show("10.1:", t.Scan().Within(visits.FirstIn(ip4.Like(work, 2))).Keys(ctx))
	// Output:
	// home: {10.0.0.7 /} {10.0.0.7 /about}
	// 10.1: {10.1.0.7 /}
}

func ExampleTriple() {
	trips := keys.Triple(keys.String(), keys.String(), keys.Int()) // from, to, number
	t := tableOf(trips,
		trips.Key("Oslo", "Bergen", 2), trips.Key("Oslo", "Bergen", 1),
		trips.Key("Oslo", "Rome", 1),
		trips.Key("Rome", "Oslo", 1))

	ctx := context.Background()
	show("from Oslo:      ", t.Scan().Within(trips.First("Oslo")).Keys(ctx))
	show("Oslo to Bergen: ", t.Scan().Within(trips.FirstTwo("Oslo", "Bergen")).Keys(ctx))
	// Output:
	// from Oslo:       {Oslo Bergen 1} {Oslo Bergen 2} {Oslo Rome 1}
	// Oslo to Bergen:  {Oslo Bergen 1} {Oslo Bergen 2}
}

// Ranges of a component in the middle need the components before it.
func ExampleTripleFormat_SecondBetween() {
	sales := keys.Triple(keys.String(), keys.Int(), keys.String()) // shop, year, product
	t := tableOf(sales,
		sales.Key("Oslo", 2023, "tea"), sales.Key("Oslo", 2024, "coffee"),
		sales.Key("Oslo", 2024, "tea"),
		sales.Key("Oslo", 2026, "tea"), sales.Key("Rome", 2024, "tea"))

	ctx := context.Background()
	show("2024 and 2025:", t.Scan().Within(sales.SecondBetween("Oslo", 2024, 2026)).Keys(ctx))
	show("2024, a to m: ", t.Scan().Within(sales.ThirdBetween("Oslo", 2024, "a", "m")).Keys(ctx))
	show("2024, t*:     ", t.Scan().Prefix(sales.Key("Oslo", 2024, "t")).Keys(ctx))
	// Output:
	// 2024 and 2025: {Oslo 2024 coffee} {Oslo 2024 tea}
	// 2024, a to m:  {Oslo 2024 coffee}
	// 2024, t*:      {Oslo 2024 tea}
}

func ExampleTripleFormat_SecondPrefix() {
	files := keys.Triple(keys.Int(), keys.String(), keys.Int()) // disk, path, version
	t := tableOf(files, files.Key(1, "img/cat", 1), files.Key(1, "img/dog", 2),
		files.Key(1, "todo", 1))
	show("images:", t.Scan().Within(files.SecondPrefix(1, "img/")).Keys(context.Background()))
	// Output: images: {1 img/cat 1} {1 img/dog 2}
}

func ExamplePairFormat_SecondBetween() {
	readings := keys.Pair(keys.String(), keys.Int()) // sensor, minute
	t := tableOf(readings, readings.Key("oven", 1), readings.Key("oven", 5),
		readings.Key("oven", 9))
	show("from 2 to 9:",
		t.Scan().Within(readings.SecondBetween("oven", 2, 9)).Keys(context.Background()))
	// Output: from 2 to 9: {oven 5}
}

// Components that are composite have ranges of their own, for any number of components.
func ExamplePairFormat_SecondIn() {
	date := keys.Triple(keys.Int(), keys.Int(), keys.Int())
	births := keys.Pair(keys.String(), date)
	day := func(name string, y, m, d int) keys.Tuple[string, keys.Tuple3[int, int, int]] {
		return births.Key(name, date.Key(y, m, d))
	}
	t := tableOf(births, day("ann", 1990, 3, 4), day("ann", 1990, 5, 1), day("ann", 1991, 3, 9),
		day("bob", 1990, 3, 1))

	ctx := context.Background()
	show("1990:      ", t.Scan().Within(births.SecondIn("ann", date.First(1990))).Keys(ctx))
	show("March 1990:", t.Scan().Within(births.SecondIn("ann", date.FirstTwo(1990, 3))).Keys(ctx))
	// Output:
	// 1990:       {ann {1990 3 4}} {ann {1990 5 1}}
	// March 1990: {ann {1990 3 4}}
}

func ExampleQuad() {
	// house, floor, room, name
	sensors := keys.Quad(keys.String(), keys.Int(), keys.Int(), keys.String())
	t := tableOf(sensors,
		sensors.Key("A", 1, 1, "door"), sensors.Key("A", 1, 2, "door"),
		sensors.Key("A", 1, 2, "lamp"),
		sensors.Key("A", 2, 1, "lamp"), sensors.Key("B", 1, 1, "door"))

	ctx := context.Background()
	show("floor:", t.Scan().Within(sensors.FirstTwo("A", 1)).Keys(ctx))
	show("room: ", t.Scan().Within(sensors.FirstThree("A", 1, 2)).Keys(ctx))
	show("above:", t.Scan().Within(sensors.SecondBetween("A", 2, 99)).Keys(ctx))
	// Output:
	// floor: {A 1 1 door} {A 1 2 door} {A 1 2 lamp}
	// room:  {A 1 2 door} {A 1 2 lamp}
	// above: {A 2 1 lamp}
}

// A struct of your own is a key that is stored as a pair.
func ExampleMap() {
	type Event struct {
		Tenant string
		Seq    uint64
	}
	pair := keys.Pair(keys.String(), keys.Uint64())
	events := keys.Map("event", pair,
		func(e Event) (keys.Tuple[string, uint64], error) { return pair.Key(e.Tenant, e.Seq), nil },
		func(k keys.Tuple[string, uint64]) (Event, error) { return Event{k.First, k.Second}, nil })
	t := tableOf(events, Event{"acme", 2}, Event{"acme", 10}, Event{"zoo", 1})

	ctx := context.Background()
	for e, err := range t.Scan().Within(events.Range(pair.First("acme"))).Keys(ctx) {
		fmt.Println(e.Tenant, e.Seq, err)
	}
	fmt.Println(events.ID())
	// Output:
	// acme 2 <nil>
	// acme 10 <nil>
	// map(event,pair(string,uint64))
}

// The ranges of a pair are there in reverse order too.
func ExampleDescFormat_Range() {
	log := keys.Pair(keys.String(), keys.Int())
	newest := keys.Desc(log)
	t := tableOf(newest, log.Key("oven", 1), log.Key("oven", 2), log.Key("sink", 3))
	show("oven:", t.Scan().Within(newest.Range(log.First("oven"))).Keys(context.Background()))
	// Output: oven: {oven 2} {oven 1}
}

func ExampleOptionalFormat_Range() {
	name := keys.Pair(keys.String(), keys.String())
	names := keys.Optional(name)
	t := tableOf(names,
		names.Key(name.Key("Lovelace", "Ada")), names.Key(name.Key("Hopper", "Grace")),
		keys.Null[keys.Tuple[string, string]]{})
	show("L*:", t.Scan().Within(names.Range(name.FirstPrefix("L"))).Keys(context.Background()))
	// Output: L*: {{Lovelace Ada} true}
}

func ExampleAddr() {
	t := tableOf(keys.Addr(), netip.MustParseAddr("::1"), netip.MustParseAddr("10.0.0.10"),
		netip.MustParseAddr("10.0.0.9"))
	show("all:", t.Scan().Keys(context.Background()))
	// Output: all: 10.0.0.9 10.0.0.10 ::1
}

func ExampleAddrPort() {
	t := tableOf(keys.AddrPort(), netip.MustParseAddrPort("10.0.0.9:443"),
		netip.MustParseAddrPort("10.0.0.9:80"))
	show("all:", t.Scan().Keys(context.Background()))
	// Output: all: 10.0.0.9:80 10.0.0.9:443
}

func ExampleNetwork() {
	t := tableOf(keys.Network(), netip.MustParsePrefix("10.0.0.0/16"),
		netip.MustParsePrefix("10.0.0.0/8"))
	show("all:", t.Scan().Keys(context.Background()))
	// Output: all: 10.0.0.0/8 10.0.0.0/16
}

func ExampleBigInt() {
	huge := new(big.Int).Exp(big.NewInt(10), big.NewInt(30), nil)
	t := tableOf(keys.BigInt(), huge, big.NewInt(7), big.NewInt(-1000))
	show("all:", t.Scan().Keys(context.Background()))
	// Output: all: -1000 7 1000000000000000000000000000000
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
