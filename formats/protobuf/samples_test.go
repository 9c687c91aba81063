// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/guardkv/guardkv/formats/protobuf/internal/testpb"
)

// animals are samples with a field of every kind.
func animals() []*testpb.Animal {
	full := &testpb.Animal{
		Name: "Ada", Legs: -4, Steps: math.MinInt64, Teeth: math.MaxUint32, Hairs: math.MaxUint64,
		Depth: -1, Height: math.MaxInt64,
		Tag: 1, Chip: 2, West: -3, North: -4, Weight: 1.5, Length: math.Inf(-1), Tame: true,
		Picture: []byte{0, 255},
		Color:   testpb.Color_COLOR_BLACK, Favorite: &testpb.Food{Name: "hay", Kilos: 2},
		Age:  proto.Int32(0),
		Tags: []string{"", "λ"}, Offspring: []int64{0, -1, 1 << 40}, Stripes: []testpb.Color{99, 0},
		Food:  []*testpb.Food{{}, {Name: "oats"}},
		Songs: [][]byte{{}, {1}}, Days: []bool{true, false},
		Counts: map[string]int64{"": 1, "b": 2, "a": 3},
		Meals:  map[int32]*testpb.Food{-1: {}, 7: {Kilos: 1}},
		Moods:  map[bool]testpb.Color{true: 1, false: 0},
		Home:   &testpb.Animal_Pond_{Pond: &testpb.Animal_Pond{Area: 3}},
		Parent: &testpb.Animal{Name: "Eve"}, Children: []*testpb.Animal{{Parent: &testpb.Animal{}}},
		Friends: map[string]*testpb.Animal{"x": {Far: 1}},
		Born:    timestamppb.New(time.Unix(1815, 5)), Sleeps: durationpb.New(-time.Hour),
		More: &anypb.Any{TypeUrl: "example.org/zoo.Food", Value: []byte{10, 1, 'x'}}, Far: 1 << 30,
		Notes: &structpb.Struct{Fields: map[string]*structpb.Value{
			"n": structpb.NewNullValue(),
			"l": structpb.NewListValue(&structpb.ListValue{}),
		}},
	}
	unknown := &testpb.Animal{Name: "of a later version"}
	unknown.ProtoReflect().SetUnknown([]byte{
		0x80, 0x7d, 5, 0x82, 0x7d, 1, 'x', 0x83, 0x7d, 0x08,
		1, 0x84, 0x7d,
	})
	return list(
		&testpb.Animal{}, &testpb.Animal{Name: "Leo"}, full, unknown,
		&testpb.Animal{Home: &testpb.Animal_Meadow{}},
		&testpb.Animal{Name: strings.Repeat("long ", 400)},
	)
}

func records() []*testpb.Record {
	return list(
		&testpb.Record{Name: proto.String("")},
		&testpb.Record{
			Name:   proto.String("not UTF-8: \xff"),
			Labels: map[string]string{"\xfe": "\xff", "b": ""},
		},
		&testpb.Record{
			Name: proto.String("full"), Count: proto.Int32(0), Level: testpb.Level_LOW.Enum(),
			Numbers: []int32{1, -1}, Packed: []int32{1, -1},
			Entry: []*testpb.Record_Entry{
				{Key: proto.String("k"), Value: []byte("v")},
				{Key: proto.String("")},
			},
			Next: &testpb.Record{Name: proto.String("next")},
		},
	)
}

func books() []*testpb.Book {
	chapter := testpb.Chapter_builder{
		Title: "one",
		Lines: []string{"a", ""}, About: testpb.Book_builder{Title: "inner"}.Build(),
	}.Build()
	return list(
		&testpb.Book{},
		testpb.Book_builder{Title: "t", Year: proto.Int32(0)}.Build(),
		testpb.Book_builder{
			Title: "full", First: chapter, Index: map[string]int32{"b": 1, "a": 2},
			Chapters: []*testpb.Chapter{
				chapter,
				{},
				testpb.Chapter_builder{Title: "three"}.Build(),
			},
		}.Build(),
	)
}

func list[M proto.Message](all ...M) []M { return all }
