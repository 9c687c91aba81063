// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// Generate makes a program of n operations from a seed.
func Generate(seed uint64, n int) Program {
	g := generator{rand.New(rand.NewPCG(seed, 0x10c57e9))}
	p := make(Program, n)
	for i := range p {
		p[i] = g.op(outside)
	}
	return p
}

type generator struct{ *rand.Rand }

// choice is a verb and how often it is chosen.
type choice struct {
	verb   Verb
	weight int
}

// inside are the verbs of transactions, looking are those of snapshots, outside are those of the
// program itself.
var (
	inside = []choice{
		{Get, 8},
		{Load, 3},
		{Has, 4},
		{Put, 14},
		{Insert, 6},
		{Delete, 8},
		{Count, 2},
		{Scan, 5},
		{Prefix, 2},
		{Keys, 2},
		{ScanCount, 2},
		{ScanDelete, 2},
		{ScanClear, 1},
		{ScanChange, 3},
		{After, 2},
		{Seek, 3},
		{PutAll, 2},
		{Past, 1},
	}
	looking = []choice{
		{Get, 3},
		{Load, 1},
		{Has, 1},
		{Count, 1},
		{Scan, 3},
		{Prefix, 1},
		{Keys, 1},
		{ScanCount, 1},
		{After, 1},
		{Seek, 2},
		{ScanClear, 1},
		{PutAll, 1},
	}
	outside = []choice{
		{Get, 8},
		{Load, 3},
		{View, 3},
		{Has, 4},
		{Put, 14},
		{Insert, 6},
		{Delete, 8},
		{Modify, 6},
		{GetMany, 3},
		{PutAll, 4},
		{Stream, 4},
		{Count, 2},
		{Scan, 6},
		{Prefix, 3},
		{Keys, 3},
		{ScanCount, 2},
		{ScanDelete, 2},
		{ScanClear, 2},
		{ScanChange, 2},
		{After, 3},
		{Seek, 4},
		{Update, 7},
		{UpdateFail, 2},
		{UpdatePanic, 1},
		{ViewTx, 3},
		{Hold, 6},
		{LetGo, 4},
		{Snapshot, 3},
		{Look, 7},
		{Forget, 1},
		{Cancelled, 1},
		{Mismatch, 1},
		{Drop, 1},
		{Rename, 1},
		{Raw, 1},
		{Sync, 1},
		{Compact, 1},
		{Check, 1},
		{Reopen, 2},
		{Restore, 1},
	}
)

func (g generator) pick(from []choice) Verb {
	sum := 0
	for _, c := range from {
		sum += c.weight
	}
	at := g.IntN(sum)
	for _, c := range from {
		if at -= c.weight; at < 0 {
			return c.verb
		}
	}
	panic("not reached")
}

func (g generator) op(from []choice) Op {
	o := Op{Verb: g.pick(from), Table: g.IntN(len(tables))}
	o.Key = g.key(o.Table)
	switch o.Verb {
	case Put, Insert:
		o.Value = g.value()
	case Modify:
		o.Value, o.Flag = g.value(), g.IntN(4) == 0
	case PutAll, Stream:
		o.N, o.Value, o.Flag = g.IntN(100), g.value(), g.IntN(4) == 0
	case GetMany:
		o.N = g.IntN(12)
	case Scan, Keys, ScanCount, ScanDelete, ScanClear, ScanChange, Seek:
		g.bound(&o)
	case After:
		k := o.Key
		g.bound(&o)
		o.Key = k
	case Prefix:
		o.Flag = g.IntN(2) == 0
	case Update, UpdateFail, UpdatePanic, ViewTx:
		o.Key = ""
		for range 1 + g.IntN(8) {
			o.Ops = append(o.Ops, g.op(inside))
		}
	case Look:
		o.Key, o.N = "", g.IntN(2)
		for range 1 + g.IntN(4) {
			o.Ops = append(o.Ops, g.op(looking))
		}
	case Snapshot, Forget:
		o.N = g.IntN(2) // few, so that mostly there is one to look at
	case Hold, LetGo:
		o.N = g.IntN(slots)
	case Reopen:
		o.Flag = g.IntN(3) == 0
	case Restore:
		o.N = g.IntN(1 << 20)
	}
	return o
}

// bound gives an operation a range, half of the time with a limit.
func (g generator) bound(o *Op) {
	o.To, o.Flag = g.key(o.Table), g.IntN(2) == 0
	switch g.IntN(4) {
	case 0:
		o.Key = ""
	case 1:
		o.To = ""
	}
	if g.IntN(2) == 0 {
		o.N = 1 + g.IntN(12)
	}
	switch o.Verb {
	case ScanChange:
		o.Value = g.value()
	case Seek:
		o.Value = g.key(o.Table)
	}
}

// key is one of few, so that operations meet.
func (g generator) key(table int) string {
	if tables[table].numbers {
		return strconv.Itoa(g.IntN(31) - 15)
	}
	keys := []string{
		"", "a", "b", "a\x00", "\x00", "\xff", "\xff\xff", "ab", "abc", "k", "z",
		strings.Repeat("long", 100),
	}
	k := keys[g.IntN(len(keys))]
	if g.IntN(3) == 0 {
		k += strconv.Itoa(g.IntN(10))
	}
	return k
}

func (g generator) value() string {
	v := strconv.Itoa(g.IntN(1000))
	switch g.IntN(12) {
	case 0:
		return ""
	case 1:
		return strings.Repeat(v, 1+g.IntN(2000))
	case 2:
		return strings.Repeat(v, 40_000)
	}
	return v
}
