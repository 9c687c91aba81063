// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package kinds has types of every kind that can be archived.
package kinds

import (
	"net/netip"
	"net/url"
	"time"

	"github.com/guardkv/guardkv/formats/archive/internal/kinds/geo"
)

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Everything,Node,Filing

// Everything has a field of every kind.
type Everything struct {
	Bool       bool
	Int8       int8
	Int16      int16
	Int32      int32
	Int64      int64
	Int        int
	Uint8      uint8
	Uint16     uint16
	Uint32     uint32
	Uint64     uint64
	Uint       uint
	Float32    float32
	Float64    float64
	Complex64  complex64
	Complex128 complex128
	Time       time.Time
	Duration   time.Duration
	String     string
	Bytes      []byte

	Color   Color
	Title   Title
	Raw     Raw
	Stamp   Stamp
	Flag    Flag
	Month   time.Month
	Hash    Hash
	Names   Names
	Pound   geo.Weight
	Address netip.Addr
	Link    *url.URL

	MaybeBool  *bool
	MaybeInt   *int
	MaybeColor *Color
	MaybeTime  *time.Time
	MaybeText  *string
	MaybeTitle *Title
	MaybeAddr  *netip.Addr

	Place   Place
	Point   geo.Point    `archive:",fixed"`
	Corners [2]geo.Point `archive:"fixed"`
	Pointer *Place
	Node    *Node
	Shape   Shape
	Value   string
	Base

	Bools      []bool
	Flags      []Flag
	Ints       []int
	Floats     []float32
	Complexes  []complex128
	Colors     []Color
	Durations  []time.Duration
	Times      []time.Time
	Stamps     []Stamp
	Strings    []string
	Titles     []Title
	ByteSlices [][]byte
	Raws       []Raw
	Places     []Place
	Pointers   []*Place
	Shapes     []Shape
	MaybeInts  []*int
	MaybeTexts []*string
	Addresses  []netip.Addr
	Hashes     []Hash
	Matrix     [][]float64
	Words      [][]string
	Deep       [][][]Place
	Maps       []map[string]int

	Floats3  [3]float32
	Strings2 [2]string
	Places2  [2]Place
	Maybe2   [2]*uint16
	Grid     [2][2]int16
	Lists2   [2][]string

	Scores  map[string]float64
	Counts  map[int16][]string
	Owners  map[Color]Place
	Seen    map[Hash]bool
	Answers map[bool]string
	Nested  map[string]map[uint64]*Place
	Titled  map[Title]Shape

	//lint:ignore U1000 a field that no record has
	private int    `archive:"-"`
	Left    func() `archive:"-"`
}

// The types of which Everything is made.
type (
	Color uint8
	Title string
	Raw   []byte
	Stamp time.Time
	Flag  bool
	Hash  [16]byte
	Names []string
)

// Place is a struct that others refer to.
type Place struct {
	Name string
	At   geo.Point
	Zip  uint32
}

// Base is embedded.
type Base struct {
	Created time.Time
	Tags    []string
}

// Node contains itself in every way there is.
type Node struct {
	Name     string
	Next     *Node
	Children []Node
	ByName   map[string]Node
	Shapes   []Shape
}

// Shape is one of some types.
//
//archive:oneof Circle *Square Nothing Group
type Shape interface{ Area() float64 }

// Circle is a Shape.
type Circle struct{ Radius float64 }

// Square is a Shape if it is a pointer.
type Square struct {
	Side  float64
	Label string
}

// Nothing is a Shape without fields.
type Nothing struct{}

// Group is a Shape of Shapes.
type Group struct{ Shapes []Shape }

// Area is that of the shape.
func (c Circle) Area() float64 { return 3 * c.Radius * c.Radius }

// Area is that of the shape.
func (s *Square) Area() float64 { return s.Side * s.Side }

// Area is that of the shape.
func (Nothing) Area() float64 { return 0 }

// Area is that of the shapes.
func (g Group) Area() (sum float64) {
	for _, s := range g.Shapes {
		sum += s.Area()
	}
	return sum
}

// Filing is a record of ordinary kinds.
type Filing struct {
	Number int64
	Form   string
	Filed  time.Time
	Notes  []Note
	Tags   []string
	Path   []geo.Point
}

// Note is an element of a slice.
type Note struct{ Text string }
