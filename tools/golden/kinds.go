// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"fmt"
	"math"
	"time"

	"github.com/guardkv/guardkv/backends/badger"
	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/backends/pebble"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/flatbuffers"
	"github.com/guardkv/guardkv/formats/gob"
	"github.com/guardkv/guardkv/tools/demo/fb"
)

// kind is a sort of golden storage.
type kind struct {
	name    string
	backend core.Backend // nil: a backup
	tables  func() []table
}

// kinds are all sorts. A change of what one writes needs another name, because old storages are read with the same table.
var kinds = []kind{
	{"bbolt-cbor", bbolt.Backend{}, people(cbor.New[person]())},
	{"bbolt-gob", bbolt.Backend{}, people(gob.New[person]())},
	{"bbolt-json", bbolt.Backend{}, people(values.JSON[person]())},
	{"bbolt-flatbuffers", bbolt.Backend{}, chars},
	{"bbolt-keys", bbolt.Backend{}, allKeys},
	{"pebble-cbor", pebble.Backend{}, people(cbor.New[person]())},
	{"badger-cbor", badger.Backend{}, people(cbor.New[person]())},
	{"backup-cbor", nil, people(cbor.New[person]())},
	{"backup-keys", nil, allKeys},
}

func kindNamed(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("no kind of golden storage is named %q", name)
}

type person struct {
	Name   string
	Born   int
	Tags   []string
	Scores map[string]float64
	Nested *person
}

// people has the same rows with and without checksums.
func people(format core.ValueFormat[person, person]) func() []table {
	var all []pair[string, person]
	for i, key := range []string{"", "\x00", "\x00\xff", "a", "a\x00b", "ab", "zoë", "λ", "\U0001f600"} {
		p := person{Name: fmt.Sprintf("%+q", key), Born: 1800 + i, Scores: map[string]float64{"x": float64(i) / 4}}
		if i%2 == 1 {
			p.Tags, p.Nested = []string{"tag", "λ"}, &person{Name: "nested", Born: -i}
		}
		all = append(all, pair[string, person]{key, p})
	}
	table1 := rows[string, person, person]{title: "people", key: keys.String(), value: format, unpack: same[person], rows: all}
	table2 := table1
	table2.title, table2.options = "people with checksums", []core.TableOption{core.WithChecksums()}
	return func() []table { return []table{table1, table2} }
}

func chars() []table {
	var all []pair[uint32, fb.CharT]
	for i, name := range []string{"", "LATIN SMALL LETTER A", "GREEK SMALL LETTER LAMDA"} {
		all = append(all, pair[uint32, fb.CharT]{uint32(i * 300), fb.CharT{Name: name, Properties: []string{"p"}[:i%2]}})
	}
	return []table{rows[uint32, fb.CharT, fb.Char]{
		title: "chars", key: keys.Uint32(), value: flatbuffers.New[fb.CharT, fb.Char](fb.Schema), rows: all,
		unpack: func(c fb.Char) fb.CharT { return *c.UnPack() },
	}}
}

// allKeys has a table for each key format.
func allKeys() []table {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return []table{
		keyed("int64", keys.Int64(), math.MinInt64, -1, 0, 1, math.MaxInt64),
		keyed("uint8", keys.Uint8(), 0, 1, 255),
		keyed("uint32", keys.Uint32(), 0, 1, math.MaxUint32),
		keyed("float64", keys.Float64(), math.Inf(-1), -1.5, 0, 1e-300, 1.5, math.Inf(1)),
		keyed("bool", keys.Bool(), false, true),
		keyed("time", keys.Time(), time.Time{}, at, at.Add(time.Nanosecond)),
		keyed("bytes", keys.Bytes(), []byte{}, []byte{0}, []byte{0, 0}, []byte{0, 255}, []byte{255}),
		keyed("array", keys.Array[[4]byte](), [4]byte{}, [4]byte{0, 0, 0, 1}, [4]byte{255}),
		keyed("pair", keys.Pair(keys.String(), keys.Desc(keys.Uint16())), tuple("", 1), tuple("", 0), tuple("a\x00", 7), tuple("b", 7)),
		keyed("optional", keys.Optional(keys.Int32()), keys.Null[int32]{}, keys.Null[int32]{V: -1, Valid: true}),
		keyed("desc string", keys.Desc(keys.String()), "b", "ab", "a", ""),
	}
}

// keyed has one row for each of the keys, which are in order.
func keyed[K any](title string, format core.KeyFormat[K], ordered ...K) table {
	r := rows[K, string, string]{title: title, key: format, value: values.String(), unpack: same[string]}
	for i, key := range ordered {
		r.rows = append(r.rows, pair[K, string]{key, fmt.Sprint("value ", i)})
	}
	return r
}

func tuple(a string, b uint16) keys.Tuple[string, uint16] {
	return keys.Pair(keys.String(), keys.Uint16()).Key(a, b)
}

func same[T any](v T) T { return v }
