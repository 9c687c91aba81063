// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"

	cloud "cloud.google.com/go/spanner"
)

// purgeRows is how many rows are deleted at once.
const purgeRows = 5000

// purge deletes the rows of a removed storage, and then the row that says it was removed.
// Deleting rows that are gone does no harm, so purge may run twice, in several processes, and
// again if no answer comes.
func (c *client) purge(ctx context.Context, id string) error {
	b := c.backend
	for {
		var first, last []byte
		n := 0
		_, err := c.reading(ctx, nil,
			func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
				n = 0
				return b.read(ctx, in, within(id, nil, nil), []string{columnName}, purgeRows,
					func(got row) bool {
						if n++; n == 1 {
							first = filled(got.name)
						}
						last = filled(got.name)
						return true
					})
			})
		if err != nil {
			return err
		}
		gone := b.remove(at(partGone, id))
		if n > 0 {
			gone = b.remove(cloud.KeyRange{
				Start: cloud.Key{id, first}, End: cloud.Key{id, last}, Kind: cloud.ClosedClosed,
			})
		}
		err = c.transact(ctx, func(context.Context, *transaction) ([]*cloud.Mutation, error) {
			return []*cloud.Mutation{gone}, nil
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

// sweep deletes what is left of storages whose removal was not completed. If it fails, the next
// sweep tries again.
func (c *client) sweep(ctx context.Context) {
	const most = 10
	var ids []string
	_, err := c.reading(ctx, nil, func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
		ids = nil
		return c.backend.read(ctx, in, within(partGone, nil, nil), []string{columnName}, most,
			func(got row) bool {
				if isID(got.name) {
					ids = append(ids, string(got.name))
				}
				return true
			})
	})
	for _, id := range ids {
		if err == nil {
			err = c.purge(ctx, id)
		}
	}
}
