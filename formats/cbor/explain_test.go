// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/cbor"
)

func explanation(t testing.TB) core.Explanation {
	t.Helper()
	e, err := cbor.Explain(core.TableInfo{ValueFormat: "cbor/1"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExplain(t *testing.T) {
	type row struct {
		Name string    `cbor:"1,keyasint"`
		Day  time.Time `cbor:"2,keyasint"`
		Any  any
	}
	huge := new(big.Int).Lsh(big.NewInt(1), 100)
	for _, test := range []struct {
		value any
		want  string
	}{
		{
			row{"a\"b", day.UTC().Truncate(time.Second), nil},
			`{"1":"a\"b","2":` + string(must(json.Marshal(day.UTC().Truncate(time.Second)))) + `,"Any":null}`,
		},
		{[]any{true, false, nil, 1.5, "λ", []byte{0, 255}}, `[true,false,null,1.5,"λ","AP8="]`},
		{
			[]any{uint64(math.MaxUint64), int64(math.MinInt64), -1, 23, 24, int64(1 << 40)},
			`[18446744073709551615,-9223372036854775808,-1,23,24,1099511627776]`,
		},
		{
			[]*big.Int{huge, new(big.Int).Neg(huge)},
			`["1267650600228229401496703205376","-1267650600228229401496703205376"]`,
		},
		{
			[]float64{
				0.1, 1e300, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 65504,
				5.960464477539063e-8, 100000.5,
			},
			`[0.1,1e+300,"NaN","Infinity","-Infinity",-0,65504,5.9604645e-08,100000.5]`,
		},
		{
			map[any]any{1: "a", "x": 2, true: 3, nil: 4, -1.5: 5},
			`{"1":"a","x":2,"true":3,"null":4,"-1.5":5}`,
		},
		{map[any]any{1: "a", "1": "b"}, `{"map":[[1,"a"],["1","b"]]}`},
		{map[[2]int]string{{1, 2}: "a"}, `{"map":[[[1,2],"a"]]}`},
		{
			map[any]any{1: map[any]any{"1": 1, 1: 1}, [1]string{"k"}: 2},
			`{"map":[[1,{"map":[[1,1],["1",1]]}],[["k"],2]]}`,
		},
		{fxcbor.Tag{Number: 42, Content: []int{1}}, `{"tag":42,"value":[1]}`},
		{fxcbor.SimpleValue(99), `{"simple":99}`},
		{map[string]int{}, `{}`},
		{[]int{}, `[]`},
	} {
		b, err := cbor.New[any]().Append(nil, test.value)
		if err != nil {
			t.Errorf("%v: %v", test.value, err)
			continue
		}
		got, err := explanation(t).AppendJSON([]byte("x"), nil, b)
		if string(got) != "x"+test.want || err != nil || !json.Valid(got[1:]) {
			t.Errorf("%v is shown as %s, %v; want x%s", test.value, got, err, test.want)
		}
	}
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

// Damage must not be shown as something that was never stored, and must not take the tool down.
func TestExplainRefusesWhatIsDamaged(t *testing.T) {
	for _, digits := range []string{
		"", "18", "1c", "5f", "ff", "61ff", "6161" + "61", "8201", "a101", "a1", "c2", "c242ff",
		"c0", "f818", "fa00", "9bffffffffffffffff", "bbffffffffffffffff",
	} {
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := explanation(t).AppendJSON(nil, nil, b); !errors.Is(err,
			core.ErrCorrupt) || got != nil {
			t.Errorf("%s is shown as %s, %v", digits, got, err)
		}
	}
	deep := strings.Repeat("\x81", 100000) + "\x01"
	if got, err := explanation(t).AppendJSON(nil, nil, []byte(deep)); !errors.Is(err,
		core.ErrTooLarge) {
		t.Errorf("what is nested deeply is shown as %.20s, %v", got, err)
	}
	if _, err := cbor.Explain(core.TableInfo{ValueFormat: "gob/1"}); !errors.Is(err,
		errors.ErrUnsupported) {
		t.Errorf("another format: %v", err)
	}
	if _, err := cbor.Explain(core.TableInfo{
		ValueFormat: "cbor/1",
		Meta:        []byte("x"),
	}); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("damaged metadata: %v", err)
	}
}

// Maps in the keys of maps, each of which is no object: what is shown must not grow, nor the
// time, with a power of the depth.
func TestExplainIsBounded(t *testing.T) {
	b := strings.Repeat("\xa2\x01\x01", 200) + "\x01" + strings.Repeat("\x01", 200)
	for _, b := range []string{
		b,
		strings.Repeat("\xa1", 200) + "\x61a" + strings.Repeat("\x61\"", 200),
	} {
		got, err := explanation(t).AppendJSON(nil, nil, []byte(b))
		if err != nil || len(got) > 100*len(b) || !json.Valid(got) {
			t.Errorf("%d bytes are shown in %d, %v", len(b), len(got), err)
		}
	}
}

func TestExplainKey(t *testing.T) {
	type key struct {
		City string
		N    int
	}
	f := cbor.Key[key]()
	b, err := f.Append(nil, key{"Oslo", 7})
	if err != nil {
		t.Fatal(err)
	}
	e, err := cbor.ExplainKey(f.ID())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.AppendJSON(nil, b); string(got) != `{"N":7,"City":"Oslo"}` || err != nil {
		t.Errorf("the key is shown as %s, %v", got, err)
	}
	if _, err := cbor.ExplainKey("string"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("another format: %v", err)
	}
}

func FuzzExplain(f *testing.F) {
	for _, seed := range []string{
		"a201617803f5", "c249010000000000000000", "fb7ff8000000000000",
		"a2010161310182f6f7", "d82a8101",
	} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := explanation(t).AppendJSON(nil, nil, b)
		if err == nil && !json.Valid(got) {
			t.Errorf("%x is shown as %q", b, got)
		}
		if _, viewed := cbor.New[any](cbor.WithMaxNesting(64)).View(b); viewed == nil &&
			err != nil {
			t.Errorf("%x can be read, and is not shown: %v", b, err)
		}
	})
}

func TestExplainer(t *testing.T) {
	formattest.Explain(t, cbor.New[company](), cbor.Explain, companies...)
}
