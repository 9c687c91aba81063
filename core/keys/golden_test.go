// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

// Race builds without this file: one goroutine runs its tests, and their many types take long to
// compile.

package keys_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// golden is an encoding that files hold. These bytes and IDs never change.
type golden struct {
	id          string
	alone, part string // hex, spaces ignored
	test        func(t *testing.T, alone, part string)
}

func goldenOf[K any](p keys.Part[K], k K, id, alone, part string) golden {
	return golden{id, alone, part, func(t *testing.T, alone, part string) {
		if p.ID() != id {
			t.Errorf("the ID is %q, want %q", p.ID(), id)
		}
		if b, err := p.Append(nil, k); hex.EncodeToString(b) != alone || err != nil {
			t.Errorf("Append(%#v) = %x, %v, want %s", k, b, err, alone)
		}
		if b, err := p.AppendPart(nil, k); hex.EncodeToString(b) != part || err != nil {
			t.Errorf("AppendPart(%#v) = %x, %v, want %s", k, b, err, part)
		}
	}}
}

// fixed is the golden encoding of a format whose two encodings are the same.
func fixed[K any](p keys.Part[K], k K, id, both string) golden {
	return goldenOf(p, k, id, both, both)
}

func TestGoldenBytes(t *testing.T) {
	type port uint16
	type offset int
	type size uint
	type celsius float32
	type city string
	type blob []byte
	type uuid [16]byte
	negative := math.Copysign(0, -1)
	str, u32 := keys.String(), keys.Uint32()
	for i, g := range []golden{
		fixed(keys.Uint8(), 0xfe, "uint8", "fe"),
		fixed(keys.Uint16(), 0x1234, "uint16", "1234"),
		fixed(keys.Uint32(), 'λ', "uint32", "000003bb"),
		fixed(keys.Uint64(), math.MaxUint64, "uint64", "ffffffffffffffff"),
		fixed(keys.Uint(), 1, "uint64", "0000000000000001"),
		fixed(keys.UintOf[port](), 443, "uint16", "01bb"),
		fixed(keys.UintOf[size](), 443, "uint64", "00000000000001bb"),
		fixed(keys.Int8(), -1, "int8", "7f"),
		fixed(keys.Int16(), math.MinInt16, "int16", "0000"),
		fixed(keys.Int32(), 1, "int32", "80000001"),
		fixed(keys.Int64(), -2, "int64", "7ffffffffffffffe"),
		fixed(keys.Int(), 0, "int64", "8000000000000000"),
		fixed(keys.IntOf[offset](), 1, "int64", "8000000000000001"),
		fixed(keys.Duration(), time.Second, "int64", "800000003b9aca00"),

		fixed(keys.Float32(), 1, "float32", "bf800000"),
		fixed(keys.FloatOf[celsius](), -1, "float32", "407fffff"),
		fixed(keys.Float32(), float32(math.NaN()), "float32", "ffc00000"),
		fixed(keys.Float64(), 1, "float64", "bff0000000000000"),
		fixed(keys.Float64(), -1, "float64", "400fffffffffffff"),
		fixed(keys.Float64(), 0, "float64", "8000000000000000"),
		fixed(keys.Float64(), negative, "float64", "8000000000000000"),
		fixed(keys.Float64(), math.Inf(-1), "float64", "000fffffffffffff"),
		fixed(keys.Float64(), math.Inf(1), "float64", "fff0000000000000"),
		fixed(keys.Float64(), math.NaN(), "float64", "fff8000000000001"),

		fixed(keys.Bool(), false, "bool", "00"),
		fixed(keys.Bool(), true, "bool", "01"),
		fixed(keys.Array[[2]byte](), [2]byte{0, 255}, "array(2)", "00ff"),
		fixed(keys.Array[uuid](), uuid{15: 1}, "array(16)", "00000000000000000000000000000001"),

		fixed(keys.Time(), time.Time{}, "time", "8000000000000000 00000000"),
		fixed(keys.Time(), time.Unix(0, 1), "time", "8000000e7791f700 00000001"),
		fixed(keys.Time(), time.Time{}.Add(-1), "time", "7fffffffffffffff 3b9ac9ff"),
		fixed(keys.Time(), oldest, "time", "0000000000000000 00000000"),
		fixed(keys.Time(), newest, "time", "ffffffffffffffff 3b9ac9ff"),

		goldenOf(str, "", "string", "", "0001"),
		goldenOf(str, "ab", "string", "6162", "61620001"),
		goldenOf(str, "a\x00\x01", "string", "610001", "6100ff010001"),
		goldenOf(keys.StringOf[city](), "ab", "string", "6162", "61620001"),
		goldenOf(keys.StringView(), "a\x00", "string", "6100", "6100ff0001"),
		goldenOf(keys.Bytes(), []byte{0xff}, "bytes", "ff", "ff0001"),
		goldenOf(keys.BytesOf[blob](), blob{0}, "bytes", "00", "00ff0001"),
		goldenOf(keys.BytesView(), nil, "bytes", "", "0001"),

		goldenOf(keys.Pair(str, u32), tuple("a", uint32(7)), "pair(string,uint32)",
			"610001 00000007", "610001 00000007"),
		goldenOf(keys.Pair(u32, str), tuple(uint32(7), "a\x00"), "pair(uint32,string)",
			"00000007 6100", "00000007 6100ff 0001"),
		goldenOf(keys.Pair(u32, keys.Pair(str, str)), tuple(uint32(7), tuple("a", "b")),
			"pair(uint32,pair(string,string))", "00000007 610001 62", "00000007 610001 620001"),
		goldenOf(keys.Pair(keys.Pair(str, str), str), tuple(tuple("a", "b"), "c"),
			"pair(pair(string,string),string)", "610001 620001 63", "610001 620001 630001"),
		goldenOf(keys.Triple(str, keys.Bool(), str),
			keys.Tuple3[string, bool, string]{First: "a", Second: true, Third: "b"},
			"triple(string,bool,string)", "610001 01 62", "610001 01 620001"),

		goldenOf(keys.Quad(str, keys.Bool(), u32, str),
			keys.Tuple4[string, bool, uint32, string]{
				First:  "a",
				Second: true, Third: 7, Fourth: "b",
			},
			"quad(string,bool,uint32,string)", "610001 01 00000007 62",
			"610001 01 00000007 620001"),
		goldenOf(box("box", keys.Pair(u32, str)),
			boxed[keys.Tuple[uint32, string]]{tuple(uint32(7), "a")},
			"map(box,pair(uint32,string))", "00000007 61", "00000007 610001"),

		fixed(keys.Addr(), netip.Addr{}, "addr", "00"),
		fixed(keys.Addr(), netip.MustParseAddr("10.0.0.2"), "addr", "04 0a000002"),
		goldenOf(keys.Addr(), netip.MustParseAddr("::ffff:10.0.0.2"), "addr",
			"06 00000000000000000000ffff0a000002", "06 00000000000000000000ffff0a000002 0001"),
		goldenOf(keys.Addr(), netip.MustParseAddr("fe80::1%e0"), "addr",
			"06 fe800000000000000000000000000001 6530",
			"06 fe800000000000000000000000000001 65300001"),
		fixed(keys.AddrPort(), netip.MustParseAddrPort("10.0.0.2:443"), "addrport",
			"04 0a000002 01bb"),
		fixed(keys.AddrPort(), netip.MustParseAddrPort("[::1%e]:1"), "addrport",
			"06 00000000000000000000000000000001 650001 0001"),
		fixed(keys.Network(), netip.Prefix{}, "network", "00 00 00"),
		fixed(keys.Network(), netip.MustParsePrefix("10.0.0.1/8"), "network",
			"04 0a000000 09 04 0a000001"),
		goldenOf(keys.Network(), netip.MustParsePrefix("fe80::/10"), "network",
			"06 fe800000000000000000000000000000 0001 0b 06 fe800000000000000000000000000000",
			"06 fe800000000000000000000000000000 0001 0b 06 fe800000000000000000000000000000 0001"),

		fixed(keys.BigInt(), big.NewInt(0), "bigint", "80"),
		fixed(keys.BigInt(), big.NewInt(1), "bigint", "81 01"),
		fixed(keys.BigInt(), big.NewInt(-1), "bigint", "7e fe"),
		fixed(keys.BigInt(), big.NewInt(256), "bigint", "82 0100"),
		fixed(keys.BigInt(), big.NewInt(-256), "bigint", "7d feff"),
		fixed(keys.BigInt(), new(big.Int).Lsh(big.NewInt(1), 8*124), "bigint",
			"fd 01"+strings.Repeat("00", 124)),
		fixed(keys.BigInt(), new(big.Int).Lsh(big.NewInt(1), 8*125), "bigint",
			"fe 007e 01"+strings.Repeat("00", 125)),
		fixed(keys.BigInt(), new(big.Int).Lsh(big.NewInt(-1), 8*125), "bigint",
			"01 ff81 fe"+strings.Repeat("ff", 125)),

		fixed(keys.Desc(keys.Uint8()), 1, "desc(uint8)", "fe"),
		fixed(keys.Desc(keys.Time()), time.Time{}, "desc(time)", "7fffffffffffffff ffffffff"),
		fixed(keys.Desc(str), "a\x00b", "desc(string)", "9e ff00 9d fffe"),
		goldenOf(keys.Optional(keys.Int64()), keys.Null[int64]{V: 9},
			"optional(int64)", "00", "00"),
		goldenOf(keys.Optional(str), keys.Null[string]{V: "a", Valid: true}, "optional(string)",
			"0161", "01610001"),
		goldenOf(keys.Optional(str), keys.Null[string]{Valid: true}, "optional(string)",
			"01", "010001"),
		fixed(keys.Desc(keys.Optional(str)), keys.Null[string]{V: "a", Valid: true},
			"desc(optional(string))",
			"fe 9e fffe"),
	} {
		t.Run(fmt.Sprint(i, g.id), func(t *testing.T) {
			g.test(t, strings.ReplaceAll(g.alone, " ", ""), strings.ReplaceAll(g.part, " ", ""))
		})
	}
}

// TestRefused: bytes that no key has are ErrCorrupt with a message that says what is wrong.
func TestRefused(t *testing.T) {
	str := keys.String()
	for _, c := range []refused{
		alone(keys.Uint32(), "000003", "corrupt: uint32 key has 3 bytes, want 4"),
		alone(keys.Uint32(), "0000000001", "corrupt: uint32 key has 5 bytes, want 4"),
		alone(keys.Int8(), "", "corrupt: int8 key has 0 bytes, want 1"),
		alone(keys.Bool(), "02", "corrupt: bool key is 0x2, want 0 or 1"),
		alone(keys.Bool(), "0000", "corrupt: bool key has 2 bytes, want 1"),
		alone(keys.Float32(), "7fffffff",
			"corrupt: float32 key 7fffffff is no canonical zero or NaN"),
		alone(keys.Float64(), "7fffffffffffffff",
			"corrupt: float64 key 7fffffffffffffff is no canonical zero or NaN"),
		alone(keys.Float64(), "fff8000000000000",
			"corrupt: float64 key fff8000000000000 is no canonical zero or NaN"),
		alone(keys.Float64(), "0000000000000000",
			"corrupt: float64 key 0000000000000000 is no canonical zero or NaN"),
		alone(keys.Time(), "80000000000000003b9aca00",
			"corrupt: time key has 1000000000 nanoseconds, want less than a second"),
		alone(keys.Time(), "8000000000000000", "corrupt: time key has 8 bytes, want 12"),
		alone(keys.Array[[3]byte](), "00000000", "corrupt: array(3) key has 4 bytes, want 3"),
		alone(keys.Desc(keys.Uint8()), "ff00", "corrupt: desc(uint8) key has 1 bytes too many"),
		alone(keys.Desc(str), "9e", "corrupt: string key has no end"),
		alone(keys.Optional(str), "",
			"corrupt: optional(string) key is empty, want at least a byte"),
		alone(keys.Optional(str), "02",
			"corrupt: optional(string) key begins with 0x2, want 0 or 1"),
		alone(keys.Optional(str), "0061",
			"corrupt: optional(string) key is null and has 1 bytes too many"),
		alone(keys.Optional(keys.Bool()), "01", "corrupt: bool key has 0 bytes, want 1"),
		alone(keys.Pair(str, keys.Bool()), "6101",
			"component 1 of pair(string,bool): corrupt: string key has no end"),
		alone(keys.Pair(str, keys.Bool()), "61000101ff",
			"component 2 of pair(string,bool): corrupt: bool key has 2 bytes, want 1"),
		alone(keys.Triple(keys.Bool(), str, str), "006100",
			"component 2 of triple(bool,string,string): corrupt: string key has no end"),
		alone(keys.Triple(keys.Bool(), keys.Bool(), keys.Bool()), "0001",
			"component 3 of triple(bool,bool,bool): corrupt: bool key has 0 bytes, want 1"),
		alone(keys.Quad(keys.Bool(), keys.Bool(), str, str), "000061",
			"component 3 of quad(bool,bool,string,string): corrupt: string key has no end"),
		alone(evenHalf(keys.Uint8()), "03", "corrupt: map(even,uint8): odd"),
		alone(evenHalf(keys.Uint8()), "",
			"map(even,uint8): corrupt: uint8 key has 0 bytes, want 1"),
		alone(keys.Addr(), "", "corrupt: addr key is empty, want at least a byte"),
		alone(keys.Addr(), "050a000002", "corrupt: addr key begins with 0x5, want 0, 4 or 6"),
		alone(keys.Addr(), "040a0000", "corrupt: addr key has 3 bytes, want 4"),
		alone(keys.Addr(), "060a0000", "corrupt: addr key has 3 bytes, want 16"),
		alone(keys.Addr(), "00ff", "corrupt: addr key has 1 bytes too many"),
		alone(keys.Addr(), "040a00000261", "corrupt: addr key has 1 bytes too many"),
		alone(keys.AddrPort(), "040a00000201",
			"addrport: component 2 of pair(addr,uint16): corrupt: uint16 key has 1 bytes, want 2"),
		alone(keys.Network(), "040a00000109040a000001",
			"corrupt: network: the parts of a network do not fit each other"),
		alone(keys.Network(), "040a00000022040a000000",
			"corrupt: network: the parts of a network do not fit each other"),
		alone(keys.BigInt(), "", "corrupt: bigint key is empty, want at least a byte"),
		alone(keys.BigInt(), "00", "corrupt: bigint key begins with 0x0"),
		alone(keys.BigInt(), "7f", "corrupt: bigint key begins with 0x7f"),
		alone(keys.BigInt(), "ff", "corrupt: bigint key begins with 0xff"),
		alone(keys.BigInt(), "8000", "corrupt: bigint key has 1 bytes too many"),
		alone(keys.BigInt(), "8201", "corrupt: bigint key has 1 bytes, want 2"),
		alone(keys.BigInt(), "820001", "corrupt: bigint key of 2 bytes begins with a zero"),
		alone(keys.BigInt(), "7eff", "corrupt: bigint key of 1 bytes begins with a zero"),
		alone(keys.BigInt(), "fe00", "corrupt: bigint key has 1 bytes, want 2"),
		alone(keys.BigInt(), "fe000101",
			"corrupt: bigint key has a length of 1 in three bytes, want one"),
		alone(keys.BigInt(), "01fffefe",
			"corrupt: bigint key has a length of 1 in three bytes, want one"),
		part(keys.Addr(), "060000000000000000000000000000000061", "corrupt: addr key has no end"),
		part(keys.BigInt(), "81", "corrupt: bigint key has 0 bytes, want 1"),
		part(evenHalf(keys.Uint8()), "03ff", "corrupt: map(even,uint8): odd"),
		part(str, "6100", "corrupt: string key has no end"),
		part(str, "610002", "corrupt: string key has 0x00 before 0x2, want 0xff or 0x01"),
		part(keys.Bytes(), "6100ff6100", "corrupt: bytes key has no end"),
		part(keys.Uint64(), "00", "corrupt: uint64 key has 1 bytes, want 8"),
		part(keys.Float32(), "00", "corrupt: float32 key has 1 bytes, want 4"),
		part(keys.Float64(), "00", "corrupt: float64 key has 1 bytes, want 8"),
		part(keys.Time(), "00", "corrupt: time key has 1 bytes, want 12"),
		part(keys.Bool(), "", "corrupt: bool key has 0 bytes, want 1"),
		part(keys.Array[[3]byte](), "0000", "corrupt: array(3) key has 2 bytes, want 3"),
		part(keys.Optional(keys.Bool()), "0102", "corrupt: bool key is 0x2, want 0 or 1"),
		part(keys.Pair(str, str), "61000162",
			"component 2 of pair(string,string): corrupt: string key has no end"),
		part(keys.Triple(keys.Bool(), keys.Bool(), str), "000161",
			"component 3 of triple(bool,bool,string): corrupt: string key has no end"),
	} {
		b, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.decode(b); !errors.Is(err, core.ErrCorrupt) || err.Error() != c.want {
			t.Errorf("%s as %s: %v, want %s", c.hex, c.id, err, c.want)
		}
	}
}

type refused struct {
	id, hex, want string
	decode        func([]byte) error
}

func alone[K any](p keys.Part[K], hex, want string) refused {
	return refused{p.ID(), hex, want, func(b []byte) error { _, err := p.Decode(b); return err }}
}

func part[K any](p keys.Part[K], hex, want string) refused {
	return refused{
		p.ID(), hex, want,
		func(b []byte) error { _, _, err := p.TakePart(b); return err },
	}
}
