// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// adds returns a Modify that appends to a row, and counts its runs.
func adds(
	tb *Table[uint64, []byte, []byte], k uint64, what string, runs *atomic.Int32,
) func() error {
	return func() error {
		return tb.Modify(context.Background(), k,
			func(old []byte, found bool) ([]byte, Change, error) {
				runs.Add(1)
				if !found {
					return []byte(what), Store, nil
				}
				return append(slices.Clone(old), what...), Store, nil
			})
	}
}

// does returns a Modify that gives a fixed answer.
func does(
	tb *Table[uint64, []byte, []byte], k uint64, v string, change Change, err error,
) func() error {
	return func() error {
		return tb.Modify(context.Background(), k,
			func([]byte, bool) ([]byte, Change, error) { return []byte(v), change, err })
	}
}

func rowIs(t *testing.T, e *mapEngine, k byte, want string) {
	t.Helper()
	if v, ok := e.rows.Get([]byte{0, 0, 0, 1, k}); string(v) != want || ok != (want != "") {
		t.Errorf("row %d is %q, %v; want %q", k, v, ok, want)
	}
}

// In one group, each Modify sees what the writes before it did, whatever those were.
func TestModifyIsDecidedInOrder(t *testing.T) {
	ctx := context.Background()
	tb, e, g := gathered(t)
	var runs atomic.Int32
	mine := errors.New("mine")
	var existed bool
	errs := behindGate(t, tb, g,
		adds(tb, 7, "a", &runs),
		adds(tb, 7, "b", &runs),
		func() error { return tb.Put(ctx, 7, []byte("c")) },
		adds(tb, 7, "d", &runs),
		does(tb, 7, "no", Store, mine),
		does(tb, 7, "no", Leave, nil),
		func() (err error) { existed, err = tb.Delete(ctx, 7); return err },
		adds(tb, 7, "e", &runs),
		does(tb, 7, "", Remove, nil),
		does(tb, 7, "", Remove, nil),
		func() error { return tb.Insert(ctx, 7, []byte("f")) },
		adds(tb, 7, "g", &runs),
		func() error { return tb.Insert(ctx, 7, []byte("no")) },
		adds(tb, 8, "h", &runs),
		does(tb, 0, "", Remove, nil),
		does(tb, 9, "no", Change(77), nil),
	)
	for i, err := range errs {
		switch i {
		case 4:
			if err != mine {
				t.Errorf("the function's error came back as %v", err)
			}
		case 12:
			if !errors.Is(err, ErrExists) {
				t.Errorf("Insert behind a Modify: %v, want ErrExists", err)
			}
		case 15:
			if err == nil {
				t.Error("an unknown Change is no error")
			}
		default:
			if err != nil {
				t.Errorf("write %d: %v", i, err)
			}
		}
	}
	if !existed || runs.Load() != 6 || len(e.applied) != 2 {
		t.Errorf("Delete = %v, %d runs, %d commits; want true, 6, 2",
			existed, runs.Load(), len(e.applied))
	}
	rowIs(t, e, 7, "fg")
	rowIs(t, e, 8, "h")
	rowIs(t, e, 0, "")
	rowIs(t, e, 9, "")
}

// A group that the engine refuses is decided anew, and so are its functions.
func TestModifyRunsAgainWhenItsGroupIsTriedAgain(t *testing.T) {
	for _, refusal := range []error{ErrConflict, ErrTooLarge} {
		tb, e, g := gathered(t)
		e.before = func(writes []Write) error {
			if len(writes) > 1 {
				return refusal
			}
			return g.hold(writes)
		}
		var runs atomic.Int32
		errs := behindGate(t, tb, g, adds(tb, 1, "a", &runs), adds(tb, 2, "b", &runs),
			adds(tb, 1, "c", &runs))
		if err := errors.Join(errs...); err != nil || runs.Load() != 6 {
			t.Errorf("%v after %d runs; want none after 6", err, runs.Load())
		}
		rowIs(t, e, 1, "ac")
		rowIs(t, e, 2, "b")
	}
	tb, e, _ := gathered(t)
	conflicts := 3
	e.before = func([]Write) error {
		if conflicts--; conflicts >= 0 {
			return ErrConflict
		}
		return nil
	}
	var runs atomic.Int32
	if err := adds(tb, 1, "a", &runs)(); err != nil || runs.Load() != 4 {
		t.Errorf("alone: %v after %d runs; want none after 4", err, runs.Load())
	}
}

// What the functions of a group return may be more than the engine takes at once, though each
// is not.
func TestModifyMayMakeItsGroupTooLarge(t *testing.T) {
	tb, e, g := gathered(t)
	tb.storage.limits = Limits{BatchBytes: 100}
	var writes []func() error
	for k := range uint64(4) {
		writes = append(writes, does(tb, k+1, string(make([]byte, 90)), Store, nil))
	}
	writes = append(writes, does(tb, 9, string(make([]byte, 101)), Store, nil))
	errs := behindGate(t, tb, g, writes...)
	if err := errors.Join(errs[:4]...); err != nil || !errors.Is(errs[4], ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge for the last alone", errs)
	}
	if len(e.applied) != 5 {
		t.Errorf("%d commits, want one each", len(e.applied))
	}
}

// If a function finds a row that its group did not commit after all, its caller is told of the
// failure, and not what the function said about the row.
func TestModifyOfAFailedGroup(t *testing.T) {
	tb, e, g := gathered(t)
	full, mine := errors.New("disk full"), errors.New("mine")
	first := true
	e.before = func(writes []Write) error {
		if first {
			first = false
			return g.hold(writes)
		}
		return full
	}
	errs := behindGate(t, tb, g,
		does(tb, 1, "v", Store, nil), does(tb, 1, "", Leave, mine), does(tb, 2, "",
			Leave, mine), does(tb, 1, "", Leave, nil))
	for i, want := range []error{full, full, mine, full} {
		if !errors.Is(errs[i], want) {
			t.Errorf("write %d: %v, want %v", i, errs[i], want)
		}
	}
}

// A function that does not return stops only its caller, whether the caller leads its group or is
// led, and also when the group is tried again after it has gone.
func TestModifyWhoseFunctionDoesNotReturn(t *testing.T) {
	for how, blow := range map[string]func(){
		"panic": func() { panic("mine") }, "Goexit": runtime.Goexit,
	} {
		for _, refused := range []bool{false, true} {
			for at := range 4 {
				t.Run(fmt.Sprintf("%s of request %d, refused %v", how, at, refused),
					func(t *testing.T) {
						checkBlownGroup(t, blow, refused, at)
					})
				t.Run(fmt.Sprintf("%s beside others, of request %d, refused %v", how, at, refused),
					func(t *testing.T) {
						checkBlownBeside(t, blow, refused, at)
					})
			}
		}
	}
}

// checkBlownGroup lets one of four requests blow. The first of a group that waits behind
// another may lead it.
func checkBlownGroup(t *testing.T, blow func(), refused bool, at int) {
	tb, e, g := gathered(t)
	e.before = func(writes []Write) error {
		if refused && len(writes) > 1 {
			return ErrConflict
		}
		return g.hold(writes)
	}
	var runs atomic.Int32
	var writes []func() error
	for i := range 4 {
		write := adds(tb, 1, string(rune('a'+i)), &runs)
		if i == at {
			write = func() error {
				return survives(func() error {
					return tb.Modify(context.Background(), 1,
						func([]byte, bool) ([]byte, Change, error) {
							blow()
							return nil, Store, nil
						})
				})
			}
		}
		writes = append(writes, write)
	}
	errs := behindGate(t, tb, g, writes...)
	want := ""
	for i, err := range errs {
		if i == at {
			if err != errBlown {
				t.Errorf("the one that blows returned %v", err)
			}
			continue
		}
		want += string(rune('a' + i))
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	rowIs(t, e, 1, want)
	if err := adds(tb, 1, "z", &runs)(); err != nil {
		t.Errorf("later: %v", err)
	}
	rowIs(t, e, 1, want+"z")
	if tb.storage.writer.runner.running.Load() != 0 {
		t.Error("the writer still knows of a function")
	}
	if err := tb.storage.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// checkBlownBeside lets one of four requests for distinct rows blow while the functions of the
// others run: those read what the group holds, so no request may return before they have ended.
func checkBlownBeside(t *testing.T, blow func(), refused bool, at int) {
	tb, e, g := gathered(t)
	var running atomic.Int32
	e.before = func(writes []Write) error {
		if refused && len(writes) > 1 {
			return ErrConflict
		}
		if n := running.Load(); n != 0 {
			t.Errorf("%d functions run beside a commit", n)
		}
		return g.hold(writes)
	}
	var writes []func() error
	for i := range 4 {
		writes = append(writes, func() error {
			return survives(func() error {
				return tb.Modify(context.Background(), uint64(i+1),
					func([]byte, bool) ([]byte, Change, error) {
						running.Add(1)
						defer running.Add(-1)
						if i == at {
							blow()
						}
						// so that it outlives the one that blows, if no request waits
						time.Sleep(time.Millisecond)
						return []byte("v"), Store, nil
					})
			})
		})
	}
	for i, err := range behindGate(t, tb, g, writes...) {
		want, row := error(nil), "v"
		if i == at {
			want, row = errBlown, ""
		}
		if err != want {
			t.Errorf("request %d: got %v, want %v", i, err, want)
		}
		rowIs(t, e, byte(i+1), row)
	}
}

// The functions of a group that are about distinct rows run at the same time, the leader's own
// among them: each of these waits for the others. One after another they took longer than the
// commit that they share.
func TestFunctionsOfDistinctRowsRunTogether(t *testing.T) {
	tb, e, g := gathered(t)
	var all sync.WaitGroup
	all.Add(4)
	var writes []func() error
	for i := range uint64(4) {
		writes = append(writes, func() error {
			return tb.Modify(t.Context(), i+1, func([]byte, bool) ([]byte, Change, error) {
				all.Done()
				all.Wait()
				if err := tb.Put(Bounded(t), 9, nil); !errors.Is(err, ErrNestedWrite) {
					t.Errorf("Put inside one of them: got %v, want ErrNestedWrite", err)
				}
				return []byte("v"), Store, nil
			})
		})
	}
	writes = append(writes, func() error { return tb.Put(t.Context(), 8, []byte("v")) })
	if err := errors.Join(behindGate(t, tb, g, writes...)...); err != nil || len(e.applied) != 2 {
		t.Errorf("got %v and %d commits, want none and 2", err, len(e.applied))
	}
	for _, k := range []byte{1, 2, 3, 4, 8} {
		rowIs(t, e, k, "v")
	}
}

// A write of several rows waits for the functions whose rows it writes.
func TestWriteOfRowsWhoseFunctionRuns(t *testing.T) {
	tb, e, g := gathered(t)
	var runs atomic.Int32
	several := &request{
		writes: []Write{
			{Key: []byte{0, 0, 0, 1, 2}, Value: []byte("s")},
			{Key: []byte{0, 0, 0, 1, 3}, Value: []byte("s")},
		},
		done: make(chan struct{}, 1),
	}
	errs := behindGate(t, tb, g,
		adds(tb, 1, "a", &runs),
		adds(tb, 3, "a", &runs),
		func() error { return tb.storage.writer.commit(t.Context(), several) },
		adds(tb, 2, "b", &runs),
		does(tb, 3, "", Leave, nil),
		adds(tb, 3, "b", &runs),
	)
	if err := errors.Join(errs...); err != nil || runs.Load() != 4 {
		t.Errorf("%v after %d runs; want none after 4", err, runs.Load())
	}
	rowIs(t, e, 1, "a")
	rowIs(t, e, 2, "sb")
	rowIs(t, e, 3, "sb")
}

// An engine that panics while it reads for one function must not take away what another one
// reads, nor tell its request an outcome meanwhile.
func TestEngineThatPanicsWhileAFunctionRuns(t *testing.T) {
	tb, e, g := gathered(t)
	entered, ended := make(chan struct{}), make(chan struct{})
	e.reading = func(key []byte) {
		if key[4] == 2 {
			<-entered
			time.AfterFunc(time.Millisecond, func() { close(ended) })
			panic("the engine")
		}
	}
	var stillHeld bool
	first := func() error {
		return survives(func() error {
			return tb.Modify(t.Context(), 1, func([]byte, bool) ([]byte, Change, error) {
				close(entered)
				<-ended
				stillHeld = e.open.Load() > 0
				return []byte("v"), Store, nil
			})
		})
	}
	put := func() error {
		return survives(func() error { return tb.Put(t.Context(), 7, []byte("v")) })
	}
	second := func() error { return survives(adds(tb, 2, "a", new(atomic.Int32))) }
	behindGate(t, tb, g, put, first, second)
	if !stillHeld {
		t.Error("the snapshot was closed while a function read from it")
	}
	e.reading = nil
	if err := adds(tb, 1, "z", new(atomic.Int32))(); err != nil {
		t.Errorf("later: %v", err)
	}
}

var errBlown = errors.New("it did not return")

// survives runs f on a goroutine of its own, and returns its error, or errBlown if it does not
// return.
func survives(f func() error) (err error) {
	err = errBlown
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { recover() }()
		err = f()
	}()
	<-done
	return err
}

// An engine that panics while the others are committed without a leader whose function panicked
// left them waiting.
func TestEngineThatPanicsAfterAFunctionDid(t *testing.T) {
	tb, e, g := gathered(t)
	hold, applies := e.before, 0
	e.before = func(writes []Write) error {
		if applies++; applies > 1 {
			panic("the engine")
		}
		return hold(writes)
	}
	blows := func() error {
		return survives(func() error {
			return tb.Modify(t.Context(), 1,
				func([]byte, bool) ([]byte, Change, error) { panic("mine") })
		})
	}
	put := func() error {
		return survives(func() error { return tb.Put(t.Context(), 2, []byte("v")) })
	}
	for i, err := range behindGate(t, tb, g, blows, put, put) {
		if err != errBlown && !errors.Is(err, errUnsettled) {
			t.Errorf("write %d: %v", i, err)
		}
	}
}

// A Modify that waits can be cancelled; one that has joined a commit cannot.
func TestCancelAModify(t *testing.T) {
	tb, e, g := gathered(t)
	w := &tb.storage.writer
	begin := func(do func() error) <-chan error {
		done := make(chan error, 1)
		go func() { done <- do() }()
		return done
	}
	first := begin(func() error { return tb.Put(context.Background(), 0, []byte("first")) })
	<-g.entered
	ctx, cancel := context.WithCancel(context.Background())
	ran := false
	waits := begin(func() error {
		return tb.Modify(ctx, 1,
			func([]byte, bool) ([]byte, Change, error) { ran = true; return nil, Store, nil })
	})
	queued(t, w, 1, waits)
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) || ran {
		t.Errorf("got %v, ran %v; want it cancelled, before it ran", err, ran)
	}
	ctx, cancel = context.WithCancel(context.Background())
	joined := begin(func() error {
		return tb.Modify(ctx, 2,
			func([]byte, bool) ([]byte, Change, error) { cancel(); return []byte("v"), Store, nil })
	})
	queued(t, w, 1, joined)
	close(g.opened)
	if err := errors.Join(<-first, <-joined); err != nil {
		t.Error(err)
	}
	rowIs(t, e, 1, "")
	rowIs(t, e, 2, "v")
}
