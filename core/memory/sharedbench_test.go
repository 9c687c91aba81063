// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// BenchmarkShared is what one process does with a shared storage that is a millisecond away: how
// much of it at once, and with how many trips each.
func BenchmarkShared(b *testing.B) {
	far := backendtest.Latency(memory.NewShared(), time.Millisecond)
	s, err := core.Open(b.Context(), "db", far)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	t, err := core.OpenTable(b.Context(), s, "t", keys.Uint64(), values.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	value := []byte("value")
	var last atomic.Uint64
	works := []struct {
		name string
		do   func(k uint64) error // there is no row at k yet
	}{
		{"Get", func(k uint64) error { return absent(second(t.Load(b.Context(), k))) }},
		{"Put", func(k uint64) error { return t.Put(b.Context(), k, value) }},
		{"Insert", func(k uint64) error { return t.Insert(b.Context(), k, value) }},
		{"Modify", func(k uint64) error {
			return t.Modify(b.Context(), k, func([]byte, bool) ([]byte, core.Change, error) {
				return value, core.Store, nil
			})
		}},
		{"Update", func(k uint64) error { // two reads, one write
			return s.Update(b.Context(), func(tx *core.Tx) error {
				for other := range uint64(2) {
					if _, err := t.In(tx).Get(b.Context(), k<<1+other); absent(err) != nil {
						return err
					}
				}
				return t.In(tx).Put(b.Context(), k, value)
			})
		}},
	}
	for _, w := range works {
		for _, goroutines := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/goroutines=%d", w.name, goroutines), func(b *testing.B) {
				trips := far.Trips()
				left := atomic.Int64{}
				left.Store(int64(b.N))
				done := make(chan error)
				b.ResetTimer()
				for range goroutines {
					go func() {
						var err error
						for left.Add(-1) >= 0 && err == nil {
							err = w.do(1<<40 + last.Add(1))
						}
						done <- err
					}()
				}
				for range goroutines {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
				b.ReportMetric(float64(far.Trips()-trips)/float64(b.N), "trips/call")
			})
		}
	}
}

func second[T any](_ T, err error) error { return err }

// absent is nil for a row that is not there.
func absent(err error) error {
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	return err
}
