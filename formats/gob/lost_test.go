// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package gob_test

import (
	"context"
	"encoding/gob"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

type (
	stamped struct { // encodes itself as its time does, and loses the note
		time.Time
		Note string
	}
	stampedDeep struct{ stampedInner }
	// The embedded type is not exported, and its methods are promoted all the same.
	stampedInner struct {
		Stamp
		Note string
	}
	Stamp       struct{ time.Time }
	number2     struct{ *big.Int }
	numberDeep  struct{ Number }
	Number      struct{ *big.Int }
	anyEncoder  struct{ selfCoder }
	stampedSelf struct { // has methods of its own, so that nothing is promoted
		time.Time
		Note string
	}
	halfOwn struct { // writes the note and never reads it
		time.Time
		Note string
	}
	stampedBase struct {
		Stamp
		base
	}
	base      struct{ ID int }
	hidesBase struct {
		base
		Name string
	}
	hidesPointer struct {
		*base
		Name string
	}
	hidesDeep struct {
		outer
		Name string
	}
	outer struct{ base }
	knot  struct {
		*knot
		Name string
	}
	plainOnly struct {
		hiddenOnly
		Name string
	}
	hiddenOnly struct{ n int }
)

// The fields that nothing reads are there to be lost.
var _ = []any{knot{knot: nil}, plainOnly{hiddenOnly: hiddenOnly{n: 1}}}

type selfCoder interface {
	GobEncode() ([]byte, error)
	GobDecode(b []byte) error
}

func (s stampedSelf) GobEncode() ([]byte, error) {
	b, err := s.Time.GobEncode()
	return append([]byte(s.Note+"\x00"), b...), err
}

func (s *stampedSelf) GobDecode(b []byte) error {
	note, rest, _ := strings.Cut(string(b), "\x00")
	s.Note = note
	return s.Time.GobDecode([]byte(rest))
}

func (s halfOwn) GobEncode() ([]byte, error) { return s.Time.GobEncode() }

// A struct that embeds a type with methods to encode itself has these methods, and gob calls
// them: the time was stored, and the note was gone, without an error. An embedded nil pointer
// was stored too, and its row was damaged forever.
func TestPromotedMethods(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"loses a field": {
			open[stamped](t),
			"gob_test.stamped.Note would be lost: the embedded Time has the method GobEncode",
		},
		"in a list": {
			open[[]map[string]*stamped](t),
			"[]map[string]*gob_test.stamped[][].Note would be lost",
		},
		"two levels": {
			open[stampedDeep](t),
			"gob_test.stampedDeep.stampedInner.Note would be lost: the embedded Stamp",
		},
		"nil pointer": {
			open[number2](t),
			"gob_test.number2.Int is an embedded *big.Int, which is nil when its method GobDecode",
		},
		"nil pointer deep": {
			open[numberDeep](t),
			"gob_test.numberDeep.Number.Int is an embedded *big.Int",
		},
		"nil interface": {
			open[anyEncoder](t),
			"gob_test.anyEncoder.selfCoder is an embedded gob_test.selfCoder",
		},
		"only writes": {open[halfOwn](t), "gob_test.halfOwn.Note would be lost"},
		"binary": {open[struct {
			netip.Addr
			Port int
		}](t), ".Port would be lost: the embedded Addr has the method MarshalBinary"},
		"hidden beside": {open[stampedBase](t), "gob_test.stampedBase.base would be lost"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: error %v; want one that says %q", name, c.err, c.says)
		}
	}
	for i, err := range []error{
		open[Stamp](t), open[struct{ Stamp }](t), open[stampedSelf](t),
		open[struct{ S stampedSelf }](t), open[struct{ netip.Addr }](t),
	} {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	wantKept(t, Stamp{day}, Stamp{})
	wantKept(t, stampedSelf{day, "note"})
	f, _ := bind[any](t, nil)
	gob.Register(stamped{})
	if b, err := f.Append(nil, stamped{day, "note"}); err == nil || !strings.Contains(err.Error(),
		"stamped.Note would be lost") {
		t.Errorf("in an interface it is stored as %x, error %v", b, err)
	}
	if err := gobformat.Key[Stamp]().(core.KeyChecker).CheckKey(); err == nil ||
		!strings.Contains(err.Error(), "zone") {
		t.Errorf("a time that is embedded may be a key: error %v", err)
	}
}

// The fields of an embedded struct look like those of the struct around it, and are not stored
// if its type is not exported.
func TestHiddenFields(t *testing.T) {
	for i, err := range []error{open[hidesBase](t), open[hidesPointer](t), open[hidesDeep](t)} {
		if err == nil || !strings.Contains(err.Error(), ".ID would be lost: it is embedded in ") {
			t.Errorf("%d: error %v", i, err)
		}
	}
	if err := open[knot](t); err == nil || !strings.Contains(err.Error(),
		"gob_test.knot.Name would be lost") {
		t.Errorf("error %v", err)
	}
	if err := open[plainOnly](t); err != nil {
		t.Errorf("nothing is lost that is not an unexported field: %v", err)
	}
}

type (
	circle    struct{ R float64 }
	square    struct{ Side int }
	ringed    struct{ R string }
	numeral   int
	crate     struct{ N int }
	measures  interface{ Area() float64 }
	holds     struct{ V any }
	holdsMore struct{ V measures }
	own       struct{ N byte }
)

func (c circle) Area() float64           { return c.R }
func (o own) GobEncode() ([]byte, error) { return []byte{o.N}, nil }
func (o *own) GobDecode(b []byte) error  { o.N = b[0]; return nil }
func named(b []byte, was, is string) []byte {
	return []byte(strings.Replace(string(b), was, is, 1))
}

// A type that moved to another package and was not registered under its old name, or that is
// not registered yet, is no damage. The error said so, and advised to delete the rows.
func TestTypesInInterfacesThatAreNotKnown(t *testing.T) {
	gob.RegisterName("old/path.Circle", circle{})
	gob.RegisterName("old/path.Square", square{})
	gob.RegisterName("old/path.Own", own{})
	gob.RegisterName("old/path.Num", numeral(0))
	gob.RegisterName("old/path.Ringed", ringed{})
	f, _ := bind[holds](t, nil)
	b := write(t, f, holds{circle{1}})
	_, err := f.View(named(b, "old/path.Circle", "new/path.Circle"))
	wantMismatch(t, err, `"new/path.Circle"`, "gob.Register")
	_, err = f.View(named(b, "old/path.Circle", "old/path.Square"))
	wantMismatch(t, err, "no field", "old/path.Square", "struct{R float}", "gob_test.square")
	_, err = f.View(named(b, "old/path.Circle", "old/path.Ringed"))
	wantMismatch(t, err, "old/path.Ringed.R is stored as float", "string now")
	o := write(t, f, holds{own{1}})
	_, err = f.View(named(o, "old/path.Own", "new/path.Own"))
	wantMismatch(t, err, `"new/path.Own"`, "gob.Register")
	wantRead(t, f, o, holds{own{1}})
	_, err = f.View(named(o, "old/path.Own", "old/path.Num"))
	wantMismatch(t, err, "gob_test.numeral", "register the type that it was")
	if v, err := f.View(named(b, "old/path.Circle", "old/path\x00\xffircle")); !errors.Is(err,
		core.ErrCorrupt) {
		t.Errorf("a name that nobody would register: read as %v, error %v", v, err)
	}

	// Somebody took a method away, and what is stored no longer fits into the interface.
	g, _ := bind[holdsMore](t, nil)
	c := write(t, g, holdsMore{circle{1}})
	wantRead(t, g, c, holdsMore{circle{1}})
	_, err = g.View(write(t, f, holds{square{2}}))
	wantMismatch(t, err, "gob_test.square is not assignable to type gob_test.measures")

	type unknown struct{ A int }
	if _, err := f.Append(nil, holds{unknown{1}}); err == nil || !strings.Contains(err.Error(),
		"gob.Register") {
		t.Errorf("error %v", err)
	}
}

// A program whose field is narrower than that of the program that wrote the row reads what
// fits. A number that does not fit is not damage either, and the error names the field, the number
// and the type.
func TestNumbersThatDoNotFit(t *testing.T) {
	wantNarrow[int32, int8](t, []int32{-128, 0, 127},
		map[int32]string{300: "300", -129: "-129", math.MaxInt32: "2147483647"})
	wantNarrow[int64, int32](t, []int64{math.MinInt32, math.MaxInt32},
		map[int64]string{math.MaxInt64: "9223372036854775807"})
	wantNarrow[uint64, uint8](t, []uint64{0, 255},
		map[uint64]string{256: "256", math.MaxUint64: "18446744073709551615"})
	wantNarrow[uint64, uint32](t, []uint64{math.MaxUint32},
		map[uint64]string{1 << 32: "4294967296"})
	wantNarrow[float64, float32](t, []float64{0, -1.5, math.MaxFloat32, math.Inf(-1), math.NaN()},
		map[float64]string{1e300: "1e+300"})
	wantNarrow[complex128, complex64](t, []complex128{1, complex(0, math.Inf(1))},
		map[complex128]string{complex(1, -1e300): "-1e+300"})
}

func wantNarrow[Was, Is comparable](t *testing.T, fit []Was, not map[Was]string) {
	t.Helper()
	type was struct{ L []map[string]Was }
	type is struct{ L []map[string]*Is }
	f, meta := bind[was](t, nil)
	g, _ := bind[is](t, meta)
	row := func(n Was) []byte { return write(t, f, was{[]map[string]Was{{"k": n}}}) }
	for _, n := range fit {
		want := reflect.ValueOf(n).Convert(reflect.TypeFor[Is]()).Interface().(Is)
		if got, err := g.View(row(n)); err != nil || *got.L[0]["k"] != want && want == want {
			t.Errorf("%v is read as %+v, error %v", n, got, err)
		}
	}
	for n, shown := range not {
		_, err := g.View(row(n))
		wantMismatch(t, err, "L[][] is "+shown+",",
			reflect.TypeFor[Is]().String()+" cannot hold it", "wider")
	}
}

// What changes on the way through gob, and is said in the documentation of the package.
func TestWhatChanges(t *testing.T) {
	type all struct {
		PS *[]int
		PM *map[int]int
		PT *time.Time
		L  []map[int]int
		B  [][]byte
		F  float32
	}
	f, meta := bind[all](t, nil)
	got, err := f.View(write(t, f, all{
		PS: &[]int{}, PM: &map[int]int{}, PT: &time.Time{},
		L: []map[int]int{nil}, B: [][]byte{{}, nil}, F: 0.1,
	}))
	if err != nil || got.PS != nil || got.PM == nil || got.PT == nil || got.L[0] == nil ||
		got.B[0] != nil || got.B[1] != nil {
		t.Errorf("%+v, error %v", got, err)
	}
	type wider struct{ F float64 }
	w, meta := bind[wider](t, meta)
	g, _ := bind[all](t, meta)
	if got, err := g.View(write(t, w, wider{0.1})); err != nil || got.F != float32(0.1) {
		t.Errorf("%v, error %v", got.F, err)
	}
	m, _ := bind[map[float64]int](t, nil)
	if got, err := m.View(write(t, m,
		map[float64]int{
			math.NaN(): 1, math.Float64frombits(math.Float64bits(math.NaN()) ^ 2): 2,
			1: 3,
		})); err != nil || len(got) != 3 {
		t.Errorf("%v, error %v", got, err)
	}
	type key struct {
		A int
		b int
	}
	k, _ := bind[map[key]int](t, nil)
	if got, err := k.View(write(t, k, map[key]int{{1, 1}: 1, {1, 2}: 1})); err != nil ||
		len(got) != 1 {
		t.Errorf("%v, error %v", got, err)
	}
	gob.Register(&crate{})
	i, _ := bind[any](t, nil)
	if got, err := i.View(write(t, i, any(crate{1}))); err != nil || *got.(*crate) != (crate{1}) {
		t.Errorf("%#v, error %v", got, err)
	}
}

// Two handles of one table in one program, with two versions of a type: the older cannot know
// the rows of the newer.
func TestTwoHandles(t *testing.T) {
	type v1 struct{ A int }
	type v2 struct{ A, B int }
	ctx := context.Background()
	db, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	older, err := core.OpenTable(ctx, db, "rows", keys.Int(), gobformat.New[v1]())
	if err != nil {
		t.Fatal(err)
	}
	newer, err := core.OpenTable(ctx, db, "rows", keys.Int(), gobformat.New[v2]())
	if err != nil {
		t.Fatal(err)
	}
	if err := newer.Put(ctx, 1, v2{5, 6}); err != nil {
		t.Fatal(err)
	}
	_, err = older.Load(ctx, 1)
	wantMismatch(t, err, "open it again")
	again, err := core.OpenTable(ctx, db, "rows", keys.Int(), gobformat.New[v1]())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := again.Load(ctx, 1); err != nil || v != (v1{5}) {
		t.Errorf("%v, error %v", v, err)
	}
}

// A list of three million nodes filled the stack of Append, which ends the process: nothing can
// recover from that. A value that contains itself has no end at all.
func TestDeepValues(t *testing.T) {
	var long *chain
	for range 3_000_000 {
		long = &chain{Next: long}
	}
	wantTooDeep(t, long)
	ring := &chain{}
	ring.Next = ring
	wantTooDeep(t, ring)
	wantTooDeep(t, *ring)
	tr := tree{make([]tree, 1)}
	tr.Kids[0] = tr
	wantTooDeep(t, tr)
	loop := map[string]any{}
	loop["loop"] = loop
	wantTooDeep[any](t, loop)
	wantTooDeep(t, map[string]any{"x": []any{loop}})
	wantTooDeep(t, shape{Many: []any{loop}})
	type arrays struct{ A [2]*arraysIn }
	wantTooDeep(t, arrays{[2]*arraysIn{{}, ringOfArrays()}})
	wantTooDeep[any](t, ring)
	k := gobformat.Key[tree]()
	if _, err := k.Append(nil, tr); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("a key: error %v; want ErrTooLarge", err)
	}
}

type arraysIn struct{ M map[int]*arraysIn }

func ringOfArrays() *arraysIn {
	a := &arraysIn{map[int]*arraysIn{}}
	a.M[1] = a
	return a
}

func init() { gob.Register(&chain{}) }

func wantTooDeep[T any](t *testing.T, v T) {
	t.Helper()
	f, _ := bind[T](t, nil)
	if b, err := f.Append(nil, v); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "levels deep") {
		t.Errorf("%d bytes, error %v; want ErrTooLarge", len(b), err)
	}
}
