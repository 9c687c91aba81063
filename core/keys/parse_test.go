// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// testParsed compares a format with the one that Parse makes of its ID: on keys, and on bytes
// that may be none.
func testParsed[K any](t *testing.T, r *rand.Rand, m model[K]) {
	f, err := keys.Parse(m.part.ID())
	if err != nil {
		t.Fatal(err)
	}
	if f.ID() != m.part.ID() || f.Ordered() != m.part.Ordered() {
		t.Fatalf("it is %q, ordered %v; want %q, %v",
			f.ID(), f.Ordered(), m.part.ID(), m.part.Ordered())
	}
	shown := map[string]string{}
	for _, k := range m.sample(r, 100) {
		alone, err := m.part.Append(nil, k)
		if err != nil {
			t.Fatal(err)
		}
		part, err := m.part.AppendPart(nil, k)
		if err != nil {
			t.Fatal(err)
		}
		text := testParsedKey(t, f, alone, part)
		if other, ok := shown[text]; ok && other != string(alone) {
			t.Errorf("the keys %x and %x are both shown as %s", other, alone, text)
		}
		shown[text] = string(alone)
	}
}

// testParsedKey looks at one key in all ways, and returns its JSON.
func testParsedKey(t *testing.T, f keys.Untyped, alone, part []byte) string {
	t.Helper()
	k, err := f.Decode(alone)
	if err != nil {
		t.Fatalf("%s: Decode(%x): %v", f.ID(), alone, err)
	}
	if again, err := f.Append([]byte("x"), k); err != nil || string(again) != "x"+string(alone) {
		t.Errorf("%s: %x is encoded again as %x, %v", f.ID(), alone, again, err)
	}
	tail := []byte("tail")
	taken, rest, err := f.TakePart(append(bytes.Clone(part), tail...))
	if err != nil || !bytes.Equal(rest, tail) {
		t.Fatalf("%s: TakePart(%x) leaves %q, %v", f.ID(), part, rest, err)
	}
	if again, err := f.AppendPart(nil, taken); err != nil || !bytes.Equal(again, part) {
		t.Errorf("%s: the part %x is encoded again as %x, %v", f.ID(), part, again, err)
	}
	text, err := f.AppendJSON([]byte("x"), k)
	if err != nil || !json.Valid(text[1:]) {
		t.Fatalf("%s: %x is shown as %q, %v", f.ID(), alone, text, err)
	}
	for _, text := range [][]byte{
		text[1:],
		[]byte(`{"encoded": "` + hex.EncodeToString(alone) + `"} `),
	} {
		read, err := f.ParseJSON(text)
		if err != nil {
			t.Errorf("%s: ParseJSON(%s): %v", f.ID(), text, err)
			continue
		}
		if again, err := f.Append(nil, read); err != nil || !bytes.Equal(again, alone) {
			t.Errorf("%s: %s is read as the key %x, %v; want %x", f.ID(), text, again, err, alone)
		}
	}
	return string(text[1:])
}

// A tool has only the ID. It must show the key itself, and find the key by what it shows.
func TestParsedFormatsAgreeWithTypedOnes(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.id, func(t *testing.T) { s.parsed(t, rand.New(rand.NewPCG(7, 7))) })
	}
}

func TestKeysAsJSON(t *testing.T) {
	wide := new(big.Int).Lsh(big.NewInt(-1), 70)
	tests := []struct {
		key  []byte
		id   string
		want string
	}{
		{enc(keys.Uint8(), 255), "uint8", `255`},
		{enc(keys.Int64(), math.MinInt64), "int64", `-9223372036854775808`},
		{enc(keys.Uint64(), math.MaxUint64), "uint64", `18446744073709551615`},
		{enc(keys.Float32(), 0.1), "float32", `0.1`},
		{enc(keys.Float64(), math.NaN()), "float64", `"NaN"`},
		{enc(keys.Float64(), math.Inf(-1)), "float64", `"-Infinity"`},
		{enc(keys.Bool(), true), "bool", `true`},
		{enc(keys.String(), "a\"λ"), "string", `"a\"λ"`},
		{enc(keys.String(), "\xff"), "string", `{"encoded":"ff"}`},
		{enc(keys.Bytes(), []byte{0, 255}), "bytes", `"00ff"`},
		{enc(keys.Array[[2]byte](), [2]byte{1, 2}), "array(2)", `"0102"`},
		{enc(keys.Time(), time.Unix(0, 5)), "time", `"1970-01-01T00:00:00.000000005Z"`},
		{enc(keys.Time(), oldest), "time", `{"encoded":"000000000000000000000000"}`},
		{enc(keys.BigInt(), big.NewInt(-7)), "bigint", `-7`},
		{enc(keys.BigInt(), wide), "bigint", `"-1180591620717411303424"`},
		{enc(keys.Addr(), netip.MustParseAddr("fe80::1%e0")), "addr", `"fe80::1%e0"`},
		{
			enc(keys.Addr(), netip.MustParseAddr("fe80::1").WithZone("\xff")), "addr",
			`{"encoded":"06fe800000000000000000000000000001ff"}`,
		},
		{enc(keys.Addr(), netip.Addr{}), "addr", `"invalid IP"`},
		{enc(keys.AddrPort(), netip.MustParseAddrPort("[::1]:80")), "addrport", `"[::1]:80"`},
		{enc(keys.Network(), netip.MustParsePrefix("10.0.0.1/8")), "network", `"10.0.0.1/8"`},
		{enc(keys.Network(), netip.Prefix{}), "network", `{"encoded":"000000"}`},
		{enc(keys.Desc(keys.Int8()), -1), "desc(int8)", `-1`},
		{enc(keys.Optional(keys.String()), keys.Null[string]{}), "optional(string)", `null`},
		{
			enc(keys.Optional(keys.String()), keys.Null[string]{V: "null", Valid: true}),
			"optional(string)", `"null"`,
		},
		{
			enc(keys.Optional(keys.Optional(keys.Bool())), keys.Null[keys.Null[bool]]{Valid: true}),
			"optional(optional(bool))", `{"value":null}`,
		},
		{
			enc(keys.Optional(keys.Optional(keys.Bool())),
				keys.Null[keys.Null[bool]]{V: keys.Null[bool]{V: true, Valid: true}, Valid: true}),
			"optional(optional(bool))", `true`,
		},
		{
			enc(keys.Pair(keys.String(), keys.Int8()), tuple("a", int8(1))),
			"pair(string,int8)", `["a",1]`,
		},
		{
			enc(keys.Pair(keys.String(), keys.Pair(keys.Bool(), keys.Bytes())),
				tuple("\xff", tuple(true, []byte{1}))),
			"pair(string,pair(bool,bytes))", `[{"encoded":"ff"},[true,"01"]]`,
		},
		{[]byte{0, 0, 0, 7, 'a'}, "map(a.b/c-d_e,pair(uint32,string))", `[7,"a"]`},
	}
	for _, test := range tests {
		e, err := keys.Explain(test.id)
		if err != nil {
			t.Errorf("%s: %v", test.id, err)
			continue
		}
		if got, err := e.AppendJSON(nil, test.key); string(got) != test.want || err != nil {
			t.Errorf("%s: %x is shown as %s, %v; want %s", test.id, test.key, got, err, test.want)
		}
		if got, err := e.AppendKey(nil, []byte(" "+test.want+"\n")); !bytes.Equal(got,
			test.key) || err != nil {
			t.Errorf("%s: %s is the key %x, %v; want %x", test.id, test.want, got, err, test.key)
		}
	}
}

func enc[K any](p keys.Part[K], k K) []byte {
	b, err := p.Append(nil, k)
	if err != nil {
		panic(err)
	}
	return b
}

// The error must name an ID that is unknown: it tells the author of a tool which module is
// missing.
func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	deep := strings.Repeat("desc(", 200) + "bool" + strings.Repeat(")", 200)
	for id, want := range map[string]string{
		"":                        `""`,
		"uint128":                 `"uint128"`,
		"cbor-key/1":              `"cbor-key/1"`,
		"pair(string,cbor-key/1)": `"cbor-key/1"`,
		"pair(string)":            `"pair(string)"`,
		"pair(string,string":      `"pair(string,string"`,
		"pair(string,string))":    `"pair(string,string))"`,
		"pair(bool,bool)x":        `"pair(bool,bool)x"`,
		"desc()":                  `""`,
		"desc(bool,bool)":         `"desc(bool,bool)"`,
		"(bool)":                  `"(bool)"`,
		"array(0)":                `"array(0)"`,
		"array(65)":               `"array(65)"`,
		"array(+1)":               `"array(+1)"`,
		"array(01)":               `"array(01)"`,
		"map(,bool)":              `"map(,bool)"`,
		"map(a b,bool)":           `"map(a b,bool)"`,
		"map(a)":                  `"map(a)"`,
		deep:                      "nested",
		strings.Repeat("x", 1e5):  "100000 bytes",
	} {
		f, err := keys.Parse(id)
		if f != nil || !errors.Is(err,
			errors.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.40q) = %v, %v; want an error with %s", id, f, err, want)
		}
	}
}

func TestParseJSONRefusesWhatIsNoKey(t *testing.T) {
	for id, texts := range map[string][]string{
		"uint8": {
			``, `256`, `-1`, `1.5`, `"1"`, `null`, `1 2`, `{"encoded":"0102"}`,
			`{"encoded":"0"}`, `{}`,
		},
		"bool":              {`null`, `1`, `"true"`},
		"string":            {`null`, `1`, `["a"]`},
		"bytes":             {`"0"`, `"xx"`, `null`, `[1]`},
		"array(2)":          {`"01"`, `"010203"`, `null`},
		"float32":           {`1e300`, `"nan"`, `null`},
		"time":              {`"today"`, `0`, `null`},
		"bigint":            {`1.5`, `"x"`, `null`, `true`, `"` + strings.Repeat("9", 1<<18) + `"`},
		"addr":              {`"1.2.3"`, `null`},
		"optional(int8)":    {`{"value":"x"}`, `300`},
		"pair(int8,string)": {`[1]`, `[1,"a",2]`, `null`, `{"a":1}`, `["a",1]`},
	} {
		f, err := keys.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if k, err := f.ParseJSON([]byte(text)); err == nil {
				t.Errorf("%s: ParseJSON(%.40s) = %v, want an error", id, text, k)
			}
		}
	}
}

// A key of another type comes from a program that guessed. It must be told what to give, and
// not crash.
func TestParsedFormatsRefuseOtherTypes(t *testing.T) {
	f, err := keys.Parse("pair(string,int8)")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []any{
		nil, 1,
		keys.Tuple[string, int8]{},
		keys.Tuple[any, any]{First: "a"},
		keys.Tuple[any, any]{First: 1, Second: int8(1)},
	} {
		if b, err := f.Append(nil, k); err == nil {
			t.Errorf("Append(%#v) = %x, want an error", k, b)
		}
		if b, err := f.AppendPart(nil, k); err == nil {
			t.Errorf("AppendPart(%#v) = %x, want an error", k, b)
		}
		if b, err := f.AppendJSON(nil, k); err == nil {
			t.Errorf("AppendJSON(%#v) = %s, want an error", k, b)
		}
	}
}

// hexPart is a format of another package: its keys are strings, and shown in capital letters.
type hexPart struct{ keys.Untyped }

func (hexPart) ID() string { return "mine(a,b)" }

func (f hexPart) AppendJSON(dst []byte, k any) ([]byte, error) {
	shown, err := f.Untyped.AppendJSON(nil, k)
	return append(dst, bytes.ToUpper(shown)...), err
}

func TestParseAsksOthers(t *testing.T) {
	broken := errors.New("broken")
	mine := func(id string) (keys.Untyped, error) {
		switch id {
		case "mine(a,b)":
			f, err := keys.Parse("string")
			return hexPart{f}, err
		case "broken":
			return nil, broken
		}
		return nil, errors.ErrUnsupported
	}
	id := "map(x,triple(bool,mine(a,b),desc(mine(a,b))))"
	e, err := keys.Explainer(mine)(id)
	if err != nil {
		t.Fatal(err)
	}
	key := append([]byte{1}, "ab\x00\x01"...)
	for _, c := range []byte("c\x00\x01") {
		key = append(key, ^c)
	}
	if got, err := e.AppendJSON(nil, key); string(got) != `[true,"AB","C"]` || err != nil {
		t.Errorf("the key is shown as %s, %v", got, err)
	}
	if _, err := keys.Parse("desc(broken)", mine); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want that of the other package", err)
	}
	if _, err := keys.Parse("desc(other)", mine); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("the error is %v", err)
	}
}

// What a table holds is shown with the ID that it has, whatever that is and whatever its keys are.
func FuzzParse(f *testing.F) {
	for _, s := range subjects() {
		for _, b := range s.seeds() {
			f.Add(s.id, b)
		}
	}
	f.Fuzz(func(t *testing.T, id string, key []byte) {
		format, err := keys.Parse(id)
		if err != nil {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if format.ID() != id {
			t.Fatalf("the ID is %q", format.ID())
		}
		_, _ = format.ParseJSON(key)
		k, err := format.Decode(key)
		if err != nil {
			if !errors.Is(err, core.ErrCorrupt) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		part, err := format.AppendPart(nil, k)
		if err != nil {
			t.Fatal(err)
		}
		testParsedKey(t, format, key, part)
	})
}
