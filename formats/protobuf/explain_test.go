// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/formats/protobuf/internal/testpb"
)

// stored returns what a table of messages remembers, and the row of one.
func stored[M proto.Message](t *testing.T, m M) (core.TableInfo, []byte) {
	t.Helper()
	f := protobuf.New[M]()
	_, meta, err := core.PowersOf(f).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return core.TableInfo{Name: "t", ValueFormat: f.ID(), Meta: meta}, b
}

func explain[M proto.Message](t *testing.T, m M) string {
	t.Helper()
	info, row := stored(t, m)
	e, err := protobuf.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.AppendJSON([]byte("prefix "), nil, row)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(b), "prefix ")
	if !ok || !json.Valid([]byte(text)) || strings.Contains(text, "\n") {
		t.Errorf("%q is no JSON, or not behind what was there", b)
	}
	return text
}

func TestExplainRows(t *testing.T) {
	for _, c := range []struct {
		name string
		got  string
		want string
	}{
		{"empty", explain(t, &testpb.Animal{}), `{}`},
		{
			"fields",
			explain(t,
				&testpb.Animal{
					Name:  "λ",
					Steps: 1 << 60, Color: testpb.Color_COLOR_RED, Age: proto.Int32(0),
					Picture: []byte{255},
				}),
			`{"name":"λ","steps":"1152921504606846976","picture":"/w==","color":"COLOR_RED","age":0}`,
		},
		{"unknown value", explain(t, &testpb.Animal{Color: 77}), `{"color":77}`},
		{
			"inside",
			explain(t,
				&testpb.Animal{
					Parent: &testpb.Animal{Tags: []string{"a"}},
					Counts: map[string]int64{"b": 1, "a": 2},
				}),
			`{"counts":{"a":"2","b":"1"},"parent":{"tags":["a"]}}`,
		},
		{
			"time", explain(t, &testpb.Animal{Born: timestamppb.New(time.Unix(0, 5e8))}),
			`{"born":"1970-01-01T00:00:00.500Z"}`,
		},
		{
			"no time",
			explain(t, &testpb.Animal{Name: "x", Born: &timestamppb.Timestamp{Seconds: 1 << 60}}),
			`{"name":"x","born":{"seconds":"1152921504606846976"}}`,
		},
		{
			"any",
			explain(t,
				&testpb.Animal{
					More: &anypb.Any{TypeUrl: "x.org/no.Such", Value: []byte{1}},
					Born: timestamppb.New(time.Unix(0, 0)),
				}),
			`{"born":"1970-01-01T00:00:00Z","more":{"type_url":"x.org/no.Such","value":"AQ=="}}`,
		},
		{
			"struct",
			explain(t,
				&testpb.Animal{Notes: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNullValue()}}}), `{"notes":{"a":null}}`,
		},
		{
			"no value",
			explain(t,
				&testpb.Animal{Notes: &structpb.Struct{Fields: map[string]*structpb.Value{"a": {}}}}), `{"notes":{"fields":{"a":{}}}}`,
		},
		{"a time alone", explain(t, timestamppb.New(time.Unix(0, 0))), `"1970-01-01T00:00:00Z"`},
		{
			"group",
			explain(t,
				&testpb.Record{
					Name: proto.String("n"), Level: testpb.Level_HIGH.Enum(),
					Entry: []*testpb.Record_Entry{{Key: proto.String("k")}},
				}),
			`{"name":"n","level":"HIGH","Entry":[{"key":"k"}]}`,
		},
		{
			"no UTF-8",
			explain(t,
				&testpb.Record{Name: proto.String("\xff"), Labels: map[string]string{"\xfe": "v"}}),
			`{"name":"/w==","labels":[{"key":"/g==","value":"dg=="}]}`,
		},
		{
			"lazy",
			explain(t,
				testpb.Book_builder{First: testpb.Chapter_builder{Title: "one"}.Build()}.Build()),
			`{"first":{"title":"one"}}`,
		},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, c.got, c.want)
		}
	}
}

func TestExplainSchema(t *testing.T) {
	info, _ := stored(t, &testpb.Record{Name: proto.String("x")})
	e, err := protobuf.Explain(info)
	const want = `message legacy.Record {
  required string (of any bytes) name = 1
  int32 count = 2
  enum legacy.Level level = 3
  repeated int32 numbers = 4
  repeated int32 packed = 5
  repeated legacy.Record.Entry (delimited) entry = 6
  legacy.Record next = 9
  map<string (of any bytes), string (of any bytes)> labels = 10
}
closed enum legacy.Level {
  LOW = 3
  HIGH = 1
}
message legacy.Record.Entry {
  required string (of any bytes) key = 7
  bytes value = 8
}`
	if err != nil || e.Schema != want {
		t.Errorf("error %v\n%s\nwant\n%s", err, e.Schema, want)
	}
}

// Rows of a newer program are shown with what only it knows, also after an older one has opened
// the table.
func TestExplainUnion(t *testing.T) {
	now := parse(t, "message M\n int32 a = 1\n N n = 2\nmessage N\n string b = 1")
	meta, err := bind(t, "message M\n int32 a = 1\n string c = 3",
		mustBind(t, "message M\n int32 a = 1\n N n = 2\nmessage N\n string b = 1"))
	if err != nil {
		t.Fatal(err)
	}
	row, err := protobuf.Dynamic(now).Append(nil, message(t, now, "a: 1 n { b: 'x' }"))
	if err != nil {
		t.Fatal(err)
	}
	info := core.TableInfo{Name: "t", ValueFormat: "protobuf/1", Meta: meta}
	e, err := protobuf.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.AppendJSON(nil, nil,
		row); err != nil || string(got) != `{"a":1,"n":{"b":"x"}}` {
		t.Errorf("%s, error %v", got, err)
	}
	d, err := protobuf.Descriptor(info)
	if err != nil || d.FullName() != "p.M" || d.Fields().Len() != 3 {
		t.Fatalf("descriptor %v, error %v", d, err)
	}
	// The descriptor of the table is enough to open it.
	f := protobuf.Dynamic(d)
	if _, again, err := core.PowersOf(f).Bind(meta); err != nil || !bytes.Equal(again, meta) {
		t.Errorf("metadata %q, error %v; want %q", again, err, meta)
	}
}

func TestExplainRefuses(t *testing.T) {
	info, row := stored(t, &testpb.Wide{A: "a"})
	other := info
	other.ValueFormat = "cbor/1"
	if _, err := protobuf.Explain(other); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("another format: error %v", err)
	}
	for name, meta := range map[string]string{
		"none": "", "junk": "junk",
		"cut": string(info.Meta[:len(info.Meta)-1]),
	} {
		damaged := info
		damaged.Meta = []byte(meta)
		if _, err := protobuf.Explain(damaged); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: error %v, want ErrCorrupt", name, err)
		}
	}
	later := info
	later.Meta = []byte("PBD\x02")
	_, err := protobuf.Explain(later)
	wantMismatch(t, err, "version 2")
	e, err := protobuf.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"cut": row[:len(row)-1], "junk": []byte("junk"),
		"not UTF-8": {0x0a, 1, 0xff},
	} {
		if got, err := e.AppendJSON(nil, nil, b); !errors.Is(err, core.ErrCorrupt) || got != nil {
			t.Errorf("%s: %s, error %v, want ErrCorrupt", name, got, err)
		}
	}
	deep := bytes.Repeat([]byte{0x4b}, 5000)
	for len(deep) < 20000 { // fields 9 are messages; these are groups, which are not known
		deep = append(deep, 0x4c)
	}
	if _, err := e.AppendJSON(nil, nil, deep); err != nil && !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("deep: error %v", err)
	}
	nested := []byte{}
	for range 6000 {
		nested = protoField(9, nested)
	}
	if _, err := e.AppendJSON(nil, nil, nested); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("nested: error %v, want ErrCorrupt", err)
	}
}

// What New reads at its limit is shown.
func TestExplainDeep(t *testing.T) {
	info, _ := stored(t, &testpb.Wide{})
	e, err := protobuf.Explain(info)
	if err != nil {
		t.Fatal(err)
	}
	nested := []byte{}
	for range 3000 {
		nested = protoField(9, nested)
	}
	if _, err := protobuf.New[*testpb.Wide](protobuf.WithMaxNesting(4000)).View(nested); err != nil {
		t.Fatal(err)
	}
	if b, err := e.AppendJSON(nil, nil, nested); err != nil || !json.Valid(b) {
		t.Errorf("error %v", err)
	}
}

// FuzzExplain looks for bytes that are no JSON, or that are shown and cannot be read or the
// other way round.
func FuzzExplain(f *testing.F) {
	format := protobuf.New[*testpb.Record]()
	_, meta, err := core.PowersOf(format).Bind(nil)
	if err != nil {
		f.Fatal(err)
	}
	e, err := protobuf.Explain(core.TableInfo{ValueFormat: format.ID(), Meta: meta})
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range records() {
		b, err := format.Append(nil, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, viewErr := format.View(b)
		shown, err := e.AppendJSON(nil, nil, b)
		switch {
		case err == nil && !json.Valid(shown):
			t.Errorf("%q is no JSON", shown)
		case err != nil && viewErr == nil:
			t.Errorf("%x can be read, but not shown: %v", b, err)
		case err != nil && !errors.Is(err, core.ErrCorrupt):
			t.Errorf("error %v, want ErrCorrupt", err)
		}
	})
}
