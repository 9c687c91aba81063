// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// tight is a backend with limits, which counts what is written.
type tight struct {
	core.Backend
	limits core.Limits
	writes *[]int // of each Apply
}

func (b tight) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return tightClaim{c, b}, err
}

type tightClaim struct {
	core.Claim
	b tight
}

func (c tightClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	return tightEngine{e, c.b}, err
}

type tightEngine struct {
	core.Engine
	b tight
}

func (e tightEngine) Limits() core.Limits { return e.b.limits }

func (e tightEngine) Apply(ctx context.Context, b core.Batch) error {
	*e.b.writes = append(*e.b.writes, len(b.Writes))
	return e.Engine.Apply(ctx, b)
}

// A range is deleted in writes that the engine takes, from either end, up to the limit of the scan.
func TestDeleteInChunks(t *testing.T) {
	const stored = 40
	for _, c := range []struct {
		limits core.Limits
		want   []int // for 30 rows
	}{
		{core.Limits{}, []int{30}},
		{core.Limits{BatchRows: 7}, []int{7, 7, 7, 7, 2}},
		{core.Limits{BatchRows: 30}, []int{30}},
		{core.Limits{BatchRows: 1000, BatchBytes: 200, Key: 80}, []int{16, 14}}, // keys of 12 bytes
	} {
		for _, reverse := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v, reverse %v", c.limits, reverse), func(t *testing.T) {
				var writes []int
				s, err := core.Open(t.Context(), "db", tight{memory.New(), c.limits, &writes})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				tab, err := core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				rows := make(map[uint64][]byte)
				for i := range uint64(stored) {
					rows[i] = nil
				}
				if _, err := tab.PutStream(t.Context(), maps.All(rows)); err != nil {
					t.Fatal(err)
				}
				writes = nil
				scan, want := tab.Scan().Limit(30), []uint64{30, 31, 32, 33, 34, 35, 36, 37, 38, 39}
				if reverse {
					scan, want = scan.Reverse(), []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
				}
				if n, err := scan.Delete(t.Context()); n != 30 || err != nil {
					t.Errorf("Delete = %d, %v", n, err)
				}
				if !slices.Equal(writes, c.want) {
					t.Errorf("writes of %v rows, want %v", writes, c.want)
				}
				var left []uint64
				for k, err := range tab.Scan().Keys(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					left = append(left, k)
				}
				if !slices.Equal(left, want) {
					t.Errorf("left are %v, want %v", left, want)
				}
			})
		}
	}
}
