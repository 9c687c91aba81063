// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// TestOverflow stands for the int and uint of a 32-bit machine, which read what a 64-bit
// machine wrote.
func TestOverflow(t *testing.T) {
	signed := &integer[int32]{id: "int64", size: 8, bias: 1 << 63}
	for _, k := range []int64{math.MinInt32, -1, 0, math.MaxInt32} {
		b, _ := Int64().Append(nil, k)
		if got, err := signed.Decode(b); int64(got) != k || err != nil {
			t.Errorf("%d became %d, %v", k, got, err)
		}
	}
	for _, k := range []int64{
		math.MinInt64, math.MinInt32 - 1, math.MaxInt32 + 1, math.MaxUint32,
		math.MaxInt64,
	} {
		b, _ := Int64().Append(nil, k)
		wantOverflow(t, signed, b)
	}
	unsigned := &integer[uint32]{id: "uint64", size: 8}
	for _, k := range []uint64{math.MaxUint32 + 1, math.MaxUint64} {
		b, _ := Uint64().Append(nil, k)
		wantOverflow(t, unsigned, b)
	}
	_, err := signed.Decode([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	if want := "int64 key -4294967296 does not fit int32 on this machine, use a 64-bit key type: value out of range"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func wantOverflow[T anyInteger](t *testing.T, f *integer[T], b []byte) {
	t.Helper()
	if k, err := f.Decode(b); !errors.Is(err, strconv.ErrRange) || errors.Is(err,
		core.ErrCorrupt) || k != 0 {
		t.Errorf("Decode(%x) = %d, %v, want 0 and ErrRange: the file is sound", b, k, err)
	}
	if k, _, err := f.TakePart(b); !errors.Is(err, strconv.ErrRange) {
		t.Errorf("TakePart(%x) = %d, %v, want ErrRange", b, k, err)
	}
}
