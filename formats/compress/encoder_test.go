// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
)

// An encoder takes megabytes and milliseconds to be made. Pools are emptied by the garbage
// collector, so a table whose writes were rarer than collections made one for each of them: one is
// kept, and what is written after a collection needs no new one.
func TestAnEncoderOutlivesCollections(t *testing.T) {
	f := compress.New(values.Bytes())
	v := bytes.Repeat([]byte("word "), 40)
	dst, err := f.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	for range 3 {
		runtime.GC()
		runtime.GC() // the first one leaves what was in pools until the next
	}
	runtime.ReadMemStats(&before)
	if _, err := f.Append(dst[:0], v); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	const most = 64 << 10 // buffers, and what the test itself takes
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("writing 200 bytes after a collection takes %d bytes of memory, want at most %d",
			n, most)
	}
}
