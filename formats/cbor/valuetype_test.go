// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package cbor_test

import (
	"bytes"
	"container/list"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	fxcbor "github.com/fxamacker/cbor/v2"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/cbor"
)

// The fields that nothing reads are there to be lost.
var _ = []any{secret{x: 1}, Hidden{x: 1}}

type (
	holder[T any] struct{ V T }
	secret        struct{ x int }
	Hidden        struct{ x int }
	stamped       struct {
		time.Time
		Note string
	}
	timeOnly  struct{ time.Time }
	atAddress struct {
		netip.Addr
		Port int
	}
	inner struct{ A int }
	outer struct {
		*inner
		B int
	}
	outerValue struct {
		inner
		B int
	}
	Left        struct{ Name string }
	Right       struct{ Name string }
	twoEmbedded struct {
		Left
		Right
	}
	shadowing struct {
		Left
		Name string
	}
	EmbedsItself struct {
		*EmbedsItself
		N int
	}
	embedsHidden struct {
		Hidden
		N int
	}
	embedsMutex struct {
		sync.Mutex
		N int
	}
	pointsToItself *pointsToItself
	viaPointer     struct{ *ownCBOR }
	sharedNumber   struct {
		Name  string `cbor:"1,keyasint"`
		Mail  string `cbor:"2,keyasint"`
		Phone string `cbor:"02,keyasint"`
	}
	sharedName struct {
		A string `json:"x"`
		B string `cbor:"x"`
	}
	outOfJSON struct {
		Name string `json:"name"`
		Hash []byte `json:"-"`
	}
	leftOut struct {
		Name string `json:"name"`
		Hash []byte `cbor:"-"`
	}
	noNumber struct {
		A int `cbor:"one,keyasint"`
	}
	misspelled struct {
		A int `cbor:"1,keyasInt"`
	}
	wrongArray struct {
		_ struct{} `cbor:"toarray"`
		A int
	}
	endlessArray struct {
		_ struct{} `cbor:",toindefarray"`
		A int
	}
	tree struct {
		Kids  []tree
		Other map[string]holder[[2]*big.Rat]
	}
)

// ownCBOR and its opposite are right.
type ownCBOR struct{ n uint8 }

func (o ownCBOR) MarshalCBOR() ([]byte, error)  { return []byte{o.n % 24}, nil }
func (o *ownCBOR) UnmarshalCBOR(b []byte) error { o.n = b[0]; return nil }

// writesOnly has no opposite.
type writesOnly struct{ N int }

func (writesOnly) MarshalBinary() ([]byte, error) { return []byte("?"), nil }

// ownStamped embeds a time and says itself how it is stored, which is as it should be.
type ownStamped struct {
	time.Time
	Note string
}

func (o ownStamped) MarshalCBOR() ([]byte, error) { return fxcbor.Marshal([]any{o.Unix(), o.Note}) }

func (o *ownStamped) UnmarshalCBOR(b []byte) error {
	var parts struct {
		_    struct{} `cbor:",toarray"`
		Unix int64
		Note string
	}
	err := fxcbor.Unmarshal(b, &parts)
	o.Time, o.Note = time.Unix(parts.Unix, 0).UTC(), parts.Note
	return err
}

// halfOwn writes itself, and is read by what it embeds.
type halfOwn struct{ time.Time }

func (halfOwn) MarshalBinary() ([]byte, error) { return []byte("half"), nil }

// openTable opens a table for values of type T in a new storage, and returns what
// Storage.Tables says afterwards.
func openTable[T any](t *testing.T, opts ...cbor.Option) (*core.Table[int, any, any], int, error) {
	t.Helper()
	return openUntyped(t, untyped[T]{cbor.New[T](opts...)})
}

func openUntyped(
	t *testing.T, f core.ValueFormat[any, any],
) (*core.Table[int, any, any], int, error) {
	t.Helper()
	s, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	table, failed := core.OpenTable(t.Context(), s, "t", keys.Int(), f)
	tables, err := s.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return table, len(tables), failed
}

// wantRefused wants the error of OpenTable to say each of the words, and no table.
func wantRefused[T any](t *testing.T, words ...string) {
	t.Helper()
	_, tables, err := openTable[T](t)
	if err == nil || tables > 0 {
		t.Errorf("%v: a table is opened, or made: %d, error %v", reflect.TypeFor[T](), tables, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v: error %v; want %q in it", reflect.TypeFor[T](), err, word)
		}
	}
}

// All of these were stored without an error, and then could not be read, or were read without
// what they held; or the table was made and no row could ever be put into it. They are refused
// when the table is opened, and the error leads to what is to blame.
func TestRefusesTypesThatLose(t *testing.T) {
	wantRefused[holder[error]](t, "holder[error].V", "interface with methods")
	wantRefused[[]map[string]*holder[fmt.Stringer]](t, "[][].V is of type fmt.Stringer")
	wantRefused[struct{ io.Reader }](t, "Reader", "interface with methods")
	wantRefused[sharedNumber](t, "Phone shares the number 2 with Mail", "neither is stored")
	wantRefused[sharedName](t, `B shares the name "x" with A`)
	wantRefused[twoEmbedded](t, "Right.Name", "Left.Name", "neither is stored")
	wantRefused[shadowing](t, "Left.Name", "with Name", "it is not stored")
	wantRefused[EmbedsItself](t, "EmbedsItself is embedded more than once")
	wantRefused[embedsHidden](t, "the field Hidden", "nothing is stored", `cbor:"-"`)
	wantRefused[holder[big.Rat]](t, "V is of type big.Rat", "nothing is stored", "WithText")
	wantRefused[holder[*big.Float]](t, "V is of type big.Float", "WithText")
	wantRefused[tree](t, "tree.Other[].V[] is of type big.Rat")
	wantRefused[*regexp.Regexp](t, "regexp.Regexp, of which nothing")
	wantRefused[holder[secret]](t, "V is of type cbor_test.secret", "no exported fields")
	wantRefused[holder[*time.Location]](t, "time.Location")
	wantRefused[struct{ N atomic.Int64 }](t, "N is of type atomic.Int64")
	wantRefused[list.List](t, "list.List")
	wantRefused[bytes.Buffer](t, "bytes.Buffer")
	wantRefused[struct{ *big.Int }](t, "nothing is stored")
	wantRefused[outOfJSON](t, "the field Hash", `json:"-"`)
	wantRefused[outer](t, "the field inner is an embedded pointer to an unexported type")
	wantRefused[stamped](t, "MarshalBinary of its embedded field Time, without Note")
	wantRefused[map[string][]*stamped](t, "[][]", "without Note")
	wantRefused[struct{ stamped }](t, "without Note")
	wantRefused[atAddress](t, "embedded field Addr, without Port")
	wantRefused[viaPointer](t, "ownCBOR, which is nil when it is read")
	wantRefused[halfOwn](t, "UnmarshalBinary only from its embedded field Time")
	wantRefused[writesOnly](t, "MarshalBinary and no UnmarshalBinary")
	wantRefused[noNumber](t, "the field A", `"one" is no number`)
	wantRefused[misspelled](t, "the field A", `"keyasInt"`)
	wantRefused[wrongArray](t, `",toarray"`)
	wantRefused[endlessArray](t, `",toarray"`)
	wantRefused[pointsToItself](t, "leads to nothing but itself")
	wantRefused[holder[[]pointsToItself]](t, "V[]", "leads to nothing but itself")
	wantRefused[map[*int]string](t, "keys of the map", "pointers are others")
	wantRefused[holder[chan int]](t, "V is of type chan int")
	wantRefused[func()](t, "is of type func()")
	wantRefused[holder[complex128]](t, "V is of type complex128")
	wantRefused[holder[uintptr]](t, "V is of type uintptr")
	wantRefused[holder[unsafe.Pointer]](t, "V is of type unsafe.Pointer")
	wantRefused[map[complex64]int](t, "[key] is of type complex64")
}

// wantKept wants a value to be read as it was put.
func wantKept[T any](t *testing.T, v T, opts ...cbor.Option) {
	t.Helper()
	wantRead(t, v, v, opts...)
}

func wantRead[T any](t *testing.T, v, want T, opts ...cbor.Option) {
	t.Helper()
	table, _, err := openTable[T](t, opts...)
	if err != nil {
		t.Error(err)
		return
	}
	if err := table.Put(t.Context(), 1, v); err != nil {
		t.Errorf("%T: %v", v, err)
		return
	}
	if got, err := table.Load(t.Context(), 1); err != nil || !reflect.DeepEqual(got, any(want)) {
		t.Errorf("%T: %+v is read as %+v, error %v", v, v, got, err)
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// What is not refused is read as it was written. What the types cannot keep is in the
// documentation of the package, and here.
func TestKeepsTheRest(t *testing.T) {
	wantKept(t, timeOnly{day})
	wantKept(t, ownStamped{day.Truncate(time.Second), "kept"})
	wantKept(t, outerValue{inner{1}, 2})
	wantKept(t, leftOut{Name: "ada"})
	wantKept(t, holder[struct{}]{})
	wantKept(t, embedsMutex{N: 1})
	wantKept(t, holder[ownCBOR]{ownCBOR{5}})
	wantKept(t, holder[*url.URL]{mustURL("https://u:p@example.org/a?b=c#d")})
	wantKept(t, holder[netip.Addr]{netip.MustParseAddr("10.0.0.1")})
	wantKept(t, holder[json.Number]{"123456789012345678901"})
	wantKept(t, holder[json.RawMessage]{json.RawMessage(`{"a":1}`)})
	wantKept(t, holder[fxcbor.RawMessage]{fxcbor.RawMessage{0x81, 0x01}})
	wantKept(t, holder[fxcbor.ByteString]{"\xff"})
	wantKept(t, holder[fxcbor.Tag]{fxcbor.Tag{Number: 300, Content: "x"}})
	wantKept(t, holder[uint64]{math.MaxUint64})
	wantKept(t, holder[int64]{math.MinInt64})
	wantKept(t, holder[[]int]{[]int{}})
	wantKept(t, holder[[]int]{})
	wantKept(t, holder[map[string]int]{map[string]int{}})
	wantKept(t, holder[[]*int]{[]*int{nil, new(7)}})
	wantKept(t, holder[**Left]{new(&Left{"x"})})
	wantKept(t, holder[[4]byte]{[4]byte{1, 2, 3, 4}})
	wantKept(t, holder[[]small8]{[]small8{1, 2}})
	wantKept(t, holder[[2][]map[int8]*Left]{[2][]map[int8]*Left{{{-1: {"x"}, 2: nil}}, nil}})
	wantKept(t, holder[map[Left]int]{map[Left]int{{"a"}: 1, {"b"}: 2}})
	wantKept(t, holder[map[[2]int]int]{map[[2]int]int{{1, 2}: 1}})
	wantKept(t, holder[map[float64]int]{map[float64]int{0.5: 1, math.Inf(1): 2}})
	wantKept(t, holder[map[bool]string]{map[bool]string{true: "t", false: "f"}})
	wantKept(t, holder[map[time.Time]int]{map[time.Time]int{day: 1}})
	wantKept(t, holder[map[netip.Addr]int]{map[netip.Addr]int{netip.MustParseAddr("::1"): 1}})
	wantKept(t, struct{ Name, NAME string }{"a", "b"})
	wantKept(t, holder[float32]{float32(math.Copysign(0, -1))})
	wantKept(t, holder[anything]{"named"})
	wantKept(t, holder[any]{map[any]any{"a": []any{uint64(1), int64(-1), 1.5, nil, day}}})

	wantRead(t, holder[any]{5}, holder[any]{uint64(5)})
	wantRead(t, holder[any]{float32(0.1)}, holder[any]{float64(float32(0.1))})
	wantRead(t, holder[any]{Left{"x"}}, holder[any]{map[any]any{"Name": "x"}})
	wantRead(t, holder[any]{map[string]any{"a": int8(1)}}, holder[any]{map[any]any{"a": uint64(1)}})
	wantRead(t, holder[**int]{new(*int)}, holder[**int]{})
	wantRead(t, holder[*[]int]{new([]int)}, holder[*[]int]{})
	wantRead(t, holder[*time.Time]{new(time.Time)}, holder[*time.Time]{})
	wantRead(t, unexportedToo{1, 2}, unexportedToo{A: 1})
	wantRead(t, holder[time.Time]{day.In(time.FixedZone("X", 3601))}, holder[time.Time]{day})
	wantRead(t, struct {
		A []int `cbor:",omitempty"`
	}{[]int{}}, struct {
		A []int `cbor:",omitempty"`
	}{})
}

type (
	small8        byte
	anything      interface{}
	unexportedToo struct{ A, b int }
)

// With the option what encodes itself as text is stored as that: big.Rat and regexp.Regexp hold
// nothing that could be stored otherwise. The bytes are others, and so is the ID: no program
// takes the one for the other.
func TestWithText(t *testing.T) {
	wantKept(t, holder[*big.Rat]{big.NewRat(1, 3)}, cbor.WithText())
	wantKept(t, holder[big.Rat]{*big.NewRat(-1, 3)}, cbor.WithText())
	wantKept(t,
		[]map[netip.Addr]*regexp.Regexp{{netip.MustParseAddr("::1"): regexp.MustCompile("a+")}},
		cbor.WithText())
	wantKept(t, holder[map[textLevel]textLevel]{map[textLevel]textLevel{1: 2}}, cbor.WithText())
	wantKept(t, holder[time.Time]{day}, cbor.WithText())
	if b, err := cbor.New[textLevel](cbor.WithText()).Append(nil,
		2); err != nil || string(b) != "bII" {
		t.Errorf("stored as %q, error %v", b, err)
	}
	if b, err := cbor.New[textLevel]().Append(nil, 2); err != nil || string(b) != "\x02" {
		t.Errorf("without the option stored as %q, error %v", b, err)
	}
	for _, f := range []interface{ ID() string }{
		cbor.New[int](cbor.WithText()),
		cbor.Key[int](cbor.WithText()),
	} {
		if id := f.ID(); id != "cbor-text/1" && id != "cbor-key-text/1" {
			t.Errorf("ID %q", id)
		}
	}
	if k := cbor.Key[holder[big.Rat]](); k.(core.KeyChecker).CheckKey() == nil {
		t.Error("a big.Rat is a key without the option")
	}
	k := cbor.Key[holder[big.Rat]](cbor.WithText())
	b, err := k.Append(nil, holder[big.Rat]{*big.NewRat(2, 6)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Decode(b); err != nil || got.V.Cmp(big.NewRat(1, 3)) != 0 {
		t.Errorf("%x is read as %v, error %v", b, got, err)
	}
}

// textLevel is a number with names.
type textLevel int

func (l textLevel) MarshalText() ([]byte, error) { return bytes.Repeat([]byte("I"), int(l)), nil }

func (l *textLevel) UnmarshalText(b []byte) error {
	*l = textLevel(len(b))
	return nil
}

// A key that encodes itself by a method of a part of it was the same key as another, whose
// other parts differ.
func TestKeyOfPromotedMethods(t *testing.T) {
	err := cbor.Key[stamped]().(core.KeyChecker).CheckKey()
	if err == nil || !strings.Contains(err.Error(), "without Note") {
		t.Errorf("error %v", err)
	}
}

// Types that are in interfaces are only known when they are written. What would be lost is
// refused then.
func TestRefusesToLoseWhatIsInInterfaces(t *testing.T) {
	for _, v := range []any{
		big.NewRat(1, 3),
		[]any{secret{1}},
		map[string]any{"a": stamped{day, "lost"}},
		map[any]any{outer{}: 1},
		outOfJSON{},
		[]fmt.Stringer{big.NewFloat(1)},
		fxcbor.Tag{Number: 300, Content: secret{1}},
		holder[any]{&sharedNumber{}},
	} {
		b, err := cbor.New[holder[any]]().Append(nil, holder[any]{v})
		if err == nil || !strings.Contains(err.Error(), "in an interface would be lost") {
			t.Errorf("%T is stored as %x, error %v", v, b, err)
		}
	}
}

// Methods that encode may write what their opposites do not read, or read as something else. A
// URL of parts that make none was stored, and never read again.
func TestRefusesWhatMethodsDoNotReadAgain(t *testing.T) {
	for _, u := range []*url.URL{
		{Host: "two words"},
		{Scheme: "1"},
		{Path: "//a"},
		{Opaque: "a:b"},
	} {
		f := cbor.New[holder[*url.URL]]()
		b, err := f.Append(nil, holder[*url.URL]{u})
		if err != nil {
			continue
		}
		got, err := f.View(b)
		if err != nil || got.V.String() != u.String() {
			t.Errorf("%#v is stored, and read as %v, error %v", u, got.V, err)
		}
	}
	_, err := cbor.New[holder[*url.URL]]().Append(nil,
		holder[*url.URL]{&url.URL{Host: "two words"}})
	if err == nil || !strings.Contains(err.Error(), "could not be read again") {
		t.Errorf("a URL that cannot be read: error %v", err)
	}
	if b, err := cbor.New[forgetful]().Append(nil, forgetful{1, 2}); err == nil {
		t.Errorf("what forgets a part of itself when it is read is stored as %x", b)
	}
	precise := new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3))
	if b, err := cbor.New[*big.Float](cbor.WithText()).Append(nil, precise); err == nil {
		t.Errorf("200 bits, of which 64 are read, are stored as %x", b)
	}
}

// A panic of the method that reads is not for whoever writes: the value was stored without one.
func TestKeepsWhatPanicsWhenItIsRead(t *testing.T) {
	if b, err := cbor.New[[]bomb]().Append(nil, []bomb{{}}); err != nil || string(b) != "\x81\x01" {
		t.Errorf("stored as %x, error %v", b, err)
	}
}

type bomb struct{}

func (bomb) MarshalCBOR() ([]byte, error) { return []byte{1}, nil }
func (*bomb) UnmarshalCBOR([]byte) error  { panic("bomb") }

// Not everybody asks CheckValue: a format in a wrapper that hides it stored what would be lost.
func TestRefusesUnfitTypesUnasked(t *testing.T) {
	f := cbor.New[stamped]()
	b, err := struct {
		core.ValueFormat[stamped, stamped]
	}{f}.Append(nil, stamped{day, "lost"})
	if err == nil || !strings.Contains(err.Error(), "without Note") {
		t.Errorf("stored as %x, error %v", b, err)
	}
}

// One value is written in one way. Bytes that others wrote may say the same with longer heads,
// and have the one meaning that the short ones have. Of keys there is no second encoding, or a
// row could be there twice.
func TestReadsLongerHeads(t *testing.T) {
	for _, long := range []string{
		"\x82\x18\x05\x00", "\x82\x19\x00\x05\x18\x00",
		"\x98\x02\x05\x00", "\x9a\x00\x00\x00\x02\x05\x1b\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		v, err := cbor.New[[]int]().View([]byte(long))
		if err != nil || !reflect.DeepEqual(v, []int{5, 0}) {
			t.Errorf("%x is read as %v, error %v", long, v, err)
		}
		if b, err := cbor.New[[]int]().Append(nil, v); err != nil || string(b) != "\x82\x05\x00" {
			t.Errorf("%v is written as %x, error %v", v, b, err)
		}
		if k, err := cbor.Key[[2]int]().Decode([]byte(long)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%x is the key %v, error %v", long, k, err)
		}
	}
}

// What is in a map or an interface has no address; methods of the pointer are used nevertheless.
func TestUsesMethodsByAddress(t *testing.T) {
	wantKept(t, map[string]byAddress{"a": {5}})
	wantKept(t, map[string][1]byAddress{"a": {{5}}})
	wantKept(t, map[string]big.Int{"a": *big.NewInt(5)})
	wantKept(t, map[string]big.Rat{"a": *big.NewRat(1, 3)}, cbor.WithText())
	wantRead(t, holder[any]{byAddress{5}}, holder[any]{[]byte{5}})
	wantRead(t, holder[any]{map[int8]any{1: *big.NewInt(5)}},
		holder[any]{map[any]any{uint64(1): uint64(5)}})
}

type byAddress struct{ n byte }

func (a *byAddress) MarshalBinary() ([]byte, error) { return []byte{a.n}, nil }

func (a *byAddress) UnmarshalBinary(b []byte) error {
	a.n = b[0]
	return nil
}

// forgetful writes more than it reads.
type forgetful struct{ a, b byte }

func (f forgetful) MarshalBinary() ([]byte, error) { return []byte{f.a, f.b}, nil }

func (f *forgetful) UnmarshalBinary(b []byte) error {
	f.a = b[0]
	return nil
}

// chain is a list.
type chain struct {
	N    int    `cbor:"1,keyasint"`
	Next *chain `cbor:"2,keyasint,omitempty"`
}

type chainOfMaps map[string]chainOfMaps

// The library calls itself for each level. A list of three million nodes, which ends, took the
// process down before it could be refused for its depth.
func TestRefusesEndlessValues(t *testing.T) {
	var long *chain
	for i := range 3_000_000 {
		long = &chain{i, long}
	}
	wantTooDeep(t, long)
	wantTooDeep(t, holder[[]*chain]{[]*chain{{}, long}})
	wantTooDeep[any](t, long)
	cycle := &chain{N: 1}
	cycle.Next = cycle
	wantTooDeep(t, cycle)
	maps := chainOfMaps{}
	maps["a"] = maps
	wantTooDeep(t, maps)
	items := []any{nil}
	items[0] = items
	wantTooDeep[any](t, items)
	wantTooDeep(t, holder[map[string]any]{map[string]any{"a": items}})
	wantTooDeep(t, map[string]fxcbor.Tag{"a": {Number: 300, Content: items}})
	var self any
	self = &self
	wantTooDeep(t, self)

	var fits *chain
	for i := range 32 {
		fits = &chain{i, fits}
	}
	wantKept(t, fits)
	wantTooDeep(t, &chain{32, fits})
	wantKept(t, &chain{32, fits}, cbor.WithMaxNesting(33))
}

func wantTooDeep[T any](t *testing.T, v T) {
	t.Helper()
	b, err := cbor.New[T]().Append(nil, v)
	if !errors.Is(err, core.ErrTooLarge) || !strings.Contains(err.Error(),
		"use WithMaxNesting") || b != nil {
		t.Errorf("%T: %d bytes, error %v; want ErrTooLarge", v, len(b), err)
	}
}
