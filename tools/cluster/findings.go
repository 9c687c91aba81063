// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guardkv/guardkv/core"
)

// Findings are what a scenario showed.
type Findings struct {
	Acked     int // calls that wrote and were acknowledged
	Lost      int // commits to which no answer came
	Settled   int // lost commits whose outcome core found out
	Unknown   int // calls that returned ErrMaybe
	Made      int // unknown calls that turned out to have taken effect
	Histories int // that are linearizable
	Undecided int // histories that are too hard to decide
	Gap       time.Duration
	Slowest   time.Duration
	Faults    []string

	content
}

// content is what is stored.
type content struct {
	rows, wholes, ledger map[string]string
	bank, counts         map[uint64]int
}

// Check compares what clients were told with what their storage holds. They must have stopped.
func Check(ctx context.Context, b core.Backend, path string, logs []Log) (*Findings, error) {
	f := new(Findings)
	err := persist(ctx, func() (err error) {
		f.content, err = stored(ctx, b, path)
		return err
	})
	if err != nil {
		return nil, err
	}
	var records []Record
	times := map[int64]bool{}
	for _, l := range logs {
		records = append(records, l.Records...)
		f.Faults = append(f.Faults, l.Faults...)
		f.Acked += l.Acked
		f.Lost += l.Lost
		f.Settled += l.Lost - l.Told
		f.Unknown += l.Unknown
		f.Slowest = max(f.Slowest, l.Slowest)
		for _, at := range l.Times {
			times[at] = true
		}
	}
	f.Gap = gap(slices.Sorted(maps.Keys(times)))
	f.checkRows(records)
	f.checkWhole(records)
	f.checkBank(records)
	f.checkCounters(records)
	f.checkHistories(records)
	return f, nil
}

// gap is the longest time between two of the times.
func gap(times []int64) time.Duration {
	longest := int64(0)
	for i := 1; i < len(times); i++ {
		longest = max(longest, times[i]-times[i-1])
	}
	return time.Duration(longest * tick)
}

// Err returns an error that says what is wrong.
func (f *Findings) Err() error {
	if len(f.Faults) == 0 {
		return nil
	}
	shown := f.Faults[:min(len(f.Faults), mostFaults)]
	return fmt.Errorf("%d faults, such as\n%s", len(f.Faults), strings.Join(shown, "\n"))
}

// String returns a line of counts.
func (f *Findings) String() string {
	return fmt.Sprintf("%d writes acknowledged; %d commits unanswered, %d of them settled; "+
		"%d calls told ErrMaybe, %d of them seen made; %d histories linearizable, %d undecided; "+
		"longest gap %v, slowest call %v",
		f.Acked, f.Lost, f.Settled, f.Unknown, f.Made, f.Histories, f.Undecided,
		f.Gap.Round(10*time.Millisecond), f.Slowest.Round(10*time.Millisecond))
}

func (f *Findings) fault(format string, args ...any) {
	f.Faults = append(f.Faults, fmt.Sprintf(format, args...))
}

// outcome compares what a client knows of a write with whether it is there.
func (f *Findings) outcome(what string, o outcome, found bool) {
	switch {
	case o == acked && !found:
		f.fault("%s was acknowledged, and is not there", what)
	case o == failed && found:
		f.fault("%s failed, and is there", what)
	case o == maybe && found:
		f.Made++
	}
}

// stored reads everything, by a handle of its own.
func stored(ctx context.Context, b core.Backend, path string) (c content, err error) {
	s, err := core.Open(ctx, path, b, discard)
	if err != nil {
		return c, err
	}
	defer s.Close()
	t, err := openTables(ctx, s)
	if err != nil {
		return c, err
	}
	err = s.View(ctx, func(tx *core.Tx) (err error) {
		c, err = t.read(ctx, tx)
		return err
	})
	return c, err
}

func (t tables) read(ctx context.Context, tx *core.Tx) (c content, err error) {
	c.wholes = map[string]string{}
	for _, of := range []struct {
		table texts
		into  *map[string]string
	}{{t.rows, &c.rows}, {t.ledger, &c.ledger}, {t.wholes, &c.wholes}, {t.others, &c.wholes}} {
		if *of.into == nil {
			*of.into = map[string]string{}
		}
		for row, err := range of.table.In(tx).Scan().Rows(ctx) {
			if err != nil {
				return c, err
			}
			(*of.into)[row.Key] = strings.Clone(row.Value)
		}
	}
	if c.bank, err = readNumbers(ctx, tx, t.bank); err == nil {
		c.counts, err = readNumbers(ctx, tx, t.counts)
	}
	return c, err
}

func readNumbers(ctx context.Context, tx *core.Tx, t numbers) (map[uint64]int, error) {
	all := map[uint64]int{}
	for row, err := range t.In(tx).Scan().Rows(ctx) {
		if err != nil {
			return nil, err
		}
		if all[row.Key], err = strconv.Atoi(row.Value); err != nil {
			return nil, err
		}
	}
	return all, nil
}
