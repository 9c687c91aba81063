// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/archive"
	"github.com/guardkv/guardkv/formats/archive/internal/generations/gen1"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds"
	"github.com/guardkv/guardkv/formats/archive/internal/kinds/geo"
)

func pointer[T any](v T) *T { return &v }

// full has something in every field that the records of archivetest leave out, or make of one
// kind only.
func full() kinds.Everything {
	link, err := url.Parse("https://example.org/?q=1")
	if err != nil {
		panic(err)
	}
	addr := netip.MustParseAddr("fe80::1%eth0")
	return kinds.Everything{
		Address: netip.MustParseAddr("10.0.0.1"), Link: link, MaybeAddr: &addr,
		Addresses: []netip.Addr{addr, {}, netip.MustParseAddr("::")}, Bytes: []byte{0, 255},
		Raw:   kinds.Raw("raw"),
		Names: kinds.Names{"", "n"}, Titles: []kinds.Title{"t"}, Raws: []kinds.Raw{nil, {}, {1}},
		Colors: []kinds.Color{3},
		Stamps: []kinds.Stamp{kinds.Stamp(time.Unix(5, 6).UTC())}, Flags: []kinds.Flag{true, false},
		MaybeColor: pointer(kinds.Color(0)), MaybeTitle: pointer(kinds.Title("")),
		MaybeText: pointer("x"), MaybeTime: &time.Time{},
		Shape: &kinds.Square{Side: 2, Label: "sq"}, Shapes: []kinds.Shape{
			nil,
			kinds.Nothing{},
			kinds.Group{Shapes: []kinds.Shape{kinds.Circle{}}},
		},
		Point: geo.Point{X: 1}, Corners: [2]geo.Point{{Y: 2}, {X: 3}},
		Pointers:  []*kinds.Place{nil, {Name: "p"}},
		MaybeInts: []*int{nil, pointer(0), pointer(-1)}, MaybeTexts: []*string{pointer(""), nil},
		Maybe2: [2]*uint16{nil, pointer(uint16(9))},
		Words:  [][]string{nil, {}, {"", "w"}}, Deep: [][][]kinds.Place{{{{Name: "deep"}}, nil}, {}},
		Maps:    []map[string]int{nil, {}, {"b": 1, "a": -1, "": 0}},
		Counts:  map[int16][]string{-1: {"m"}, 1: nil, 0: {}},
		Nested:  map[string]map[uint64]*kinds.Place{"n": {1 << 60: nil, 2: {Zip: 1}}, "": nil},
		Owners:  map[kinds.Color]kinds.Place{255: {Name: "o"}, 0: {}},
		Titled:  map[kinds.Title]kinds.Shape{"t": nil, "u": kinds.Circle{Radius: 1}},
		Seen:    map[kinds.Hash]bool{{1}: true, {0, 1}: false},
		Answers: map[bool]string{true: "yes", false: ""},
		Base:    kinds.Base{Tags: []string{"tag"}}, Value: "value",
	}
}

func TestFormat(t *testing.T) {
	formattest.RunWith(t, archive.New[kinds.Everything, kinds.EverythingView](),
		formattest.Extras[kinds.Everything, kinds.EverythingView]{
			Value:   kinds.EverythingView.Value,
			Borrows: true,
		},
		kinds.Everything{}, full(), kinds.Everything{String: strings.Repeat("long", 1000)})
}

// Zones and monotonic readings are not kept; instants are, to the nanosecond, wherever they are
// in time.
func TestTimes(t *testing.T) {
	f := filings()
	for _, at := range []time.Time{
		time.Now(), time.Date(2026, 1, 2, 3, 4, 5, 999999999, time.FixedZone("x", -3600)),
		{},
		time.Unix(-1<<40, 1), time.Unix(1<<60, 0), time.Unix(-1<<63, 0),
	} {
		v, err := f.View(encoded(t, f, kinds.Filing{Filed: at}))
		if err != nil || !v.Filed().Equal(at) || v.Filed().Location() != time.UTC {
			t.Errorf("%v reads as %v, error %v", at, v.Filed(), err)
		}
	}
}

// A table whose rows mean something else is not opened, and the error names both sides; nor is
// one whose schema is damaged.
func TestBind(t *testing.T) {
	f := archive.New[gen1.Person, gen1.PersonView]()
	bind := core.PowersOf(f).Bind
	_, meta, err := bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		old, now string
		want     error
		words    []string
	}{
		{"", "", nil, nil},
		{
			"8 Born int32", "8 Born uint32",
			core.ErrFormatMismatch,
			[]string{"Person.Born", "uint32", "int32"},
		},
		{
			"8 Born int32", "8 Died int32",
			core.ErrFormatMismatch,
			[]string{"Died int32", "Born int32", "was=Died"},
		},
		{
			"archive/1 Person", "archive/1 Kid",
			core.ErrFormatMismatch,
			[]string{"`Kid`", "`Person`"},
		},
		{"archive/1 Person", "archive/9 Person", core.ErrFormatMismatch, []string{"later version"}},
		{"archive/1 Person", "archive/1", core.ErrCorrupt, nil},
		{"struct Cat", "struct", core.ErrCorrupt, nil},
	} {
		stored := strings.Replace(string(meta), c.old, c.now, 1)
		_, _, err := bind([]byte(stored))
		if !errors.Is(err, c.want) {
			t.Errorf("%q for %q: error %v, want %v", c.now, c.old, err, c.want)
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q for %q: error %v, want one with %q", c.now, c.old, err, w)
			}
		}
	}
}

// broken is a view that is none.
type broken struct {
	_ int
}

func (broken) Archive() archive.Codec[int, broken] { return archive.Codec[int, broken]{} }

// stale is a view whose file was changed by hand.
type stale struct{ r archive.Record }

func (s stale) Archive() archive.Codec[int, stale] {
	_ = s.r
	return archive.Codec[int, stale]{
		Type:   "T",
		Schema: "archive/1\nstruct T 4\n\t0 A int32\n", Size: 8,
	}
}

// What does not fit is an error of opening and of every call, and no panic.
func TestUnfit(t *testing.T) {
	unfit(t, archive.New[int, broken]())
	unfit(t, archive.New[int, stale]())
	if err := archive.Key[int, stale]().(core.KeyChecker).CheckKey(); err == nil {
		t.Error("it is a key")
	}
}

func unfit[W any](t *testing.T, f core.ValueFormat[int, W]) {
	t.Helper()
	can := core.PowersOf(f)
	_, appended := f.Append(nil, 1)
	_, viewed := f.View(make([]byte, 6))
	_, trusted := can.ViewTrusted(make([]byte, 6))
	_, _, bound := can.Bind(nil)
	for _, err := range []error{can.CheckValue(), appended, viewed, trusted, bound} {
		if err == nil || !strings.Contains(err.Error(), "go generate") {
			t.Errorf("error %v", err)
		}
	}
}

// A type that cannot encode itself fails the write, and one that cannot decode what is there is
// corrupt.
func TestBinary(t *testing.T) {
	f := archive.New[kinds.Everything, kinds.EverythingView]()
	b := encoded(t, f, kinds.Everything{Address: netip.MustParseAddr("1.2.3.4"), String: "x"})
	at := strings.Index(string(b), "\x01\x02\x03\x04")
	if at < 0 {
		t.Fatal("the address is not there")
	}
	for i := range b { // an address of three bytes, the fourth is that of the text before it
		if b[i] == 4 && i+4 < at && b[i+1] == 0 && b[i-4] == byte(at) && b[i-3] == byte(at>>8) {
			b[i] = 3
		}
	}
	b = append(b[:at+3:at+3], b[at+4:]...)
	_, err := f.View(b[:len(b):len(b)])
	if !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(), "Address") {
		t.Errorf("error %v", err)
	}
}

// The zero address has no bytes. A pointer to it is not nil, and is there with none; without the
// pointer it is absent.
func TestBinaryWithoutBytes(t *testing.T) {
	f := archive.New[kinds.Everything, kinds.EverythingView]()
	b := encoded(t, f, kinds.Everything{MaybeAddr: new(netip.Addr)})
	w, err := f.View(b[:len(b):len(b)])
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Value().MaybeAddr; got == nil || got.IsValid() {
		t.Errorf("it is read as %v", got)
	}
	if none := encoded(t, f, kinds.Everything{}); string(none) == string(b) {
		t.Error("it is encoded as nil is")
	}
}
