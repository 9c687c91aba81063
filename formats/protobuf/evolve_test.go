// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/protobuf"
)

// compatible are changes after which old and new programs share a table. The sample is a row of
// the old one, and what the new one makes of it.
var compatible = []struct {
	name, was, is string
	sample, reads string
}{
	{
		"added field", "message M\n int32 a = 1", "message M\n int32 a = 1\n string b = 2",
		"a: 1", "a: 1",
	},
	{
		"removed field", "message M\n int32 a = 1\n string b = 2", "message M\n int32 a = 1",
		"a: 1", "a: 1",
	},
	{
		"other order", "message M\n int32 a = 1\n string b = 2",
		"message M\n string b = 2\n int32 a = 1", "a: 1 b: 'x'", "a: 1 b: 'x'",
	},
	{
		"presence", "proto2\nmessage M\n optional int32 a = 1", "message M\n int32 a = 1",
		"a: 1", "a: 1",
	},
	{
		"packed", "message M\n repeated int32 a = 1 unpacked",
		"message M\n repeated int32 a = 1 packed", "a: 1 a: -1", "a: 1 a: -1",
	},
	{
		"unpacked", "message M\n repeated int32 a = 1 packed",
		"message M\n repeated int32 a = 1 unpacked", "a: 1 a: -1", "a: 1 a: -1",
	},
	{
		"added value", "message M\n E a = 1\nenum E: A = 0",
		"message M\n E a = 1\nenum E: A = 0, B = 1, C = -1", "a: A", "a: A",
	},
	{
		"removed value", "message M\n E a = 1\nenum E: A = 0, B = 1",
		"message M\n E a = 1\nenum E: A = 0", "a: B", "a: 1",
	},
	{
		"added alias", "message M\n E a = 1\nenum E: A = 0, B = 1",
		"message M\n E a = 1\nenum E: A = 0, C = 1, B = 1", "a: B", "a: C",
	},
	{
		"added value of a closed enum",
		"proto2\nmessage M\n optional E a = 1\nenum E: A = 3, B = 1",
		"proto2\nmessage M\n optional E a = 1\nenum E: A = 3, C = 0, B = 1", "a: B", "a: B",
	},
	{
		"added member", "message M\n oneof o: int32 a = 1",
		"message M\n oneof o: int32 a = 1\n oneof o: string b = 2", "a: 1", "a: 1",
	},
	{
		"added oneof", "message M\n int32 c = 3", "message M\n oneof o: int32 a = 1\n int32 c = 3",
		"c: 1", "c: 1",
	},
	{
		"inner field", "message M\n N n = 1\nmessage N\n int32 a = 1",
		"message M\n N n = 1\nmessage N\n bytes b = 7\n int32 a = 1", "n { a: 1 }", "n { a: 1 }",
	},
	{
		"recursive", "message M\n M m = 1", "message M\n M m = 1\n map<string, M> ms = 2",
		"m { m {} }", "m { m {} }",
	},
	{
		"map", "message M\n int32 a = 1", "message M\n int32 a = 1\n map<int32, N> n = 2\nmessage N",
		"a: 1", "a: 1",
	},
	{
		"group", "proto2\nmessage M\n optional G g = 1 group",
		"proto2\nmessage M\n optional G g = 1 group\n optional int32 a = 2", "G {}", "G {}",
	},
}

func TestCompatible(t *testing.T) {
	for _, c := range compatible {
		t.Run(c.name, func(t *testing.T) {
			was, is := parse(t, c.was), parse(t, c.is)
			kept := func(_, w *dynamicpb.Message) bool {
				got, _ := prototext.Marshal(w)
				want, _ := prototext.Marshal(message(t, is, c.reads))
				return proto.Equal(w, message(t, is, c.reads)) || bytes.Equal(got, want)
			}
			formattest.Evolve(t, protobuf.Dynamic(was), protobuf.Dynamic(is), kept,
				message(t, was, c.sample))
		})
	}
}

// widened are changes that only go one way: when the table knows the wide type, rows may not
// fit the narrow one.
var widened = []struct{ was, is string }{
	{"int32 a = 1", "int64 a = 1"},
	{"sint32 a = 1", "sint64 a = 1"},
	{"uint32 a = 1", "uint64 a = 1"},
	{"repeated int32 a = 1", "repeated int64 a = 1"},
	{"map<int32, uint32> a = 1", "map<int64, uint64> a = 1"},
	{"oneof o: int32 a = 1", "oneof o: int64 a = 1"},
}

func TestWidened(t *testing.T) {
	for _, c := range widened {
		t.Run(c.is, func(t *testing.T) {
			meta, err := bind(t, "message M\n"+c.was, nil)
			if err != nil {
				t.Fatal(err)
			}
			if meta, err = bind(t, "message M\n"+c.is, meta); err != nil {
				t.Fatal(err)
			}
			_, err = bind(t, "message M\n"+c.was, meta)
			wantMismatch(t, err, "`"+strings.TrimPrefix(c.is, "oneof o: "),
				"`"+strings.TrimPrefix(c.was, "oneof o: "), "what does not fit")
		})
	}
}

func wantMismatch(t *testing.T, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, core.ErrFormatMismatch) {
		t.Fatalf("error %v, want ErrFormatMismatch", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

// incompatible are changes that make something else of what is stored. Each error names both sides.
var incompatible = []struct {
	name, was, is string
	says          []string
}{
	{
		"renamed number", "message M\n int32 a = 1", "message M\n int32 a = 2",
		[]string{"field p.M.a ", "`int32 a = 1`", "`int32 a = 2`", "keeps its number"},
	},
	{
		"reused number", "message M\n int32 a = 1", "message M\n int32 b = 1",
		[]string{"field p.M (number 1)", "`int32 a = 1`", "`int32 b = 1`", "use Renamed"},
	},
	{
		"reused number, other kind", "message M\n int32 a = 1", "message M\n string b = 1",
		[]string{"`int32 a = 1`", "`string b = 1`", "use Renamed"},
	},
	{
		"swapped numbers", "message M\n int32 a = 1\n int32 b = 2",
		"message M\n int32 a = 2\n int32 b = 1",
		[]string{"`int32 b = 2`", "`int32 b = 1`"},
	},
	{
		"changed kind", "message M\n int32 a = 1", "message M\n string a = 1",
		[]string{"field p.M.a ", "`int32 a = 1`", "`string a = 1`"},
	},
	{
		"zigzag", "message M\n int32 a = 1", "message M\n sint32 a = 1",
		[]string{"`int32 a = 1`", "`sint32 a = 1`"},
	},
	{
		"sign", "message M\n uint32 a = 1", "message M\n int64 a = 1",
		[]string{"`uint32 a = 1`", "`int64 a = 1`"},
	},
	{
		"fixed", "message M\n fixed32 a = 1", "message M\n fixed64 a = 1",
		[]string{"`fixed32 a = 1`", "`fixed64 a = 1`"},
	},
	{
		"narrowed", "message M\n int64 a = 1", "message M\n int32 a = 1",
		[]string{"`int64 a = 1`", "`int32 a = 1`", "what does not fit"},
	},
	{
		"bytes", "message M\n bytes a = 1", "message M\n string a = 1",
		[]string{"`bytes a = 1`", "`string a = 1`"},
	},
	{
		"list", "message M\n int32 a = 1", "message M\n repeated int32 a = 1",
		[]string{"`int32 a = 1`", "`repeated int32 a = 1`"},
	},
	{
		"no list", "message M\n repeated string a = 1", "message M\n string a = 1",
		[]string{"`repeated string a = 1`", "`string a = 1`"},
	},
	{
		"into a oneof", "message M\n int32 a = 1", "message M\n oneof o: int32 a = 1",
		[]string{"`int32 a = 1`", "`int32 a = 1 (in oneof o)`"},
	},
	{
		"out of a oneof", "message M\n oneof o: int32 a = 1", "message M\n int32 a = 1",
		[]string{"`int32 a = 1 (in oneof o)`", "`int32 a = 1`"},
	},
	{
		"another oneof", "message M\n oneof o: int32 a = 1", "message M\n oneof u: int32 a = 1",
		[]string{"(in oneof o)`", "(in oneof u)`"},
	},
	{
		"map key", "message M\n map<string, int32> a = 1", "message M\n map<int32, int32> a = 1",
		[]string{"`map<string, int32> a = 1`", "`map<int32, int32> a = 1`"},
	},
	{
		"map value", "message M\n map<string, int32> a = 1", "message M\n map<string, bytes> a = 1",
		[]string{"`map<string, int32> a = 1`", "`map<string, bytes> a = 1`"},
	},
	{
		"narrowed map", "message M\n map<int64, int32> a = 1", "message M\n map<int32, int32> a = 1",
		[]string{"`map<int64, int32> a = 1`", "what does not fit"},
	},
	{
		"no map", "message M\n map<string, int32> a = 1",
		"message M\n repeated N a = 1\nmessage N\n string key = 1\n int32 value = 2",
		[]string{"`map<string, int32> a = 1`", "`repeated p.N a = 1`"},
	},
	{
		"enum to number", "message M\n E a = 1\nenum E: A = 0", "message M\n int32 a = 1",
		[]string{"`enum p.E a = 1`", "`int32 a = 1`"},
	},
	{
		"other enum", "message M\n E a = 1\nenum E: A = 0", "message M\n EE a = 1\nenum EE: B = 0",
		[]string{"`enum p.E a = 1`", "`enum p.EE a = 1`"},
	},
	{
		"other message", "message M\n N a = 1\nmessage N", "message M\n O a = 1\nmessage O",
		[]string{"`p.N a = 1`", "`p.O a = 1`"},
	},
	{
		"message to bytes", "message M\n N a = 1\nmessage N", "message M\n bytes a = 1",
		[]string{"`p.N a = 1`", "`bytes a = 1`"},
	},
	{
		"value renamed", "message M\n E a = 1\nenum E: A = 0, B = 1",
		"message M\n E a = 1\nenum E: A = 0, C = 1",
		[]string{"enum p.E ", "`B = 1`", "`C = 1`", "use Renamed"},
	},
	{
		"value renumbered", "message M\n E a = 1\nenum E: A = 0, B = 1",
		"message M\n E a = 1\nenum E: A = 0, B = 2",
		[]string{"enum p.E ", "`B = 1`", "`B = 2`"},
	},
	{
		"value moved", "message M\n E a = 1\nenum E: A = 0, B = 1",
		"message M\n EE b = 2\nenum EE: C = 0, B = 1",
		[]string{"p.B", "`B = 1 of enum p.E`", "`B = 1 of enum p.EE`"},
	},
	{
		"closed", "message M\n E a = 1\nenum E: A = 0",
		"proto2\nmessage M\n optional E a = 1\nenum E: A = 0",
		[]string{"enum p.E ", "`open enum`", "`closed enum`"},
	},
	{
		"open", "proto2\nmessage M\n optional E a = 1\nenum E: A = 0",
		"message M\n E a = 1\nenum E: A = 0",
		[]string{"`closed enum`", "`open enum`"},
	},
	{
		"required", "proto2\nmessage M\n optional int32 a = 1",
		"proto2\nmessage M\n required int32 a = 1",
		[]string{"`int32 a = 1`", "`required int32 a = 1`"},
	},
	{
		"not required", "proto2\nmessage M\n required int32 a = 1",
		"proto2\nmessage M\n optional int32 a = 1",
		[]string{"`required int32 a = 1`", "`int32 a = 1`"},
	},
	{
		"added required", "proto2\nmessage M", "proto2\nmessage M\n required int32 a = 1",
		[]string{"p.M.a", "`absent`", "`required int32 a = 1`", "do not have it"},
	},
	{
		"removed required", "proto2\nmessage M\n required int32 a = 1", "proto2\nmessage M",
		[]string{"`required int32 a = 1`", "`absent`", "would be missing"},
	},
	{
		"UTF-8", "proto2\nmessage M\n optional string a = 1", "message M\n string a = 1",
		[]string{"`string (of any bytes) a = 1`", "`string a = 1`", "does not fit"},
	},
	{
		"group", "proto2\nmessage M\n optional G g = 1 group",
		"proto2\nmessage M\n optional N g = 1\nmessage N",
		[]string{"delimited"},
	},
	{
		"message and enum", "message M\n N a = 1\nmessage N",
		"message M\n E a = 1\nenum E: A = 0\nmessage N",
		[]string{"p.N a = 1"},
	},
	{ // nothing refers to it in both, so that no field says so
		"message that is an enum", "message M\n N a = 1\nmessage N",
		"message M\n enum:N b = 2\nenum N: A = 0",
		[]string{"the type p.N", "`message`", "enum`"},
	},
	{
		"inner", "message M\n N n = 1\nmessage N\n O o = 1\nmessage O\n int32 a = 1",
		"message M\n N n = 1\nmessage N\n O o = 1\nmessage O\n bool a = 1",
		[]string{"field p.O.a ", "`int32 a = 1`", "`bool a = 1`"},
	},
	{
		"inner in a map", "message M\n map<int32, N> n = 1\nmessage N\n int32 a = 1",
		"message M\n map<int32, N> n = 1\nmessage N\n int32 a = 2",
		[]string{"field p.N.a "},
	},
}

func TestIncompatible(t *testing.T) {
	for _, c := range incompatible {
		t.Run(c.name, func(t *testing.T) {
			meta, err := bind(t, c.was, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bind(t, c.is, meta)
			wantMismatch(t, err, c.says...)
		})
	}
}

// A program of an older version must not destroy what a newer one has recorded: if it stored
// its own descriptor alone, the number that only the newer one knows could be used again by a
// third.
func TestNothingIsForgotten(t *testing.T) {
	meta, err := bind(t,
		"message M\n int32 a = 1\n N n = 2\nmessage N\n E e = 1\nenum E: A = 0, B = 1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if meta, err = bind(t, "message M\n int32 a = 1", meta); err != nil {
		t.Fatal(err)
	}
	for _, third := range []struct{ schema, says string }{
		{"message M\n string b = 2", "`p.N n = 2`"},
		{"message M\n N m = 3\nmessage N\n int32 f = 1", "`enum p.E e = 1`"},
		{"message M\n E e = 3\nenum E: A = 0, C = 1", "`B = 1`"},
	} {
		_, err = bind(t, third.schema, meta)
		wantMismatch(t, err, third.says)
	}
	values := "message M\n E e = 1\nenum E: A = 0"
	if meta, err = bind(t, values+", B = 1", nil); err != nil {
		t.Fatal(err)
	}
	if meta, err = bind(t, values, meta); err != nil {
		t.Fatal(err)
	}
	_, err = bind(t, values+", C = 1", meta)
	wantMismatch(t, err, "`B = 1`", "`C = 1`")
}

func TestRenamed(t *testing.T) {
	was := "message M\n int32 a = 1\n oneof o: string c = 2\n E e = 3\n map<string, N> m = 4\nmessage N\n int32 x = 1\nenum E: A = 0, B = 1"
	is := "message M\n int32 b = 1\n oneof u: string c = 2\n EE e = 3\n map<string, O> m = 4\nmessage O\n int32 x = 1\nenum EE: A = 0, C = 1"
	names := []protobuf.Option{
		protobuf.Renamed("p.M.a", "b"), protobuf.Renamed("p.M.o", "u"),
		protobuf.Renamed("p.N", "p.O"),
		protobuf.Renamed("p.E", "p.EE"), protobuf.Renamed("p.E.B", "C"),
	}
	meta, err := bind(t, was, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bind(t, is, meta); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("without Renamed: error %v", err)
	}
	if meta, err = bind(t, is, meta, names...); err != nil {
		t.Fatal(err)
	}
	if _, err := bind(t, is, meta); err != nil {
		t.Errorf("the table does not remember the new names: %v", err)
	}
	_, err = bind(t, was, meta)
	wantMismatch(t, err, "use Renamed")
	_, err = bind(t, was, mustBind(t, was), protobuf.Renamed("p.N", "p.M"))
	wantMismatch(t, err, "to two types")
	_, err = bind(t, "message M\n int32 a = 1",
		mustBind(t, "message M\n int32 a = 1\n int32 b = 2"), protobuf.Renamed("p.M.b", "a"))
	wantMismatch(t, err, "the name p.M.a")
}

func mustBind(t *testing.T, schema string) []byte {
	t.Helper()
	meta, err := bind(t, schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// The root has another name after a move to another package. The bytes would fit, and so would
// those of a message that has nothing to do with it.
func TestOtherRoot(t *testing.T) {
	d := parse(t, "message M\n N n = 1\nmessage N\n int32 a = 1").ParentFile().Messages()
	_, meta, err := core.PowersOf(protobuf.Dynamic(d.ByName("N"))).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = core.PowersOf(protobuf.Dynamic(d.ByName("M"))).Bind(meta)
	wantMismatch(t, err, "`p.N`", "`p.M`", "use Renamed")
}

// An older program that reads a row of a newer one, changes what it knows and puts the row
// back, keeps the rest.
func TestUnknownFieldsSurvive(t *testing.T) {
	old := parse(t, "message M\n int32 a = 1\n N n = 2\nmessage N\n int32 x = 1")
	now := parse(t,
		"message M\n int32 a = 1\n N n = 2\n string b = 3\n repeated N ns = 4\nmessage N\n int32 x = 1\n map<string, int32> y = 2")
	older, newer := protobuf.Dynamic(old), protobuf.Dynamic(now)
	row, err := newer.Append(nil,
		message(t, now, "a: 1 n { x: 1 y { key: 'k' value: 2 } } b: 'new' ns { x: 3 }"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := older.View(row)
	if err != nil {
		t.Fatal(err)
	}
	m.Set(old.Fields().ByName("a"), m.NewField(old.Fields().ByName("a")))
	if row, err = older.Append(nil, m); err != nil {
		t.Fatal(err)
	}
	got, err := newer.View(row)
	if want := message(t, now,
		"n { x: 1 y { key: 'k' value: 2 } } b: 'new' ns { x: 3 }"); err != nil ||
		!proto.Equal(got, want) {
		t.Errorf("%v, error %v; want %v", got, err, want)
	}
}
