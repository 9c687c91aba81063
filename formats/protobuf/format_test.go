// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/guardkv/guardkv/formats/protobuf"
)

func TestRoundTrip(t *testing.T) {
	f, want := protobuf.New[*timestamppb.Timestamp](), timestamppb.New(time.Unix(1, 2))
	b, err := f.Append(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.View(b); err != nil || !proto.Equal(got, want) {
		t.Errorf("%v, error %v; want %v", got, err, want)
	}
}
