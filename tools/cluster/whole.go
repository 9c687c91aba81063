// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// parts are the rows of a transaction that must be whole: some in one table, one in another.
const parts = 3

// wholeShown is how many transactions of a client are read at a time.
const wholeShown = 5

// writeWhole writes several rows in one transaction.
func (c *client) writeWhole() {
	id := wholeID(c.record.Client, len(c.record.Whole))
	o := c.write("update of several rows", func(ctx context.Context) error {
		return c.storage.Update(ctx, func(tx *core.Tx) error {
			for part := range parts {
				if err := c.partTable(part).In(tx).Put(ctx, partKey(id, part), id); err != nil {
					return err
				}
			}
			return nil
		})
	})
	c.record.Whole = append(c.record.Whole, o)
}

func wholeID(client, i int) string { return fmt.Sprintf("%03d/%06d", client, i) }

func partKey(id string, part int) string { return fmt.Sprint(id, "/", part) }

// partTable is where a part is.
func (t tables) partTable(part int) texts {
	if part == parts-1 {
		return t.others
	}
	return t.wholes
}

// lookWhole looks at the last transactions of some client.
func (c *client) lookWhole() {
	client := c.rnd.IntN(c.plan.All)
	prefix := fmt.Sprintf("%03d/", client)
	var seen map[string]int
	ok := c.read("view of several rows", func(ctx context.Context) error {
		return c.storage.View(ctx, func(tx *core.Tx) error {
			seen = map[string]int{}
			scans := map[texts]int{c.wholes: wholeShown * (parts - 1), c.others: wholeShown}
			for table, n := range scans {
				scan := table.In(tx).Scan().Prefix(prefix).Reverse().Limit(n)
				for key, err := range scan.Keys(ctx) {
					if err != nil {
						return err
					}
					seen[key[:strings.LastIndexByte(key, '/')]]++
				}
			}
			return nil
		})
	})
	if !ok {
		return
	}
	for id, n := range seen {
		if n != parts {
			c.fault("transaction %s is seen with %d of %d rows: %v", id, n, parts, seen)
		}
	}
}

// checkWhole looks at every transaction.
func (f *Findings) checkWhole(records []Record) {
	left := maps.Clone(f.wholes)
	for _, r := range records {
		for i, o := range r.Whole {
			id, found := wholeID(r.Client, i), 0
			for part := range parts {
				key := partKey(id, part)
				if f.wholes[key] == id {
					found++
				}
				delete(left, key)
			}
			if found != 0 && found != parts {
				f.fault("transaction %s is there with %d of %d rows", id, found, parts)
				continue
			}
			f.outcome("transaction "+id, o, found == parts)
		}
	}
	for key := range left {
		f.fault("row %s of a transaction is there, and nobody wrote it", key)
	}
}
