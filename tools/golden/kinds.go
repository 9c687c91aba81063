// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/tools/demo/fb"
	"github.com/guardkv/guardkv/tools/demo/pb"
	"github.com/guardkv/guardkv/tools/modules"
)

// kind is a sort of golden storage.
type kind struct {
	name    string
	backend core.Backend // nil: a backup
	tables  func() []table
}

// kinds are all kinds: special ones, CBOR on every engine, and every format on bbolt. If one is to
// write anything else, it becomes a new kind with another name, because the rows given here are
// those of old storages too.
var kinds = func() []kind {
	all := special
	for _, e := range modules.Engines {
		if e.OnDisk {
			all = append(all, kind{e.Name + "-cbor", e.New(), people(cbor.New[person]())})
		}
	}
	for _, f := range modules.Formats {
		name := "bbolt-" + f.Name
		if !slices.ContainsFunc(all, func(k kind) bool { return k.name == name }) {
			all = append(all, kind{name, bbolt.Backend{}, formatRows(f)})
		}
	}
	return all
}()

// special are the kinds with tables of their own, and the formats that had rows of their own
// before all formats got the same.
var special = []kind{
	{"bbolt-gob", bbolt.Backend{}, people(gob.New[person]())},
	{"bbolt-json", bbolt.Backend{}, people(values.JSON[person]())},
	{"bbolt-flatbuffers", bbolt.Backend{}, chars},
	{"bbolt-protobuf", bbolt.Backend{}, messages},
	{"bbolt-archive", bbolt.Backend{}, archived},
	{"bbolt-keys", bbolt.Backend{}, allKeys},
	{"bbolt-morekeys", bbolt.Backend{}, moreKeys},
	{"backup-cbor", nil, people(cbor.New[person]())},
	{"backup-keys", nil, allKeys},
	{"backup-morekeys", nil, moreKeys},
	{"bbolt-bound", bbolt.Backend{}, boundRows},
	{"backup-bound", nil, boundRows},
	{"bbolt-wrapped", bbolt.Backend{}, wrappedRows},
	{"backup-wrapped", nil, wrappedRows},
}

func kindNamed(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("no kind of golden storage is named %q", name)
}

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type person

type person struct {
	Name   string
	Born   int
	Tags   []string
	Scores map[string]float64
	Nested *person
}

// people has the same rows with and without checksums.
func people(format core.ValueFormat[person, person]) func() []table {
	return func() []table { return twice(format, same[person]) }
}

// archived has the rows of people, and reads them in place.
func archived() []table {
	return twice(archive.New[person, personView](), personView.Value)
}

func twice[W any](format core.ValueFormat[person, W], unpack func(W) person) []table {
	var all []pair[string, person]
	for i, key := range []string{
		"", "\x00", "\x00\xff", "a", "a\x00b", "ab", "zoë", "λ",
		"\U0001f600",
	} {
		p := person{
			Name: fmt.Sprintf("%+q", key), Born: 1800 + i,
			Scores: map[string]float64{"x": float64(i) / 4},
		}
		if i%2 == 1 {
			p.Tags, p.Nested = []string{"tag", "λ"}, &person{Name: "nested", Born: -i}
		}
		all = append(all, pair[string, person]{key, p})
	}
	table1 := rows[string, person, W]{
		title: "people",
		key:   keys.String(), value: format, unpack: unpack, rows: all,
	}
	table2 := table1
	table2.title, table2.options = "people with checksums", []core.TableOption{core.WithChecksums()}
	return []table{table1, table2}
}

func chars() []table {
	var all []pair[uint32, fb.CharT]
	for i, name := range []string{"", "LATIN SMALL LETTER A", "GREEK SMALL LETTER LAMDA"} {
		all = append(all, pair[uint32, fb.CharT]{
			uint32(i * 300),
			fb.CharT{Name: name, Properties: []string{"p"}[:i%2]},
		})
	}
	return []table{rows[uint32, fb.CharT, fb.Char]{
		title: "chars",
		key:   keys.Uint32(), value: flatbuffers.New[fb.CharT, fb.Char](fb.Schema), rows: all,
		unpack: func(c fb.Char) fb.CharT { return *c.UnPack() },
	}}
}

func messages() []table {
	var all []pair[uint32, *pb.Char]
	for i, name := range []string{"", "LATIN SMALL LETTER A", "GREEK SMALL LETTER LAMDA"} {
		all = append(all, pair[uint32, *pb.Char]{
			uint32(i * 300),
			&pb.Char{Name: name, Upper: uint32(i), Properties: []string{"p"}[:i%2]},
		})
	}
	return []table{rows[uint32, *pb.Char, *pb.Char]{
		title: "messages",
		key:   keys.Uint32(), value: protobuf.New[*pb.Char](), rows: all, unpack: same[*pb.Char],
		equal: func(a, b *pb.Char) bool { return proto.Equal(a, b) },
	}}
}

// allKeys has a table for each key format of the first storages. Later ones, and those forgotten
// then, are in moreKeys.
func allKeys() []table {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return []table{
		keyed("int64", keys.Int64(), math.MinInt64, -1, 0, 1, math.MaxInt64),
		keyed("uint8", keys.Uint8(), 0, 1, 255),
		keyed("uint32", keys.Uint32(), 0, 1, math.MaxUint32),
		keyed("float64", keys.Float64(), math.Inf(-1), -1.5, 0, 1e-300, 1.5, math.Inf(1)),
		keyed("bool", keys.Bool(), false, true),
		keyed("time", keys.Time(), time.Time{}, at, at.Add(time.Nanosecond)),
		keyed("bytes",
			keys.Bytes(), []byte{}, []byte{0}, []byte{0, 0}, []byte{0, 255}, []byte{255}),
		keyed("array", keys.Array[[4]byte](), [4]byte{}, [4]byte{0, 0, 0, 1}, [4]byte{255}),
		keyed("pair", keys.Pair(keys.String(), keys.Desc(keys.Uint16())), tuple("", 1),
			tuple("", 0), tuple("a\x00", 7), tuple("b", 7)),
		keyed("optional",
			keys.Optional(keys.Int32()), keys.Null[int32]{}, keys.Null[int32]{V: -1, Valid: true}),
		keyed("desc string", keys.Desc(keys.String()), "b", "ab", "a", ""),
	}
}

// moreKeys has a table for each key format that allKeys lacks.
func moreKeys() []table {
	type city string
	str, num := keys.String(), keys.Uint16()
	triple, quad := keys.Triple(str, keys.Bool(), num), keys.Quad(str, num, keys.Bool(), str)
	nested := keys.Pair(num, triple)
	names := keys.Optional(keys.Pair(str, str))
	huge := new(big.Int).Lsh(big.NewInt(1), 1100)
	return []table{
		keyed("int8", keys.Int8(), math.MinInt8, -1, 0, math.MaxInt8),
		keyed("int16", keys.Int16(), math.MinInt16, -1, 0, math.MaxInt16),
		keyed("int32", keys.Int32(), math.MinInt32, -1, 0, math.MaxInt32),
		keyed("int", keys.Int(), math.MinInt32, -1, 0, math.MaxInt32),
		keyed("uint", keys.Uint(), 0, 1, math.MaxUint32),
		keyed("uint64", keys.Uint64(), 0, 1, math.MaxUint64),
		keyed("duration", keys.Duration(), -time.Second, 0, time.Hour),
		keyed("float32", keys.Float32(), float32(math.Inf(-1)), -1.5, 0, 1.5, math.MaxFloat32),
		keyed("string of", keys.StringOf[city](), "", "\x00", "a", "\xff"),
		keyed("triple", triple, triple.Key("", false, 1), triple.Key("a\x00", false, 0),
			triple.Key("a\x00", true, 0)),
		keyed("quad", quad, quad.Key("", 1, true, "b"), quad.Key("a", 0, false, ""),
			quad.Key("a", 0, false, "\x00")),
		keyed("pair and triple", nested, nested.Key(0, triple.Key("b", true, 1)),
			nested.Key(1, triple.Key("a", true, 1))),
		keyed("desc pair", keys.Desc(keys.Pair(str, num)), tuple("b", 0), tuple("a", 1),
			tuple("a", 0), tuple("", 9)),
		keyed("optional pair",
			names, keys.Null[keys.Tuple[string, string]]{}, names.Key(keys.Tuple[string, string]{}),
			names.Key(keys.Tuple[string, string]{First: "a", Second: "b"})),
		keyed("map", eventKeys, event{"", 1}, event{"acme", 2}, event{"acme", 10}),
		keyed("addr", keys.Addr(), netip.Addr{}, netip.MustParseAddr("10.0.0.2"),
			netip.MustParseAddr("fe80::1"),
			netip.MustParseAddr("fe80::1%eth0")),
		keyed("addrport", keys.AddrPort(), netip.MustParseAddrPort("10.0.0.2:80"),
			netip.MustParseAddrPort("[::1]:80")),
		keyed("network", keys.Network(), netip.MustParsePrefix("10.0.0.0/8"),
			netip.MustParsePrefix("10.0.0.1/8"),
			netip.MustParsePrefix("fe80::/10")),
		keyed("bigint", keys.BigInt(), new(big.Int).Neg(huge), big.NewInt(-256), big.NewInt(0),
			big.NewInt(1), huge),
	}
}

// event is a key that is stored as a pair.
type event struct {
	Tenant string
	Seq    uint16
}

var eventKeys = keys.Map("event", keys.Pair(keys.String(), keys.Uint16()),
	func(e event) (keys.Tuple[string, uint16], error) { return tuple(e.Tenant, e.Seq), nil },
	func(k keys.Tuple[string, uint16]) (event, error) { return event{k.First, k.Second}, nil })

// keyed has one row for each of the keys, which are in order.
func keyed[K any](title string, format core.KeyFormat[K], ordered ...K) table {
	r := rows[K, string, string]{
		title: title, key: format, value: values.String(),
		unpack: same[string],
	}
	for i, key := range ordered {
		r.rows = append(r.rows, pair[K, string]{key, fmt.Sprint("value ", i)})
	}
	return r
}

func tuple(a string, b uint16) keys.Tuple[string, uint16] {
	return keys.Pair(keys.String(), keys.Uint16()).Key(a, b)
}

func same[T any](v T) T { return v }
