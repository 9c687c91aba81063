// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"testing"
	"time"
)

// pairChunk is the size of a chunk of two rows.
const pairChunk = 2*rowCost + 2*32

// putRows puts rows until n are put, or put fails.
func putRows(n int, put func(uint64, []byte) error) error {
	for i := range uint64(n) {
		if err := put(i, []byte("value")); err != nil {
			return err
		}
	}
	return nil
}

// A stream goes on with its source while a chunk is made durable.
func TestStreamFillsWhileItCommits(t *testing.T) {
	tb, e, g := gathered(t)
	stats, err := tb.PutStreamFunc(t.Context(), func(put func(uint64, []byte) error) error {
		if err := putRows(4, put); err != nil { // the third row has the first two committed
			return err
		}
		select {
		case <-g.entered: // and that commit is held up
		case <-time.After(time.Minute):
			return errors.New("no commit")
		}
		close(g.opened)
		return put(4, []byte("value"))
	}, WithChunkBytes(pairChunk))
	if want := (StreamStats{Rows: 5, Bytes: stats.Bytes, Commits: 3}); stats != want || err != nil {
		t.Errorf("got %+v, error %v, want %+v", stats, err, want)
	}
	for i, writes := range e.applied {
		if want := min(2, 5-2*i); len(writes) != want {
			t.Errorf("commit %d has %d rows, want %d", i, len(writes), want)
		}
	}
}

// A stream is over when nothing of it is under way: what it began is counted, however its
// source ends.
func TestStreamEndsItsCommit(t *testing.T) {
	failure := errors.New("of the source")
	for name, end := range map[string]func() error{
		"fails":  func() error { return failure },
		"panics": func() error { panic(failure) },
	} {
		t.Run(name, func(t *testing.T) {
			tb, e, g := gathered(t)
			type outcome struct {
				stats StreamStats
				err   error
			}
			over := make(chan outcome, 1)
			go func() {
				var o outcome
				defer func() { over <- o }()
				defer func() {
					if p := recover(); p != nil {
						o.err = p.(error)
					}
				}()
				o.stats, o.err = tb.PutStreamFunc(t.Context(),
					func(put func(uint64, []byte) error) error {
						if err := putRows(3, put); err != nil {
							return err
						}
						<-g.entered
						return end()
					}, WithChunkBytes(pairChunk))
			}()
			<-g.entered
			select {
			case o := <-over:
				t.Errorf("the stream was over before its commit: %+v", o)
			case <-time.After(20 * time.Millisecond): // time enough to be wrong
			}
			close(g.opened)
			o := <-over
			if o.err != failure {
				t.Errorf("got %v, want the failure of the source", o.err)
			}
			if name == "fails" && (o.stats.Rows != 2 || o.stats.Commits != 1) {
				t.Errorf("got %+v, want the two rows of the commit", o.stats)
			}
			if len(e.applied) != 1 || len(e.applied[0]) != 2 {
				t.Errorf("applied %v, want the first two rows alone", e.applied)
			}
		})
	}
}

// A commit that fails while the source ends is an error, though nothing is put any more.
func TestStreamWhoseLastCommitFails(t *testing.T) {
	failure := errors.New("the disk is full")
	for rows := 1; rows < 6; rows++ {
		tb, e, _ := gathered(t)
		e.before = func([]Write) error { return failure }
		stats, err := tb.PutStreamFunc(t.Context(), func(put func(uint64, []byte) error) error {
			putRows(rows, put)
			return nil
		}, WithChunkBytes(pairChunk))
		if !errors.Is(err, failure) || stats != (StreamStats{}) {
			t.Errorf("%d rows: got %+v, error %v", rows, stats, err)
		}
	}
}

// A commit that fails while something else ends the stream is not forgotten: the storage takes
// no writes after it. Nor is what ended the stream.
func TestStreamThatFailsTwice(t *testing.T) {
	failure, own := errors.New("the disk is full"), errors.New("of the source")
	for name, c := range map[string]struct {
		end  func(cancel func(), put func(uint64, []byte) error) error
		want error
	}{
		"source": {func(func(), func(uint64, []byte) error) error { return own }, own},
		"cancelled": {func(cancel func(), put func(uint64, []byte) error) error {
			cancel()
			return putRows(ctxSteps, put)
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			tb, e, g := gathered(t)
			e.before = func(w []Write) error { g.hold(w); return failure }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := tb.PutStreamFunc(ctx, func(put func(uint64, []byte) error) error {
				putRows(2*ctxSteps, put) // more than one chunk, less than two
				<-g.entered
				defer close(g.opened)
				return c.end(cancel, put)
			}, WithChunkBytes(ctxSteps/2*pairChunk))
			if !errors.Is(err, failure) || !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v and %v", err, c.want, failure)
			}
		})
	}
}

// An empty stream to a table that is gone is an error too.
func TestEmptyStreamToDroppedTable(t *testing.T) {
	tb, _, _ := gathered(t)
	tb.state.end(ErrDropped)
	_, err := tb.PutStreamFunc(t.Context(), func(func(uint64, []byte) error) error { return nil })
	if err == nil {
		t.Error("no error")
	}
}
