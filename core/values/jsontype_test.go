// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
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
	timeOnly struct{ time.Time }
	inner    struct{ A int }
	outer    struct {
		*inner
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
	pointsToItself *pointsToItself
	sharedName     struct {
		A string `json:"B"`
		B string
	}
	leftOut struct {
		Name string
		Hash []byte `json:"-"`
	}
	redacted string
	chain    struct {
		N    int
		Next *chain
	}
)

func (redacted) MarshalText() ([]byte, error) { return []byte("***"), nil }

// ownStamped embeds a time and says itself how it is stored, which is as it should be.
type ownStamped struct {
	time.Time
	Note string
}

func (o ownStamped) MarshalJSON() ([]byte, error) {
	return json.Marshal([]string{o.Format(time.RFC3339), o.Note})
}

func (o *ownStamped) UnmarshalJSON(b []byte) error {
	var parts [2]string
	err := json.Unmarshal(b, &parts)
	if err == nil {
		o.Time, err = time.Parse(time.RFC3339, parts[0])
	}
	o.Note = parts[1]
	return err
}

// openJSON opens a table for values of type T in a new storage, and says how many there are
// afterwards.
func openJSON[T any](t *testing.T) (*core.Table[int, any, any], int, error) {
	t.Helper()
	return openUntyped(t, untyped[T]{values.JSON[T]()})
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

func wantRefused[T any](t *testing.T, says string) {
	t.Helper()
	_, tables, err := openJSON[T](t)
	if err == nil || tables > 0 || !strings.Contains(err.Error(), says) {
		t.Errorf("%v: %d tables, error %v; want one that says %q",
			reflect.TypeFor[T](), tables, err, says)
	}
}

// All of these were stored without an error, and then could not be read, or were read without
// what they held; or the table was made and no row could ever be put into it. struct{*big.Int}
// even panicked when it was read.
func TestJSONRefusesTypesThatLose(t *testing.T) {
	wantRefused[holder[error]](t, "holder[error].V is of type error")
	wantRefused[[]map[string]*holder[fmt.Stringer]](t, "[][].V is of type fmt.Stringer")
	wantRefused[sharedName](t, `the field B shares the name "B" with A`)
	wantRefused[twoEmbedded](t, "the field Right.Name shares")
	wantRefused[shadowing](t, "the field Left.Name shares")
	wantRefused[EmbedsItself](t, "embedded more than once")
	wantRefused[embedsHidden](t, "the field Hidden is of type")
	wantRefused[holder[secret]](t, ".V is of type values_test.secret, of which nothing is stored")
	wantRefused[struct{ N atomic.Int64 }](t, ".N is of type atomic.Int64")
	wantRefused[outer](t, "the field inner is an embedded pointer")
	wantRefused[stamped](t, "embedded field Time, which knows nothing of Note")
	wantRefused[struct{ stamped }](t, "nothing of Note")
	wantRefused[struct{ *big.Int }](t, "embedded field Int, which is nil when it is read")
	wantRefused[redacted](t, "MarshalText and no UnmarshalText")
	wantRefused[pointsToItself](t, "leads to nothing but itself")
	wantRefused[map[float64]int](t, "keys of the map map[float64]int are of type float64")
	wantRefused[holder[map[any]int]](t, ".V are of type interface {}")
	wantRefused[map[*big.Int]int](t, "are of type *big.Int")
	wantRefused[map[string]big.Int](t,
		"map[string]big.Int[]: big.Int has MarshalJSON by its address alone")
	wantRefused[holder[map[string][2]holder[big.Rat]]](t,
		".V[][].V: big.Rat has MarshalText by its address alone")
	wantRefused[map[string]mixed](t, "mixed has MarshalJSON by its address alone")
	wantRefused[holder[chan int]](t, ".V is of type chan int")
	wantRefused[func()](t, "func()")
	wantRefused[holder[complex64]](t, ".V is of type complex64")
}

func wantKept[T any](t *testing.T, v T) {
	t.Helper()
	table, _, err := openJSON[T](t)
	if err != nil {
		t.Error(err)
		return
	}
	if err := table.Put(t.Context(), 1, v); err != nil {
		t.Errorf("%T: %v", v, err)
		return
	}
	if got, err := table.Load(t.Context(), 1); err != nil || !reflect.DeepEqual(got, any(v)) {
		t.Errorf("%T: %+v is read as %+v, error %v", v, v, got, err)
	}
}

func TestJSONKeepsTheRest(t *testing.T) {
	day := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	wantKept(t, timeOnly{day})
	wantKept(t, ownStamped{day, "kept"})
	wantKept(t, leftOut{Name: "ada"})
	wantKept(t, holder[struct{}]{})
	wantKept(t, holder[*big.Rat]{big.NewRat(1, 3)})
	wantKept(t, holder[map[time.Month][]int]{map[time.Month][]int{1: {}, 2: nil}})
	wantKept(t, holder[map[bigKey]string]{map[bigKey]string{7: "x"}})
	wantKept(t, holder[json.RawMessage]{json.RawMessage(`"\ufffd"`)})
	wantKept(t, map[string]*big.Int{"a": big.NewInt(1)})
	wantKept(t, map[string][]big.Int{"a": {*big.NewInt(1)}})
	wantKept(t, map[string]behind{"a": {&Amount{N: *big.NewInt(1)}}})
	wantKept(t, map[string]time.Time{"a": day})
	wantKept(t, map[netip.Addr]*big.Int{netip.IPv6Loopback(): nil})
	wantKept(t, []plainName{"a"})
	wantKept(t, map[plainName]int{"a": 1})
	wantKept(t, holder[anything]{"named"})
	wantKept(t, holder[any]{map[string]any{"a": []any{1.5, "b", nil, true}}})
	wantKept(t, holder[string]{"\ufffd and \\ufffd"})
	wantKept(t, holder[uint64]{1<<64 - 1})
}

// bigKey is a number that is a key as text.
type bigKey int

func (k bigKey) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "k%d", int(k)), nil }

func (k *bigKey) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "k%d", (*int)(k))
	return err
}

type (
	anything interface{}
	behind   struct{ *Amount }
	Amount   struct{ N big.Int }
)

// mixed has a method of each kind: without an address it would be written as text, and read as
// JSON.
type mixed struct{ n int }

func (m *mixed) MarshalJSON() ([]byte, error) { return json.Marshal(m.n) }
func (m *mixed) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &m.n) }
func (m mixed) MarshalText() ([]byte, error)  { return fmt.Append(nil, m.n), nil }
func (m *mixed) UnmarshalText([]byte) error   { return nil }

// plainName has methods that do what would be done without them.
type plainName string

func (n plainName) MarshalText() ([]byte, error) { return []byte(n), nil }

func (n *plainName) UnmarshalText(b []byte) error {
	*n = plainName(b)
	return nil
}

// Not everybody asks CheckValue: a format in a wrapper that hides it stored what would be lost.
func TestJSONRefusesUnfitTypesUnasked(t *testing.T) {
	f := core.ValueFormat[stamped, stamped](values.JSON[stamped]())
	b, err := struct {
		core.ValueFormat[stamped, stamped]
	}{f}.Append(nil, stamped{time.Now(), "lost"})
	if err == nil || !strings.Contains(err.Error(), "nothing of Note") {
		t.Errorf("stored as %s, error %v", b, err)
	}
}

// wantNoValue wants a value to be an error when it is written.
func wantNoValue[T any](t *testing.T, v T, says string) {
	t.Helper()
	b, err := values.JSON[T]().Append(nil, v)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%T: %+v is stored as %s, error %v; want one that says %q", v, v, b, err, says)
	}
}

// What is in an interface is only known when it is written. All of these were stored with less
// than what they held, or were numbers that are others as float64.
func TestJSONRefusesToLoseWhatIsInInterfaces(t *testing.T) {
	const lost = "in an interface would be lost"
	wantNoValue[any](t, stamped{time.Now(), "lost"}, lost)
	wantNoValue[any](t, []any{map[string]any{"a": secret{1}}}, lost)
	wantNoValue(t, holder[any]{twoEmbedded{}}, lost)
	wantNoValue(t, map[string]any{"a": *big.NewInt(5)}, lost)
	wantNoValue[any](t, [1]big.Rat{}, lost)
	wantNoValue[any](t, map[int][]fmt.Stringer{1: {secretText{}}}, lost)
	wantNoValue(t, holder[anything]{secret{}}, lost)
	const inexact = "another number"
	wantNoValue[any](t, int64(1<<53+1), inexact)
	wantNoValue[any](t, int64(math.MinInt64+1), inexact)
	wantNoValue[any](t, uint64(math.MaxUint64), inexact)
	wantNoValue[any](t, []any{holder[uint64]{math.MaxUint64}}, inexact)
	wantNoValue[any](t, json.Number("9007199254740993"), inexact)
	wantNoValue[any](t,
		new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 70), big.NewInt(1)), inexact)
	const unread = "could not be read again"
	wantNoValue[any](t, json.Number("1e999"), unread)
	wantNoValue[any](t, json.RawMessage("1e999"), unread)
	wantNoValue[any](t, new(big.Int).Lsh(big.NewInt(1), 2000), unread)
	for _, v := range []any{
		int64(1 << 53), int64(math.MinInt64), uint64(1 << 63),
		new(big.Int).Lsh(big.NewInt(1), 1000), json.Number("0.10"),
	} {
		if _, err := values.JSON[any]().Append(nil, v); err != nil {
			t.Errorf("%v is a float64: %v", v, err)
		}
	}
}

// secretText does not show to a format what it holds.
type secretText struct{ n int }

func (s secretText) String() string { return fmt.Sprint(s.n) }

// Methods that are named as opposites were taken at their word. What they do not read, or read
// as something else, was lost.
func TestJSONRefusesWhatMethodsDoNotReadAgain(t *testing.T) {
	const other = "what its methods decode is not what they encoded"
	wantNoValue(t, forgetful{1, 2}, other)
	wantNoValue(t, []*forgetful{{1, 2}}, other)
	wantNoValue(t, holder[reader]{reader{5}}, other)
	wantNoValue(t, lossyID(1<<53+1), other)
	wantNoValue(t, new(big.Float).SetPrec(200).Quo(big.NewFloat(1), big.NewFloat(3)), other)
	wantNoValue(t, map[shout]int{"a": 1}, other)
	wantNoValue(t, refusing(1), "it could not be read again")
	wantNoValue(t, textOf("\xff"), "not UTF-8")
	wantNoValue(t, map[textKeyOf]int{{"\xff"}: 1}, "not UTF-8")
	wantKept(t, forgetful{1, 0})
	wantKept(t, lossyID(1<<53))

	// What is in an interface is read as something else, which is written in another order, and
	// no less for that.
	type mix struct {
		ID lossyID
		In any
	}
	if _, err := values.JSON[mix]().Append(nil,
		mix{1, struct{ B, A float32 }{0.1, 1e30}}); err != nil {
		t.Error(err)
	}
	// The method panics only when the row is read, so the panic is the reader's.
	if _, err := values.JSON[bomb]().Append(nil, bomb{1}); err != nil {
		t.Error(err)
	}
}

type (
	forgetful struct{ a, b byte }
	reader    struct{ N int }
	lossyID   int64
	refusing  int
	bomb      struct{ N int }
	shout     string
	textOf    string
	textKeyOf struct{ s string }
)

func (f forgetful) MarshalJSON() ([]byte, error) { return json.Marshal([]byte{f.a, f.b}) }

func (f *forgetful) UnmarshalJSON(text []byte) error {
	var b []byte
	err := json.Unmarshal(text, &b)
	f.a = b[0]
	return err
}

// reader has no method that writes.
func (*reader) UnmarshalJSON([]byte) error { return nil }

func (l lossyID) MarshalJSON() ([]byte, error) { return fmt.Append(nil, int64(l)), nil }

func (l *lossyID) UnmarshalJSON(text []byte) error {
	var f float64
	err := json.Unmarshal(text, &f)
	*l = lossyID(f)
	return err
}

func (refusing) MarshalJSON() ([]byte, error)  { return []byte("1"), nil }
func (*refusing) UnmarshalJSON([]byte) error   { return errors.New("no") }
func (bomb) MarshalJSON() ([]byte, error)      { return []byte("1"), nil }
func (*bomb) UnmarshalJSON([]byte) error       { panic("bomb") }
func (s shout) MarshalText() ([]byte, error)   { return []byte(s), nil }
func (x textOf) MarshalText() ([]byte, error)  { return []byte(x), nil }
func (x *textOf) UnmarshalText(b []byte) error { *x = textOf(b); return nil }

func (k textKeyOf) MarshalText() ([]byte, error)  { return []byte(k.s), nil }
func (k *textKeyOf) UnmarshalText(b []byte) error { k.s = string(b); return nil }

// As keys strings are written as they are, and read by their method.
func (s *shout) UnmarshalText(b []byte) error {
	*s = shout(strings.ToUpper(string(b)))
	return nil
}

// Two keys whose text is one were written both, and only the last was read.
func TestJSONRefusesKeysOfOneText(t *testing.T) {
	day := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	twins := map[time.Time]int{day: 1, day.In(time.FixedZone("UTC", 0)): 2}
	wantNoValue(t, twins, `both written as "2026-02-03T04:05:06Z"`)
	wantNoValue[any](t, []any{twins}, "both written as")
	wantNoValue(t, []map[rounded]int{{10: 1, 11: 2}}, `both written as "1"`)
	wantKept(t, map[rounded]int{10: 1, 20: 2})
}

// rounded loses its last digit as text.
type rounded int

func (r rounded) MarshalText() ([]byte, error) { return fmt.Append(nil, int(r)/10), nil }

func (r *rounded) UnmarshalText(b []byte) error {
	_, err := fmt.Sscan(string(b), (*int)(r))
	*r *= 10
	return err
}

// RFC 3339 has no seconds in an offset. Local times of before 1900 were read as up to a minute off.
func TestJSONRefusesOffsetsWithSeconds(t *testing.T) {
	old := time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", 53*60+28))
	const says = "1890-01-01T00:00:00+00:53:28 has an offset with seconds, 53m28s"
	wantNoValue(t, old, says)
	wantNoValue(t, &old, says)
	wantNoValue(t, timeOnly{old}, says)
	wantNoValue(t, []timeOnly{{old}}, says)
	wantNoValue(t, map[string]embedsAt{"a": {at: at{At: old}}}, says)
	wantNoValue(t, map[time.Time]int{old: 1}, says)
	wantNoValue[any](t, []any{old}, says)
	wantNoValue[any](t, holder[*timeOnly]{&timeOnly{old}}, says)
	wantKept(t, holder[time.Time]{old.UTC()})
}

type (
	at       struct{ At time.Time }
	embedsAt struct {
		inner
		at
	}
)

// What is not UTF-8 was replaced in silence, and two keys of a map could become one.
func TestJSONRefusesInvalidUTF8(t *testing.T) {
	for _, v := range []any{
		"a\xffb",
		[]string{"", "\xff"},
		map[string]int{"a\xff": 1, "a\xfe": 2},
		holder[any]{"\xff"},
		&address{Street: `\` + "\xff"},
	} {
		if b, err := values.JSON[any]().Append(nil, v); err == nil || !strings.Contains(err.Error(),
			"not UTF-8") {
			t.Errorf("%+q is stored as %s, error %v", v, b, err)
		}
	}
}

// encoding/json calls itself for each level, until the stack is full: a list that ends took the
// process down. Others were stored, and are nested more deeply than it reads.
func TestJSONRefusesEndlessValues(t *testing.T) {
	var long, unread, fits *chain
	for i := range 3_000_000 {
		long = &chain{i, long}
		switch i {
		case maxLevels - 1:
			fits = long
		case maxLevels:
			unread = long
		}
	}
	cycle := &chain{}
	cycle.Next = cycle
	items := []any{nil}
	items[0] = items
	var self any
	self = &self
	raw := func(levels int) json.RawMessage {
		return json.RawMessage(strings.Repeat("[", levels) + strings.Repeat("]", levels))
	}
	wide := []any{[1][1]int{}}
	for range maxLevels - 2 {
		wide = []any{wide}
	}
	rawChain := &chainOf[json.RawMessage]{V: raw(maxLevels)}
	if _, err := values.JSON[any]().Append(nil,
		&chainOf[json.RawMessage]{V: raw(maxLevels - 1)}); err != nil {
		t.Error(err)
	}
	if _, err := values.JSON[chainOf[json.RawMessage]]().Append(nil, *rawChain); !errors.Is(err,
		core.ErrTooLarge) {
		t.Errorf("ready JSON in a field: error %v", err)
	}
	for i, v := range []any{
		rawChain, wide, long, unread, cycle, items, self,
		map[string]any{"a": items},
	} {
		if b, err := values.JSON[any]().Append(nil, v); !errors.Is(err,
			core.ErrTooLarge) || b != nil {
			t.Errorf("%d: %d bytes, error %v; want ErrTooLarge", i, len(b), err)
		}
	}
	f := values.JSON[*chain]()
	b, err := f.Append(nil, fits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.View(b); err != nil {
		t.Errorf("%d levels are written, and not read: %v", maxLevels, err)
	}
}

const maxLevels = 10_000

type chainOf[T any] struct {
	V    T
	Next *chainOf[T]
}
