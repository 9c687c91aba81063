// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/archivetest"
	"github.com/guardkv/guardkv/formats/archive/internal/generations/gen1"
	"github.com/guardkv/guardkv/formats/archive/internal/generations/gen3"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
)

// tableOf is what a storage says of a table in a format.
func tableOf[V, W any](t testing.TB, f core.ValueFormat[V, W]) core.TableInfo {
	t.Helper()
	_, meta, err := core.PowersOf(f).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	return core.TableInfo{Name: "x", ValueFormat: f.ID(), Meta: meta}
}

func shown[V, W any](t *testing.T, f core.ValueFormat[V, W], v V) string {
	t.Helper()
	e, err := tableOf(t, f).Explain(archive.Explain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.AppendJSON(nil, nil, encoded(t, f, v))
	if err != nil || !json.Valid(got) {
		t.Fatalf("%s, error %v", got, err)
	}
	return string(got)
}

// Rows are shown from what is stored alone.
func TestExplain(t *testing.T) {
	if got, want := shown(t, nodes(),
		tree()),
		`{"Name":"root","Next":{"Name":"next","Next":null,"Children":null,"ByName":null,"Shapes":null},`+
			`"Children":[{"Name":"a","Next":null,"Children":null,"ByName":null,"Shapes":[{"Circle":{"Radius":1}},null,{"Square":{"Side":0,"Label":"s"}}]},`+
			`{"Name":"","Next":null,"Children":null,"ByName":null,"Shapes":null}],`+
			`"ByName":{"":{"Name":"","Next":null,"Children":null,"ByName":null,"Shapes":null},"x":{"Name":"X","Next":null,"Children":null,"ByName":null,"Shapes":null},`+
			`"y":{"Name":"","Next":null,"Children":[{"Name":"","Next":null,"Children":null,"ByName":null,"Shapes":null}],"ByName":null,"Shapes":null}},`+
			`"Shapes":[{"Nothing":{}},{"Group":{"Shapes":[{"Nothing":{}}]}}]}`; got != want {
		t.Errorf("it is shown as\n%s\nwant\n%s", got, want)
	}
	i, text, month := -7, "\x00\"\xff\u2028", uint16(3)
	v := kinds.Everything{
		Int8: -1, Int16: -2, Int32: -3, Int64: math.MinInt64, Int: -5, Uint8: 1, Uint16: 2,
		Uint32: 3, Uint64: math.MaxUint64, Uint: 5,
		Float32: float32(math.Inf(-1)), Float64: math.NaN(), Complex64: 1 + 2i,
		Complex128: complex(math.Inf(1), 0),
		Time:       time.Unix(0, 5), Duration: time.Second, Bytes: []byte{}, Hash: kinds.Hash{1},
		Address:  netip.MustParseAddr("1.2.3.4"),
		MaybeInt: &i, MaybeText: &text, Maybe2: [2]*uint16{&month, nil},
		Colors: []kinds.Color{1, 2},
		Counts: map[int16][]string{-1: nil, 1: {}}, Seen: map[kinds.Hash]bool{{2}: true},
		Answers: map[bool]string{true: "y"},
		Grid:    [2][2]int16{{1, 2}, {3, 4}}, Matrix: [][]float64{nil, {}, {0.5}},
	}
	got := shown(t, archive.New[kinds.Everything, kinds.EverythingView](), v)
	for _, want := range []string{
		`"Int8":-1,"Int16":-2,"Int32":-3,"Int64":-9223372036854775808,"Int":-5,"Uint8":1,"Uint16":2,"Uint32":3,"Uint64":18446744073709551615,"Uint":5,`,
		`"Float32":"-Infinity","Float64":"NaN","Complex64":[1,2],"Complex128":["Infinity",0],`,
		`"Time":"1970-01-01T00:00:00.000000005Z","Duration":"1s","String":"","Bytes":"",`,
		`"Hash":"AQAAAAAAAAAAAAAAAAAAAA==",`,
		`"Address":"AQIDBA==","Link":null,`, `"MaybeInt":-7,`,
		`"MaybeText":"\u0000\"` + "\ufffd" + `\u2028",`, `"Maybe2":[3,null],`,
		`"Colors":[1,2],`,
		`"Counts":{"-1":null,"1":[]},`, `"Seen":{"AgAAAAAAAAAAAAAAAAAAAA==":true},`,
		`"Answers":{"true":"y"},`, `"Grid":[[1,2],[3,4]],`,
		`"Matrix":[null,[],[0.5]],`,
		`"Point":{"X":0,"Y":0},"Corners":[{"X":0,"Y":0},{"X":0,"Y":0}],`, `"Raw":null,`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it is shown as\n%s\nwithout %s", got, want)
		}
	}
}

// A table that several generations wrote to shows what each row has; what was removed where it
// is still there.
func TestExplainGenerations(t *testing.T) {
	one := archive.New[gen1.Person, gen1.PersonView]()
	_, meta, err := core.PowersOf(archive.New[gen3.Person,
		gen3.PersonView]()).Bind(tableOf(t, one).Meta)
	if err != nil {
		t.Fatal(err)
	}
	e, err := archive.Explain(core.TableInfo{ValueFormat: "archive/1", Meta: meta})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.AppendJSON(nil, nil,
		encoded(t, one, gen1.Person{Name: "Ada", Score: 2, Kids: []gen1.Kid{{Name: "k"}}}))
	const want = `{"FullName":"Ada","Born":0,"Nick":"","Score":2,"Tags":null,"Home":{"Street":""},"Kids":[{"Name":"k"}],"Pet":null,"Last":[{"Street":""},{"Street":""}]}`
	if err != nil || string(got) != want {
		t.Errorf("it is shown as\n%s, error %v, want\n%s", got, err, want)
	}
	const schema = `records are Person
struct Address, formerly Place
  Street string
  City string
  Zip string
struct Cat
  Name string
  Lives int
struct Dog
  Owner *Address
struct Fish
  Friends []string
struct Kid
  Name string
  Age uint8
  Toys []string
struct Person
  FullName string, formerly Name
  Born int32
  Nick string
  Score float32
  Tags []string
  Home Address
  Kids []Kid
  Pet oneof(Pet)
  Last [2]Address
  Email ?string
  Visited []Address
  Seen time
  Notes map[string]string
one of Pet
  Cat
  Dog
  Fish`
	if sortedLines(e.Schema) != sortedLines(schema) {
		t.Errorf("the schema is\n%s", e.Schema)
	}
}

func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Damaged rows and metadata are corrupt, and are not shown.
func TestExplainDamaged(t *testing.T) {
	f := nodes()
	info := tableOf(t, f)
	e, err := archive.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	good := encoded(t, f, tree())
	r := rand.New(rand.NewPCG(1, 9))
	for range 3_000 {
		b := slices.Clip(slices.Clone(good))
		b[r.IntN(len(b))] = byte(r.Uint32())
		got, err := e.AppendJSON([]byte{}, nil, b)
		if _, viewed := f.View(b); (viewed == nil) != (err == nil) {
			t.Fatalf("%x: View says %v, AppendJSON %v", b, viewed, err)
		}
		if err == nil && !json.Valid(got) || err != nil && (got != nil ||
			!errors.Is(err, core.ErrCorrupt)) {
			t.Fatalf("%x is shown as %s, error %v", b, got, err)
		}
	}
	for _, c := range []struct {
		id, meta string
		want     error
	}{
		{"cbor/1", "", errors.ErrUnsupported},
		{"archive/1", "", core.ErrCorrupt},
		{"archive/1", "archive/1 Node\n", core.ErrCorrupt},
		{"archive/1", "archive/2 Node\n", core.ErrFormatMismatch},
	} {
		if _, err := archive.Explain(core.TableInfo{
			ValueFormat: c.id,
			Meta:        []byte(c.meta),
		}); !errors.Is(err, c.want) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

// Every record that can be made is shown as valid JSON.
func TestExplainEverything(t *testing.T) {
	f := archive.New[kinds.Everything, kinds.EverythingView]()
	for _, v := range archivetest.Values[kinds.Everything, kinds.EverythingView](t) {
		shown(t, f, v)
	}
}
