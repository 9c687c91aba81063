// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/protobuf"
	"github.com/guardkv/guardkv/formats/protobuf/internal/testpb"
)

func run[M proto.Message](t *testing.T, samples []M) {
	formattest.RunWith(t, protobuf.New[M](), extras[M](), samples...)
}

func extras[M proto.Message]() formattest.Extras[M, M] {
	return formattest.Extras[M, M]{
		Same:        func(a, b M) bool { return proto.Equal(a, b) },
		Fingerprint: func(m M) string { return prototext.Format(m) },
	}
}

func TestFormat(t *testing.T) { run(t, animals()) }
func TestProto2(t *testing.T) { run(t, records()) }
func TestLazy(t *testing.T)   { run(t, books()) }
func TestWide(t *testing.T)   { run(t, wide()) }
func FuzzFormat(f *testing.F) { fuzz(f, animals()) }
func FuzzProto2(f *testing.F) { fuzz(f, records()) }
func FuzzLazy(f *testing.F)   { fuzz(f, books()) }
func BenchmarkAnimals(b *testing.B) {
	formattest.Bench(b, protobuf.New[*testpb.Animal](), animals()...)
}

func BenchmarkLazyBook(b *testing.B) {
	formattest.Bench(b, protobuf.New[*testpb.Book](), books()...)
}

func fuzz[M proto.Message](f *testing.F, samples []M) {
	formattest.FuzzWith(f, protobuf.New[M](), extras[M](), samples...)
}

func wide() []*testpb.Wide {
	return list(&testpb.Wide{}, &testpb.Wide{
		A: "a", More: []*testpb.Wide{{}, {B: "b"}}, Numbers: []int64{1, -1},
		ByNumber: map[int32]*testpb.Wide{1: {}, 2: {More: []*testpb.Wide{{}}}},
	})
}

// A message type of the library's own needs nothing that others do not.
func TestWellKnown(t *testing.T) {
	run(t, list(timestamppb.New(time.Unix(1, 2)), timestamppb.New(time.Unix(-1, 0))))
}

// TestDynamic runs the suite without generated code, on the same bytes.
func TestDynamic(t *testing.T) {
	d := (*testpb.Animal)(nil).ProtoReflect().Descriptor()
	var samples []*dynamicpb.Message
	for _, a := range animals() {
		m := dynamicpb.NewMessage(d)
		b, err := protobuf.New[*testpb.Animal]().Append(nil, a)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, m)
	}
	formattest.RunWith(t, protobuf.Dynamic(d), extras[*dynamicpb.Message](), samples...)
}
