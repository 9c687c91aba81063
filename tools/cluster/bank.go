// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/guardkv/guardkv/core"
)

const (
	accounts = 64
	deposit  = 100 // in each at the beginning
)

// transfer moves money and records that in the ledger, in one transaction.
func (c *client) transfer() {
	from, to := c.rnd.Uint64N(accounts), c.rnd.Uint64N(accounts)
	amount := 1 + c.rnd.IntN(20)
	entry := transferKey(c.record.Client, len(c.record.Transfers))
	o := c.write("transfer", func(ctx context.Context) error {
		return c.storage.Update(ctx, func(tx *core.Tx) error {
			return c.move(ctx, tx, entry, from, to, amount)
		})
	})
	c.record.Transfers = append(c.record.Transfers, o)
}

func transferKey(client, i int) string { return fmt.Sprintf("%03d/%06d", client, i) }

// move moves the amount, or nothing if there is not as much.
func (t tables) move(
	ctx context.Context, tx *core.Tx, entry string, from, to uint64, amount int,
) error {
	there, err := t.balance(ctx, tx, from)
	if err != nil {
		return err
	}
	amount = min(amount, there)
	bank := t.bank.In(tx)
	if err := bank.Put(ctx, from, strconv.Itoa(there-amount)); err != nil {
		return err
	}
	here, err := t.balance(ctx, tx, to) // it sees what was taken away if both accounts are the same
	if err != nil {
		return err
	}
	if err := bank.Put(ctx, to, strconv.Itoa(here+amount)); err != nil {
		return err
	}
	return t.ledger.In(tx).Put(ctx, entry, fmt.Sprintf("%d %d %d", from, to, amount))
}

func (t tables) balance(ctx context.Context, tx *core.Tx, account uint64) (int, error) {
	text, err := t.bank.In(tx).Get(ctx, account)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// lookBank adds up what is in all accounts, in one of three ways.
func (c *client) lookBank() {
	sum, again := 0, 0
	add := func(ctx context.Context, tx *core.Tx, sum *int) (err error) {
		*sum, err = c.sum(ctx, tx)
		return err
	}
	way := c.rnd.IntN(3)
	ok := c.read("sum of the bank", func(ctx context.Context) error {
		switch way {
		case 0:
			return c.storage.View(ctx, func(tx *core.Tx) error { return add(ctx, tx, &sum) })
		case 1:
			return c.storage.View(ctx, func(tx *core.Tx) (err error) {
				sum = 0
				for account := range uint64(accounts) {
					n, err := c.balance(ctx, tx, account)
					if err != nil {
						return err
					}
					sum += n
				}
				return nil
			})
		}
		err := c.inSnapshot(ctx, func(tx *core.Tx) error {
			if err := add(ctx, tx, &sum); err != nil {
				return err
			}
			return add(ctx, tx, &again)
		})
		if errors.Is(err, core.ErrConflict) { // only the caller can take another snapshot
			err = errors.Join(core.ErrSnapshotExpired, err)
		}
		return err
	})
	switch {
	case !ok:
	case sum != accounts*deposit:
		c.fault("the sum of all accounts is %d; want %d (way %d)", sum, accounts*deposit, way)
	case way == 2 && again != sum:
		c.fault("a snapshot has first %d, then %d", sum, again)
	}
}

func (s *Session) inSnapshot(ctx context.Context, fn func(*core.Tx) error) error {
	tx, err := s.storage.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	return fn(tx)
}

func (t tables) sum(ctx context.Context, tx *core.Tx) (sum int, err error) {
	for row, err := range t.bank.In(tx).Scan().Rows(ctx) {
		if err != nil {
			return 0, err
		}
		n, err := strconv.Atoi(row.Value)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// fillBank opens the accounts.
func (t tables) fillBank(ctx context.Context) error {
	return t.bank.PutAll(ctx, func(yield func(uint64, string) bool) {
		for account := range uint64(accounts) {
			if !yield(account, strconv.Itoa(deposit)) {
				return
			}
		}
	})
}

// checkBank compares the accounts with the ledger, and the ledger with what clients know: a
// transfer that was made twice is in the accounts twice, and once in the ledger.
func (f *Findings) checkBank(records []Record) {
	want := map[uint64]int{}
	for account := range uint64(accounts) {
		want[account] = deposit
	}
	for key, entry := range f.ledger {
		var from, to uint64
		var amount int
		if _, err := fmt.Sscan(entry, &from, &to, &amount); err != nil {
			f.fault("the ledger has %q at %s", entry, key)
		}
		want[from] -= amount
		want[to] += amount
	}
	if !maps.Equal(f.bank, want) {
		f.fault("the accounts are\n%v; the ledger says\n%v", f.bank, want)
	}
	left := maps.Clone(f.ledger)
	for _, r := range records {
		for i, o := range r.Transfers {
			key := transferKey(r.Client, i)
			_, found := f.ledger[key]
			f.outcome("transfer "+key, o, found)
			delete(left, key)
		}
	}
	for key := range left {
		f.fault("the ledger has %s, and nobody wrote it", key)
	}
}
