// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var sharedTripPromises = []kit.Promise{
	{
		Name: "shared trips/counted", Check: checkSharedTrips, BareOnly: true, Shared: true,
		Explanation: "a call asks a server as often as it must: Get, Put, a short scan and " +
			"GetMany once, Modify twice, an Update once for each read and once to commit",
	},
}

func checkSharedTrips(t *kit.Trial) {
	b := decorate.Latency(t.Backend, 0)
	s := openOn(t, b)
	tab := openWords(t, s, "words")
	load(t, tab, 200)
	asked := make([]string, 100)
	for i := range asked {
		asked[i] = fmt.Sprintf("some%06d", i)
	}
	for _, c := range []struct {
		name string
		want int
		call func() error
	}{
		{"Load", 1, func() error { _, err := tab.Load(t.Ctx, "some000007"); return err }},
		{"Load of an absent row", 1, func() error {
			_, err := tab.Load(t.Ctx, "absent")
			if errors.Is(err, core.ErrNotFound) {
				return nil
			}
			return err
		}},
		{"Get", 1, func() error {
			g, err := tab.Get(t.Ctx, "some000007")
			if err != nil {
				return err
			}
			return g.Close()
		}},
		{"Has", 1, func() error { _, err := tab.Has(t.Ctx, "some000007"); return err }},
		{"Put", 1, func() error { return tab.Put(t.Ctx, "some000007", "v") }},
		{"Insert", 1, func() error { return tab.Insert(t.Ctx, "new", "v") }},
		{"Delete", 1, func() error { _, err := tab.Delete(t.Ctx, "new"); return err }},
		{"Modify", 2, func() error { return modify(t.Ctx, tab, "some000008", "v") }},
		{"PutAll of 100", 1, func() error {
			return tab.PutAll(t.Ctx, func(yield func(k, v string) bool) {
				for _, k := range asked {
					if !yield(k, "v") {
						return
					}
				}
			})
		}},
		{"a scan of one row", 1, func() error {
			return lastError(tab.Scan().Limit(1).Rows(t.Ctx))
		}},
		{"a scan of ten rows", 1, func() error {
			return lastError(tab.Scan().Reverse().Limit(10).Keys(t.Ctx))
		}},
		{"a scan of nothing", 1, func() error {
			return lastError(tab.Scan().From("t").Rows(t.Ctx))
		}},
		{"GetMany of 100", 1, func() error {
			return lastError(tab.GetMany(t.Ctx, slices.Values(asked)))
		}},
		{"View with two reads", 2, func() error {
			return s.View(t.Ctx, func(tx *core.Tx) error { return loadTwo(t, tab.In(tx)) })
		}},
		{"Update with two reads", 3, func() error {
			return s.Update(t.Ctx, func(tx *core.Tx) error {
				if err := loadTwo(t, tab.In(tx)); err != nil {
					return err
				}
				return tab.In(tx).Put(t.Ctx, "some000009", "v")
			})
		}},
		{"Update without a read", 1, func() error {
			return s.Update(t.Ctx, func(tx *core.Tx) error {
				return tab.In(tx).Put(t.Ctx, "some000009", "v")
			})
		}},
	} {
		before := b.Trips()
		err := c.call()
		if got := b.Trips() - before; got != c.want || err != nil {
			t.Errorf("%s takes %d trips, %v; want %d", c.name, got, err, c.want)
		}
	}
}

func loadTwo(t *kit.Trial, in txWords) error {
	_, err := in.Load(t.Ctx, "some000001")
	_, err2 := in.Load(t.Ctx, "some000002")
	return errors.Join(err, err2)
}
