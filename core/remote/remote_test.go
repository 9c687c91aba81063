// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// TestTrips: what costs a trip is promised, and so is what costs none.
func TestTrips(t *testing.T) {
	var hundred [][]byte
	for i := range 100 {
		hundred = append(hundred, []byte(name((i*37)%100)), []byte(name(7)), []byte("absent"))
	}
	getMany := func(t *testing.T, s core.Snapshot) {
		found := 0
		do(t, s.Powers().GetMany(t.Context(), hundred, func(i int, value []byte) error {
			if n, err := strconv.Atoi(string(hundred[i][1:])); string(value) != strconv.Itoa(n) {
				do(t, err)
				t.Errorf("key %q has the value %q", hundred[i], value)
			}
			found++
			return nil
		}))
		if found != 200 {
			t.Errorf("GetMany found %d rows of 200", found)
		}
	}
	get := func(t *testing.T, s core.Snapshot) {
		if v, _, err := s.Get(t.Context(), []byte(name(5))); string(v) != "5" || err != nil {
			t.Errorf("Get = %q, %v", v, err)
		}
	}
	limited := func(limit int) core.ScanRange { r := table; r.Limit = limit; return r }
	scanned := func(limit, rows int) func(*testing.T, core.Snapshot) {
		return func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, limited(limit))
			if got := take(t, c, rows); got != min(rows, 2000) {
				t.Errorf("%d rows of %d", got, rows)
			}
			do(t, c.Close())
		}
	}
	const all = "page 64, page 256, page 1024, page 4096"
	for _, test := range []struct {
		name string
		use  core.Use
		do   func(t *testing.T, s core.Snapshot)
		want string
	}{
		{"nothing", core.ToUpdate, func(*testing.T, core.Snapshot) {}, ""},
		{"the fence", core.ToRead, fence, "many 1"},
		{"a row and the fence", core.ToReadOnce, get, "many 2"},
		{
			"two rows", core.ToUpdate, func(t *testing.T, s core.Snapshot) { get(t, s); get(t, s) },
			"many 2, many 1",
		},
		{"the row of the fence", core.ToRead, func(t *testing.T, s core.Snapshot) {
			v, _, err := s.Get(t.Context(), []byte(core.FenceKey))
			if string(v) != "fence" || err != nil {
				t.Errorf("Get of the fence = %q, %v", v, err)
			}
		}, "many 1"},
		{"many rows", core.ToReadOnce, getMany, "many 102"},
		{"no rows", core.ToRead, func(t *testing.T, s core.Snapshot) {
			do(t, s.Powers().GetMany(t.Context(), nil, nil))
		}, ""},
		{"a scan that nobody asks for rows", core.ToRead, scanned(0, 0), ""},
		{"the first row", core.ToReadOnce, scanned(1, 1), "page 1"},
		{"the first page", core.ToReadOnce, scanned(0, 64), "page 64"},
		{"a row more", core.ToRead, scanned(0, 65), "page 64, page 256"},
		{"all rows", core.ToRead, scanned(0, 9999), all},
		{"a limit of a thousand", core.ToRead, scanned(1000, 1000), "page 1000"},
		{"a limit that does not hold", core.ToRead, scanned(1, 66), "page 1, page 64, page 256"},
		{"a large limit", core.ToRead, scanned(1500, 1500), "page 1024, page 476"},
		{"an empty range", core.ToRead, func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, core.ScanRange{Low: []byte("l"), High: []byte("k")})
			if got := take(t, c, 1); got != 0 {
				t.Errorf("an empty range has a row")
			}
			do(t, c.Close())
		}, ""},
		{"a scan, the fence, and a row", core.ToReadOnce, func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, limited(1))
			fence(t, s)
			if got := take(t, c, 1); got != 1 {
				t.Errorf("no row after the fence")
			}
			do(t, c.Close())
		}, "page 1"},
		{
			"a scan of nothing, and the fence", core.ToReadOnce,
			func(t *testing.T, s core.Snapshot) {
				c := scan(t, s, core.ScanRange{Low: []byte("zz")})
				fence(t, s)
				for range 2 {
					if take(t, c, 1) != 0 {
						t.Errorf("a row behind the last one")
					}
				}
				do(t, c.Close())
			}, "page 64",
		},
		{"seeks in the page", core.ToReadOnce, func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, table)
			for _, i := range []int{0, 63, 5, 1, 62} {
				c.Seek([]byte(name(i)))
				if k, _, ok := c.Next(); !ok || string(k) != name(i) {
					t.Errorf("Seek to row %d found %q", i, k)
				}
			}
			do(t, c.Close())
		}, "page 64"},
		{"seeks out of the page", core.ToReadOnce, func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, table)
			c.Seek([]byte(name(1000))) // the first page begins here
			take(t, c, 70)             // so the second has 256 rows
			c.Seek([]byte(name(999)))
			c.Seek([]byte(name(1005))) // in the second page no more
			take(t, c, 1)
			c.Seek([]byte("x")) // outside the range is no row
			take(t, c, 1)
			do(t, c.Close())
		}, "page 64, page 256, page 64"},
		{"a limit after each seek", core.ToReadOnce, func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, limited(3))
			take(t, c, 3)
			c.Seek([]byte(name(1000)))
			take(t, c, 3)
			c.Seek([]byte(name(1001)))
			take(t, c, 3) // the third is asked for alone
			do(t, c.Close())
		}, "page 3, page 3, page 1"},
		{"seeks where nothing is", core.ToReadOnce, func(t *testing.T, s core.Snapshot) {
			c := scan(t, s, core.ScanRange{Low: []byte("m"), High: []byte("n")})
			for _, key := range []string{"m", "mm", "m", "a", "x"} {
				c.Seek([]byte(key))
				if take(t, c, 1) != 0 {
					t.Errorf("a row at %q", key)
				}
			}
			do(t, c.Close())
		}, "page 64"},
		{
			"a seek in a range that is at hand whole", core.ToReadOnce,
			func(t *testing.T, s core.Snapshot) {
				c := scan(t, s, core.ScanRange{Low: []byte(name(1990)), High: []byte("l")})
				for _, key := range []string{name(1990), "l", "kz", name(1995), "a"} {
					c.Seek([]byte(key))
					take(t, c, 20)
				}
				do(t, c.Close())
			}, "page 64",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProbe(2000, remote.Options{})
			e := p.open()
			s := begin(t, e, test.use)
			test.do(t, s)
			if test.want != "" { // the fence came along
				fence(t, s)
			}
			do(t, s.Close())
			if got := strings.TrimSuffix(strings.TrimSuffix(p.called(), "close"), ", "); got != test.want {
				t.Errorf("trips: %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestTripsOfAnEngine: those that are no snapshot's.
func TestTripsOfAnEngine(t *testing.T) {
	p := newProbe(10, remote.Options{})
	e := p.open()
	v, r, err := e.Get(t.Context(), []byte(name(3)))
	do(t, err)
	if k, ok := r.(core.Keeper); string(v) != "3" || !ok || !k.Keep() {
		t.Errorf("Get = %q, which nobody can keep", v)
	}
	if _, _, err := e.Get(t.Context(), []byte("absent")); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("Get of an absent row gives %v", err)
	}
	s, err := e.Snapshot(t.Context())
	do(t, err)
	do(t, e.Apply(t.Context(), core.Batch{Writes: []core.Write{put(name(3), "new")}}))
	if v, _, err := s.Get(t.Context(), []byte(name(3))); string(v) != "3" || err != nil {
		t.Errorf("a snapshot shows %q, %v of a later write", v, err)
	}
	fence(t, s)
	do(t, s.Close())
	const want = "many 1, close, many 1, close, many 1, commit, many 1, close"
	if got := p.called(); got != want {
		t.Errorf("calls: %s\nwant %s", got, want)
	}
}

// TestSizesOfRows: pages of large rows do not grow, and limits of what rows a page has.
func TestSizesOfRows(t *testing.T) {
	p := newProbe(0, remote.Options{})
	var writes []core.Write
	for i := range 200 {
		writes = append(writes, put(name(i), strings.Repeat("x", 100_000)))
	}
	p.storage.write(writes, nil)
	s := begin(t, p.open(), core.ToRead)
	c := scan(t, s, table)
	if n := take(t, c, 999); n != 200 {
		t.Errorf("%d rows of 200", n)
	}
	do(t, c.Close())
	do(t, s.Close())
	const want = "page 64, " + "page 10, page 10, page 10, page 10, page 10, page 10, page 10, " +
		"page 10, page 10, page 10, page 10, page 10, page 10, page 10, close"
	if got := p.called(); got != want {
		t.Errorf("calls: %s\nwant %s", got, want)
	}
}

// TestReadAhead: only a cursor whose page was taken whole reads ahead, because most scans end
// before; one that ended has asked for no page too much.
func TestReadAhead(t *testing.T) {
	for _, test := range []struct {
		rows, limit int
		want        string
	}{
		{64, 0, "page 64, close"},
		{-65, 0, "page 64, page 256, close"}, // not beside other calls
		{65, 0, "page 64, page 256, page 1024, close"},
		{321, 0, "page 64, page 256, page 1024, page 4096, close"},
		{9999, 0, "page 64, page 256, page 1024, page 4096, close"},
		{1500, 1500, "page 1024, page 476, close"}, // nothing behind a limit
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe(2000, remote.Options{Beside: test.rows > 0})
			s := begin(t, p.open(), core.ToRead)
			r := table
			r.Limit = test.limit
			c := scan(t, s, r)
			take(t, c, max(test.rows, -test.rows))
			synctest.Wait() // what is read ahead may not have begun
			do(t, c.Close())
			do(t, s.Close())
			if got := p.called(); got != test.want {
				t.Errorf("%d rows, limit %d: %s\nwant %s", test.rows, test.limit, got, test.want)
			}
		})
	}
}

// TestCloseWhileReadingAhead: the page that is under way is given up, and its call is over
// before the cursor is closed, because the state may be closed then. So it is when a Seek leaves.
func TestCloseWhileReadingAhead(t *testing.T) {
	for _, leave := range []func(core.RowCursor){
		func(core.RowCursor) {},
		func(c core.RowCursor) { c.Seek([]byte(name(1000))); take(t, c, 1) },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe(2000, remote.Options{Beside: true})
			p.during = func(ctx context.Context, call string) error {
				if call != "page 1024" {
					return nil
				}
				<-ctx.Done()
				time.Sleep(time.Second) // a driver that takes its time to notice
				return ctx.Err()
			}
			s := begin(t, p.open(), core.ToRead)
			c := scan(t, s, table)
			if n := take(t, c, 65); n != 65 {
				t.Errorf("%d rows of 65", n)
			}
			synctest.Wait() // the page is under way
			leave(c)
			do(t, c.Err())
			do(t, c.Close())
			do(t, s.Close())
		})
	}
}

// TestReadAheadFails: an error of a page ends the rows where that page begins, and not before.
func TestReadAheadFails(t *testing.T) {
	broken := errors.New("broken")
	p := newProbe(2000, remote.Options{Beside: true})
	p.during = func(_ context.Context, call string) error {
		if call == "page 1024" {
			return broken
		}
		return nil
	}
	s := begin(t, p.open(), core.ToRead)
	c := scan(t, s, table)
	if n := take(t, c, 320); n != 320 {
		t.Errorf("%d rows of 320", n)
	}
	for range 2 {
		if _, _, ok := c.Next(); ok || !errors.Is(c.Err(), broken) {
			t.Errorf("Next = %v behind the page that failed, and Err = %v", ok, c.Err())
		}
		c.Seek([]byte(name(1)))
	}
	do(t, c.Close())
	do(t, s.Close())
}

// TestBeside: calls of a state run one by one unless the driver allows more; its first read is
// alone, whatever it allows, because that decides which state it is.
func TestBeside(t *testing.T) {
	for _, beside := range []bool{false, true} {
		p := newProbe(100, remote.Options{Beside: beside})
		p.during = func(context.Context, string) error {
			time.Sleep(time.Millisecond)
			return nil
		}
		synctest.Test(t, func(t *testing.T) {
			s := begin(t, p.open(), core.ToRead)
			readers := func() {
				var all sync.WaitGroup
				for i := range 5 {
					all.Go(func() {
						if v, _, err := s.Get(t.Context(), []byte(name(i))); err != nil ||
							string(v) != strconv.Itoa(i) {
							t.Errorf("Get of row %d = %q, %v", i, v, err)
						}
					})
				}
				all.Wait()
			}
			readers()
			if p.worst != 1 {
				t.Errorf("%d calls beside the first one", p.worst-1)
			}
			readers()
			if want := map[bool]int{false: 1, true: 5}[beside]; p.worst != want {
				t.Errorf("%d calls at a time; want %d", p.worst, want)
			}
			do(t, s.Close())
		})
	}
}

// TestFirstReadFails: the next one is the first then.
func TestFirstReadFails(t *testing.T) {
	p := newProbe(10, remote.Options{})
	p.fail = map[string]error{"many": core.ErrUnavailable}
	s := begin(t, p.open(), core.ToRead)
	if _, _, err := s.Get(t.Context(), []byte(name(1))); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Get gives %v", err)
	}
	p.fail = nil
	fence(t, s)
	c := scan(t, s, table)
	if n := take(t, c, 99); n != 10 {
		t.Errorf("%d rows of 10", n)
	}
	do(t, c.Close())
	do(t, s.Close())
	if got := p.called(); got != "many 2, many 1, page 64, close" {
		t.Errorf("calls: %s", got)
	}
}

// TestManySnapshots: N scans that hold all N connections, while the body of each begins one
// more, would wait for each other forever. Single reads and writers are not counted: they do
// not wait for what the program does.
func TestManySnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(10, remote.Options{Snapshots: 2})
		e := p.open()
		var open []core.Snapshot
		for _, use := range []core.Use{
			core.ToUpdate, core.ToRead, core.ToReadOnce, core.ToUpdate,
		} {
			s := begin(t, e, use)
			c := scan(t, s, table)
			take(t, c, 1)
			do(t, c.Close())
			open = append(open, s)
		}
		once := begin(t, e, core.ToReadOnce)
		fence(t, once)
		do(t, once.Close())
		if _, _, err := e.Get(t.Context(), []byte(name(1))); err != nil {
			t.Errorf("Get gives %v", err)
		}

		late := begin(t, e, core.ToKeep)
		began := time.Now()
		_, err := late.Powers().Fence(t.Context())
		if !errors.Is(err, core.ErrUnavailable) || time.Since(began) != time.Second {
			t.Errorf("the third snapshot is %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := late.Powers().Fence(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting ends with %v", err)
		}
		time.AfterFunc(time.Second/2, func() { do(t, open[1].Close()) })
		fence(t, late) // as soon as another one is closed
		for _, s := range []core.Snapshot{open[0], open[2], open[3], late} {
			do(t, s.Close())
		}
		for range 2 { // none is lost
			s := begin(t, e, core.ToRead)
			fence(t, s)
			defer s.Close()
		}
	})
}

// TestSlotOfAFailedRead: a first read that is tried again takes no second place.
func TestSlotOfAFailedRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(10, remote.Options{Snapshots: 1})
		e := p.open()
		s := begin(t, e, core.ToRead)
		p.fail = map[string]error{"many": core.ErrConflict}
		for range 3 {
			if _, err := s.Powers().Fence(t.Context()); !errors.Is(err, core.ErrConflict) {
				t.Errorf("Fence gives %v", err)
			}
		}
		p.fail = nil
		fence(t, s)
		do(t, s.Close())
		s = begin(t, e, core.ToRead)
		fence(t, s)
		do(t, s.Close())
	})
}

// TestErrors: a caller can tell what became of a write, and why a read failed.
func TestErrors(t *testing.T) {
	broken := errors.New("connection reset")
	writes := core.Batch{Writes: []core.Write{put("k", "v")}}
	for _, test := range []struct {
		fails, want error
	}{
		{broken, core.ErrMaybe}, // nothing is known
		{context.DeadlineExceeded, core.ErrMaybe},
		{core.ErrConflict, core.ErrConflict},
		{core.ErrUnavailable, core.ErrUnavailable},
		{core.ErrMaybe, core.ErrMaybe},
		{core.ErrNoRoom, core.ErrNoRoom},
		{core.ErrTooLarge, core.ErrTooLarge},
		{core.ErrSnapshotExpired, core.ErrSnapshotExpired},
		{core.ErrClosed, core.ErrClosed},
		{core.ErrReadOnly, core.ErrReadOnly},
	} {
		p := newProbe(0, remote.Options{})
		p.fail = map[string]error{"commit": test.fails, "mark": test.fails}
		e := p.open()
		for _, err := range []error{e.Apply(t.Context(), writes), e.SetMark(t.Context(), nil)} {
			if !errors.Is(err, test.want) || !errors.Is(err, test.fails) ||
				errors.Is(err, core.ErrMaybe) != (test.want == core.ErrMaybe) {
				t.Errorf("%v becomes %v; want %v", test.fails, err, test.want)
			}
		}
	}

	p := newProbe(0, remote.Options{Limits: core.Limits{Key: 5}})
	e := p.open()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tooLong := core.Batch{Writes: []core.Write{put("longer", "v")}}
	for name, err := range map[string]error{
		"Apply":    e.Apply(ended, writes),
		"SetMark":  e.SetMark(ended, nil),
		"Get":      second(e.Get(ended, []byte("k"))),
		"Begin":    third(e.Powers().Begin(ended, core.ToRead)),
		"Snapshot": third(e.Snapshot(ended)),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a context that has ended gives %v", name, err)
		}
	}
	if err := e.Apply(t.Context(), tooLong); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("a key that is too long gives %v", err)
	}
	if got := strings.ReplaceAll(p.called(), "close", ""); got != "" {
		t.Errorf("a server was asked: %s", got)
	}

	// Clients return errors of their own when a context ends.
	p.during = func(context.Context, string) error { cancel2(); return broken }
	var ctx context.Context
	ctx, cancel2 = context.WithCancel(t.Context())
	err := second(e.Get(ctx, []byte("k")))
	if !errors.Is(err, broken) || !errors.Is(err, context.Canceled) {
		t.Errorf("a read during which the context ends gives %v", err)
	}
}

var cancel2 context.CancelFunc

func second(_ []byte, _ core.Releaser, err error) error { return err }
func third(_ core.Snapshot, err error) error            { return err }

// TestPageWithoutRows: a cursor would ask for it forever.
func TestPageWithoutRows(t *testing.T) {
	p := newProbe(10, remote.Options{})
	p.rows = func() int { return 0 }
	s := begin(t, p.open(), core.ToRead)
	c := scan(t, s, table)
	if _, _, ok := c.Next(); ok || c.Err() == nil {
		t.Errorf("Next = %v, and Err = %v", ok, c.Err())
	}
	do(t, c.Close())
	do(t, s.Close())
}

// TestUnfitBases: one whose reads were not noted would let every conflict pass.
func TestUnfitBases(t *testing.T) {
	p := newProbe(10, remote.Options{Notes: 10})
	e := p.open()
	read, update := begin(t, e, core.ToRead), begin(t, e, core.ToUpdate)
	writes := []core.Write{put("k", "v")}
	for _, base := range []core.Snapshot{read, struct{ core.Snapshot }{update}} {
		err := e.Apply(t.Context(), core.Batch{Writes: writes, Base: base})
		if err == nil || errors.Is(err, core.ErrConflict) || errors.Is(err, core.ErrMaybe) {
			t.Errorf("Apply with an unfit base gives %v", err)
		}
	}
	b := core.Batch{Writes: writes, Base: update}
	do(t, e.Apply(t.Context(), b))
	if err := e.Apply(t.Context(), b); !errors.Is(err, core.ErrConflict) {
		t.Errorf("a base that was used gives %v", err)
	}
	if got := p.called(); got != "commit" {
		t.Errorf("calls: %s", got)
	}
	do(t, read.Close())
	do(t, update.Close())
}

// TestNobodyKeepsKeys: what a caller lends is its own again when the call returns.
func TestNobodyKeepsKeys(t *testing.T) {
	p := newProbe(300, remote.Options{Notes: 100})
	s := begin(t, p.open(), core.ToUpdate)
	key, absent := []byte(name(1)), []byte("absent")
	_, _, err := s.Get(t.Context(), key)
	do(t, err)
	_ = second(s.Get(t.Context(), absent))
	low, high := []byte(name(10)), []byte(name(200))
	c := scan(t, s, core.ScanRange{Low: low, High: high})
	clear(key)
	clear(absent)
	clear(low)
	clear(high)
	at := []byte(name(20))
	c.Seek(at)
	clear(at)
	if n := take(t, c, 999); n != 180 {
		t.Errorf("%d rows of 180", n)
	}
	do(t, c.Close())
	do(t, remote.New(p, p.opts).Apply(t.Context(), core.Batch{Base: s}))
	if got := noted(p.commit); !slices.Equal(got, []string{"-absent", name(1), "[k0020 k0200)"}) {
		t.Errorf("noted %q", got)
	}
	do(t, s.Close())
}

// TestWhoOwnsBytes: a single read gives away what came from the server; what a transaction reads
// is noted, and stays.
func TestWhoOwnsBytes(t *testing.T) {
	e := newProbe(1, remote.Options{Notes: 10}).open()
	for use, want := range map[core.Use]bool{
		core.ToReadOnce: true, core.ToRead: false, core.ToUpdate: false,
	} {
		s, err := e.Powers().Begin(t.Context(), use)
		do(t, err)
		value, r, err := s.Get(t.Context(), []byte(name(0)))
		do(t, err)
		k, ok := r.(core.Keeper)
		if given := ok && k.Keep(); given != want || string(value) != "0" {
			t.Errorf("use %d: the value %q is given away: %v; want %v", use, value, given, want)
		}
		do(t, s.Close())
	}
}
