// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var sharedReadPromises = []kit.Promise{
	{
		Name: "shared/rows that were read", Check: checkBaseRows, Shared: true,
		Explanation: "if each of two transactions writes a row that the other one has read, one " +
			"gets ErrConflict and has written nothing; an absent row counts as read too",
	},
	{
		Name: "shared/ranges that were passed", Check: checkBaseRanges, Shared: true,
		Explanation: "a cursor has read what it has passed over, rows and the gaps between them, " +
			"up to the row where it stands or the bound that it found",
	},
	{
		Name: "shared/what was not read", Check: checkBaseElse, Shared: true,
		Explanation: "changes of rows that a transaction has not read are no conflict, with few " +
			"exceptions; changes far behind the row where a cursor stands never are",
	},
	{
		Name: "shared/write skew", Check: checkWriteSkew, Shared: true,
		Explanation: "transactions are serializable: two that read the same rows, and each " +
			"write another one of them, do not both succeed",
	},
	{
		Name: "shared/blind put", Check: checkBlindPut, Shared: true,
		Explanation: "single Applies and reads are transactions like others: if a reader has " +
			"seen a put, and not yet what was computed from the value before, that fails",
	},
}

// baseReader is how a transaction reads its base.
type baseReader func(t *kit.Trial, base core.Snapshot) error

// gets reads rows one by one.
func gets(keys ...string) baseReader {
	return func(t *kit.Trial, base core.Snapshot) error {
		for _, key := range keys {
			if _, err := readers["Get"](t, base, key); err != nil {
				return err
			}
		}
		return nil
	}
}

// getsMany reads them at once, if the engine can.
func getsMany(keys ...string) baseReader {
	return func(t *kit.Trial, base core.Snapshot) error {
		many := base.Powers().GetMany
		if many == nil {
			return gets(keys...)(t, base)
		}
		var asked [][]byte
		for _, key := range keys {
			asked = append(asked, []byte(key))
		}
		return many(t.Ctx, asked, func(int, []byte) error { return nil })
	}
}

// walks reads with a cursor: "" is Next, "..." reads everything that is left, and any other
// step is a key to seek. The cursor stays open while the batch is applied, as that of a
// transaction may.
func walks(r core.ScanRange, steps ...string) baseReader {
	return func(t *kit.Trial, base core.Snapshot) error {
		c, err := base.Scan(t.Ctx, r)
		if err != nil {
			return err
		}
		defer t.Close(c)
		for _, step := range steps {
			switch step {
			case "":
				c.Next()
			case "...":
				kit.Rest(c)
			default:
				c.Seek([]byte(step))
			}
		}
		return c.Err()
	}
}

// between is a range.
func between(low, high string) core.ScanRange {
	r := core.ScanRange{}
	if low != "" {
		r.Low = []byte(low)
	}
	if high != "" {
		r.High = []byte(high)
	}
	return r
}

func down(r core.ScanRange) core.ScanRange {
	r.Reverse = true
	return r
}

func onlyKeys(r core.ScanRange) core.ScanRange {
	r.KeysOnly = true
	return r
}

// baseCase is a transaction that reads, and what another one writes before it commits.
type baseCase struct {
	name   string
	read   baseReader
	writes []core.Write
}

func puts(key string) []core.Write { return []core.Write{kit.Put(key, "new")} }
func dels(key string) []core.Write { return []core.Write{kit.Del(key)} }

// mine is the row that the transaction writes, and that the other one has read. So the two
// cannot be put in any order.
const mine = "mine"

// crossed lets one process read, and write mine. In between the other one writes, after it has
// read mine. It returns the errors of both; an error of a read counts as one of its transaction.
func crossed(t *kit.Trial, one, two *kit.Store, c baseCase) (first, other error) {
	base := one.Base()
	defer t.Close(base)
	first = c.read(t, base)
	theirs := two.Base()
	defer t.Close(theirs)
	if other = gets(mine)(t, theirs); other == nil {
		other = two.ApplyOn(theirs, c.writes...)
	}
	if first == nil {
		first = one.ApplyOn(base, kit.Put(mine, c.name))
	}
	return first, other
}

// conflicts ends the check unless one of the two got ErrConflict and wrote nothing.
func conflicts(t *kit.Trial, c baseCase) {
	t.TB.Helper()
	one, two := t.Pair()
	defer two.MustClose()
	defer one.MustClose()
	old := []core.Write{kit.Put(mine, "old")}
	for _, k := range []string{"c", "e", "g", "i", "k"} {
		old = append(old, kit.Put(k, "old"))
	}
	one.MustApply(append(old, others(one)...)...)
	first, other := crossed(t, one, two, c)
	switch {
	case first == nil && other == nil:
		t.Errorf("%s: two transactions succeed of which each has read what the other one writes",
			c.name)
	case first != nil && !errors.Is(first, core.ErrConflict),
		other != nil && !errors.Is(other, core.ErrConflict):
		t.Errorf("%s: the two transactions give %v and %v; want ErrConflict", c.name, first, other)
	case first != nil:
		two.Wants(mine, "old")
	}
}

// others deletes the rows that the previous case has left, except for those that every case
// begins with.
func others(s *kit.Store) (writes []core.Write) {
	snap := s.MustSnapshot()
	defer s.T.Close(snap)
	for _, r := range s.T.Rows(snap, between("", mine)) {
		if !slices.Contains([]string{"c", "e", "g", "i", "k"}, r.Key) {
			writes = append(writes, kit.Del(r.Key))
		}
	}
	return writes
}

func checkBaseRows(t *kit.Trial) {
	for _, c := range []baseCase{
		{"a row that was changed", gets("e"), puts("e")},
		{"a row that became empty", gets("e"), []core.Write{kit.Put("e", "")}},
		{"a row that was deleted", gets("e"), dels("e")},
		{"a row that was not there", gets("d"), puts("d")},
		{"one of many", gets("c", "d", "e", "k"), puts("k")},
		{"one of many at once", getsMany("c", "e", "k"), puts("e")},
		{"an absent one of many at once", getsMany("c", "d"), puts("d")},
		{"the last of a row read twice", gets("e", "e"), puts("e")},
	} {
		conflicts(t, c)
	}
}

func checkBaseRanges(t *kit.Trial) {
	all := between("b", "l")
	for _, c := range []baseCase{
		{"a row changed", walks(all, "..."), puts("e")},
		{"a row deleted", walks(all, "..."), dels("g")},
		{"a row inserted", walks(all, "..."), puts("h")},
		{"a row inserted, keys only", walks(onlyKeys(all), "..."), puts("h")},
		{"a row deleted, keys only", walks(onlyKeys(all), "..."), dels("g")},
		{"before the first row", walks(all, ""), puts("bb")},
		{"without a bound", walks(between("", ""), ""), puts("a")},
		{"in the gap before the row where it stands", walks(all, "", ""), puts("d")},
		{"the row where it stands", walks(all, "", ""), dels("e")},
		{"that row changed", walks(all, "", ""), puts("e")},
		{"behind the last row", walks(all, "..."), puts("kk")},
		{"the last row asked for", walks(between("b", "d"), "", ""), puts("cc")},
		{"a range without a row", walks(between("ca", "cz"), "..."), puts("cc")},
		{"down: in the gap", walks(down(all), "", ""), puts("j")},
		{"down: the row where it stands", walks(down(all), "", ""), puts("i")},
		{"down: above the first row", walks(down(all), ""), puts("kk")},
		{"down: behind the last row", walks(down(all), "..."), puts("bb")},
		{"down: without a row", walks(down(between("ca", "cz")), "..."), puts("cc")},
		{"sought: the row", walks(all, "g", ""), puts("g")},
		{"sought: in the gap before the row", walks(all, "f", ""), puts("ff")},
		{"sought: before that", walks(all, "", "i", ""), puts("c")},
		{"sought back", walks(all, "i", "", "c", ""), puts("i")},
		{"sought behind all rows", walks(all, "kk", ""), puts("kkk")},
		{"down, sought: the row", walks(down(all), "g", ""), puts("g")},
		{"down, sought: in the gap", walks(down(all), "h", ""), puts("gg")},
		{"down, sought: the key itself", walks(down(all), "h", ""), puts("h")},
		{"down, sought: to the bound", walks(down(all), "b", ""), puts("b")},
	} {
		conflicts(t, c)
	}
}

// checkBaseElse puts many rows between what is read and what is written, because engines may
// note pages of rows. A few conflicts do no harm, so each case may be tried again.
func checkBaseElse(t *kit.Trial) {
	one, two := t.Pair()
	n := t.Pick(6000, 3000)
	row := func(tenths int) string { return fmt.Sprintf("r%06d", n*tenths/10) }
	for at := 0; at < n; at += 1000 {
		var writes []core.Write
		for i := at; i < at+1000; i++ {
			writes = append(writes, kit.Put(fmt.Sprintf("r%06d", i), "old"))
		}
		one.Fill(writes...)
	}
	for _, c := range []baseCase{
		{"another row", gets(row(1)), puts(row(9))},
		{"another row deleted", gets(row(1)), dels(row(9))},
		{"another row inserted", gets(row(1)), puts(row(9) + "'")},
		{"behind a cursor", walks(between("r", "s"), "", "", ""), puts(row(9))},
		{"inserted behind a cursor", walks(between("r", "s"), "", ""), puts(row(8) + "'")},
		{"behind a cursor that goes down", walks(down(between("r", "s")), "", ""), puts(row(1))},
		{"between what was sought", walks(between("r", "s"), "", row(9), ""), puts(row(4))},
		{"below a range", walks(between(row(9), "s"), "", ""), puts(row(1))},
	} {
		for try := 1; ; try++ {
			one.MustApply(kit.Put(mine, "old"))
			for i, w := range c.writes { // another value, so that something changes each time
				c.writes[i].Value = fmt.Append(nil, try)
				if w.Delete {
					one.MustApply(kit.Put(string(w.Key), "old"))
				}
			}
			first, other := crossed(t, one, two, c)
			if first == nil && other == nil {
				break
			}
			if try == 5 {
				t.Errorf("%s: time and again two transactions that do not concern each other give "+
					"%v and %v", c.name, first, other)
				break
			}
		}
	}
}

func checkWriteSkew(t *kit.Trial) {
	one, two := t.Pair()
	for i := range t.Pick(40, 10) {
		one.MustApply(kit.Put("x", "on"), kit.Put("y", "on"))
		mineFirst, theirs := one.Base(), two.Base()
		_, err := readers["Get"](t, mineFirst, "y")
		t.Do("Get", err)
		_, err = readers["Get"](t, theirs, "x")
		t.Do("Get", err)
		first := one.ApplyOn(mineFirst, kit.Put("x", "off"))
		second := two.ApplyOn(theirs, kit.Put("y", "off"))
		t.Close(mineFirst)
		t.Close(theirs)
		if first == nil && second == nil {
			t.Fatalf("round %d: each saw that the other one's row is on, and put out its own", i)
		}
		one, two = two, one
	}
}

func checkBlindPut(t *kit.Trial) {
	one, two := t.Pair()
	one.MustApply(kit.Put("x", "old"), kit.Put("y", "old"))
	base := one.Base()
	defer t.Close(base)
	x, err := readers["Get"](t, base, "x")
	t.Do("Get", err)
	two.MustApply(kit.Put("x", "new"))
	seen := two.All()
	err = one.ApplyOn(base, kit.Put("y", "from "+x))
	if err == nil {
		t.Fatalf("a reader saw %v, and then y was computed from the old x", seen)
	}
	t.Is("Apply", err, core.ErrConflict)
	two.Wants("y", "old")
}
