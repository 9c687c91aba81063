// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// slots is how many guards a program can hold.
const slots = 6

// errOwn is the error of transactions and streams that fail.
var errOwn = errors.New("the program's own error")

// interpreter runs operations in a world, and writes down what it sees.
type interpreter struct {
	world world
	out   strings.Builder
}

// run returns what an operation shows.
func (in *interpreter) run(o Op) string {
	in.out.Reset()
	switch o.Verb {
	case Update, UpdateFail, UpdatePanic, ViewTx:
		in.transaction(o)
	case Hold:
		in.say(in.world.hold(o.N, o.Table, o.Key))
	case LetGo:
		in.letGo(o.N)
	case Snapshot:
		in.say(in.world.snapshot(o.N))
	case Look:
		in.look(o.N, o.Ops)
	case Forget:
		in.world.forget(o.N)
	case Cancelled:
		for _, err := range in.world.cancelled(o.Table, o.Key) {
			in.say(err)
		}
	case Mismatch:
		in.say(in.world.mismatch(o.Table))
	case Drop:
		for _, err := range in.world.drop(o.Table) {
			in.say(err)
		}
	case Rename:
		for _, err := range in.world.rename(o.Table) {
			in.say(err)
		}
	case Raw:
		for _, err := range in.world.raw(o.Table, func(v string) { in.say(nil, brief(v)) }) {
			in.say(err)
		}
	case Sync:
		in.say(in.world.sync())
	case Compact:
		in.say(in.world.compact())
	case Check:
		in.say(in.world.check())
	case Reopen:
		in.reopen(o)
	case Restore:
		in.restore(o)
	default:
		in.onTable(o, in.world.table(o.Table))
	}
	return in.out.String()
}

// onTable runs an operation that may also stand inside a transaction.
func (in *interpreter) onTable(o Op, t rows) {
	r := scanRange{
		key: o.Key, to: o.To, prefix: o.Verb == Prefix, after: o.Verb == After,
		reverse: o.Flag, limit: o.N,
	}
	switch o.Verb {
	case Get, Load, View:
		v, err := t.get(o.Key, o.Verb)
		in.say(err, brief(v))
	case Has:
		ok, err := t.has(o.Key)
		in.say(err, ok)
	case Put:
		in.say(t.put(o.Key, o.Value))
	case Insert:
		in.say(t.insert(o.Key, o.Value))
	case Delete:
		ok, err := t.delete(o.Key)
		in.say(err, ok)
	case Modify:
		in.say(in.modify(o, t))
	case PutAll:
		in.say(t.putAll(rowsFrom(o)))
	case Stream:
		in.stream(o, t)
	case Count:
		n, err := t.count()
		in.say(err, n)
	case GetMany:
		in.say(t.getMany(keysFrom(o), func(r row) { in.row(r) }))
	case Scan, Prefix, After:
		in.say(t.scan(r, in.row))
	case Seek:
		in.say(t.seek(r, o.Value, func(r row) { in.row(r) }))
	case ScanChange:
		in.say(in.scanChange(o, t, r))
	case Keys:
		keys, err := t.scanKeys(r)
		in.say(err, fmt.Sprintf("%.80q", keys))
	case ScanCount:
		n, err := t.scanCount(r)
		in.say(err, n)
	case ScanDelete:
		n, err := t.scanDelete(r)
		in.say(err, n)
	case ScanClear:
		in.say(t.scanClear(r))
	case Past:
		in.say(in.world.table(o.Table).put(o.Key, "past"))
	}
}

func (in *interpreter) row(r row) error {
	in.say(nil, brief(r.key), brief(r.value))
	return nil
}

// modify makes a new row of the old one.
func (in *interpreter) modify(o Op, t rows) error {
	return t.modify(o.Key, func(old string, found bool) (string, core.Change, error) {
		in.say(nil, found, brief(old))
		if o.Flag {
			return "", core.Remove, nil
		}
		return o.Value + strings.Clone(old[:min(len(old), 3)]), core.Store, nil
	})
}

// scanChange changes the table while it is scanned: the scan must not see it.
func (in *interpreter) scanChange(o Op, t rows, r scanRange) error {
	return t.scan(r, func(x row) error {
		in.row(x)
		if err := t.put(x.key, o.Value+"changed"); err != nil {
			return err
		}
		return t.put(beside(o.Table, x.key), o.Value+"new")
	})
}

// beside returns a key beside another.
func beside(table int, key string) string {
	if tables[table].numbers {
		n, _ := strconv.Atoi(key)
		return strconv.Itoa(n + 1)
	}
	return key + "~"
}

func (in *interpreter) stream(o Op, t rows) {
	var failure error
	if o.Flag {
		failure = errOwn
	}
	n, err := t.stream(rowsFrom(o), failure)
	in.say(err, n)
}

// rowsFrom returns the rows that PutAll and Stream put, in no order.
func rowsFrom(o Op) []row {
	var all []row
	for i := range o.N {
		k := (i * 37) % 101
		key := o.Key + strconv.Itoa(k)
		if tables[o.Table].numbers {
			n, _ := strconv.Atoi(o.Key)
			key = strconv.Itoa(n + k)
		}
		all = append(all, row{key, o.Value[:min(len(o.Value), 500)] + strconv.Itoa(i)})
	}
	return all
}

// keysFrom returns the keys that GetMany asks for, in no order, one of them twice.
func keysFrom(o Op) (keys []string) {
	for _, r := range rowsFrom(o) {
		keys = append(keys, r.key)
	}
	return append(keys, o.Key, o.Key)
}

func (in *interpreter) transaction(o Op) {
	run, end := in.world.update, error(nil)
	switch o.Verb {
	case ViewTx:
		run = in.world.view
	case UpdateFail:
		end = errOwn
	}
	defer func() {
		if p := recover(); p != nil {
			in.say(nil, "panic", p)
		}
	}()
	in.say(run(func(table func(int) rows) error {
		for _, sub := range o.Ops {
			if sub.Verb == Past && o.Verb == ViewTx {
				continue // that is allowed
			}
			in.onTable(sub, table(sub.Table))
		}
		if o.Verb == UpdatePanic {
			panic("the program's own panic")
		}
		return end
	}))
}

// look reads in a snapshot.
func (in *interpreter) look(slot int, ops []Op) {
	in.say(nil, in.world.look(slot, func(table func(int) rows) {
		for _, sub := range ops {
			in.onTable(sub, table(sub.Table))
		}
	}))
}

func (in *interpreter) letGo(slot int) {
	v, ok := in.world.held(slot)
	in.say(nil, ok, brief(v))
	in.world.letGo(slot)
}

// end reads all guards and snapshots, after closing the storage that holds them.
func (in *interpreter) end() {
	in.say(in.world.close())
	in.onTable(Op{Verb: Get}, in.world.table(0))
	in.onTable(Op{Verb: Put}, in.world.table(0))
	in.onTable(Op{Verb: Scan}, in.world.table(0))
	in.say(in.world.backup())
	for slot := range slots {
		in.letGo(slot)
		in.look(slot,
			[]Op{{Verb: Scan}, {Verb: Scan, Table: 1}, {Verb: Count, Table: 2}, {Verb: Put}})
		in.world.forget(slot)
	}
	in.say(in.world.shutdown())
}

func (in *interpreter) reopen(o Op) {
	in.end()
	if o.Flag {
		in.say(in.world.open(true))
		for _, verb := range []Verb{
			Count, Get, Put, Insert, Delete, Modify, PutAll, ScanDelete,
			ScanClear, Update,
		} {
			if verb == Update {
				in.transaction(Op{Verb: Update})
			} else {
				in.onTable(Op{Verb: verb, Table: o.Table, Key: o.Key, N: 2},
					in.world.table(o.Table))
			}
		}
		in.say(in.world.close())
	}
	in.say(in.world.open(false))
	in.all()
}

func (in *interpreter) restore(o Op) {
	in.say(in.world.backup())
	in.end()
	for _, err := range in.world.restore(o.N) {
		in.say(err)
	}
	in.all()
}

// all shows all rows of all tables.
func (in *interpreter) all() {
	for n := range tables {
		in.say(in.world.table(n).scan(scanRange{}, in.row))
	}
}

// say writes a line: the error, if there is one, and what was seen.
func (in *interpreter) say(err error, seen ...any) {
	if err != nil {
		in.out.WriteString(identity(err))
	} else {
		in.out.WriteString("ok")
	}
	for _, s := range seen {
		fmt.Fprint(&in.out, " ", s)
	}
	in.out.WriteByte('\n')
}

// sentinels are the errors that are told apart.
var sentinels = []struct {
	name string
	err  error
}{
	{"ErrNotFound", core.ErrNotFound},
	{"ErrExists", core.ErrExists},
	{"ErrClosed", core.ErrClosed},
	{"ErrDropped", core.ErrDropped},
	{"ErrTxDone", core.ErrTxDone},
	{"ErrForeignTx", core.ErrForeignTx},
	{"ErrReadOnly", core.ErrReadOnly},
	{"ErrCorrupt", core.ErrCorrupt},
	{"ErrFormatMismatch", core.ErrFormatMismatch},
	{"ErrVersionMismatch", core.ErrVersionMismatch},
	{"ErrNotStorage", core.ErrNotStorage},
	{"ErrLocked", core.ErrLocked},
	{"ErrTooLarge", core.ErrTooLarge},
	{"ErrUnordered", core.ErrUnordered},
	{"ErrConflict", core.ErrConflict},
	{"ErrNestedWrite", core.ErrNestedWrite},
	{"ErrGuardClosed", core.ErrGuardClosed},
	{"ErrGuardsOpen", core.ErrGuardsOpen},
	{"canceled", context.Canceled},
	{"unsupported", errors.ErrUnsupported},
	{"own", errOwn},
}

// identity names all sentinels that an error is.
func identity(err error) string {
	var names []string
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			names = append(names, s.name)
		}
	}
	if len(names) == 0 {
		return "unknown error: " + err.Error()
	}
	slices.Sort(names)
	return strings.Join(names, "+")
}

// brief shows long strings by their start and a checksum.
func brief(s string) string {
	if len(s) <= 40 {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%.20q...(%d bytes, %08x)", s, len(s), crc32.ChecksumIEEE([]byte(s)))
}
