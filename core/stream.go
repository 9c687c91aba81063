// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
)

// A stream stores any number of rows in bounded memory: rows are encoded into a chunk; when it
// is full it is sorted and committed on a goroutine of its own, while the source fills the next
// one. There are two chunks, so at most one commit is under way, and chunks are stored in their
// order. WithSorting puts an external merge sort in front.

// StreamStats tells what a stream has committed. The rows that are counted are the first ones
// of the source, none left out; with [WithSorting], those of the lowest keys.
type StreamStats struct {
	Rows    int64 // rows of the source; of equal keys only the last may have been stored
	Bytes   int64 // of their encoded keys and values
	Commits int   // atomic writes that it took
}

// StreamOption changes how a stream is written.
type StreamOption func(*streamOptions)

type streamOptions struct {
	chunk    int
	sort     bool
	sortDir  string
	progress func(StreamStats)
}

// WithChunkBytes says after about how many bytes of encoded rows a stream commits. More is
// faster, needs twice that much memory, because the next chunk is filled during a commit, and
// lets other writers wait longer. The default is 16 MiB; an engine's own limit on one write
// holds in any case. A row that is larger than n is a chunk of its own.
func WithChunkBytes(n int) StreamOption { return func(o *streamOptions) { o.chunk = max(n, 0) } }

// WithSorting makes a stream sort all of its rows before it stores the first one. What is more
// than a chunk is sorted in temporary files below dir, the system's place for such files if dir
// is "". Many rows in no order are loaded several times faster that way, and take less space.
// In return the stream stores nothing until its source has ended, and nothing at all if the
// source fails.
func WithSorting(dir string) StreamOption {
	return func(o *streamOptions) { o.sort, o.sortDir = true, dir }
}

// WithProgress calls fn after each commit of a stream, on the goroutine that called the stream.
func WithProgress(fn func(StreamStats)) StreamOption {
	return func(o *streamOptions) { o.progress = fn }
}

// PutStream stores rows in bounded chunks, each of which is one atomic, durable write of sorted
// rows. Its memory does not depend on the number of rows. One chunk is stored while the next is
// filled. After an error, or when ctx ends, it stops: what the statistics count is stored,
// nothing else. If two rows have the same key the later one counts. A row may be reused when
// the iterator is asked for the next one. See [WithSorting] if there are many rows and they
// come in no order.
func (t *Table[K, V, W]) PutStream(
	ctx context.Context, rows iter.Seq2[K, V], opts ...StreamOption,
) (StreamStats, error) {
	if rows == nil {
		return t.PutStreamFunc(ctx, nil, opts...)
	}
	return t.PutStreamFunc(ctx, func(put func(K, V) error) error {
		for k, v := range rows {
			if err := put(k, v); err != nil {
				return err
			}
		}
		return nil
	}, opts...)
}

// PutStreamFunc is PutStream for a source that can fail. src calls put for every row and should
// return put's error if there is one. If src returns an error of its own, PutStreamFunc drops
// the rows since the last commit and returns that error as it is, joined with the error of a
// put or commit that failed unless it wraps that already.
//
// Only one goroutine at a time may call put, and not while a row is being encoded; anything
// else is an error, which ends the stream. After src has returned, put returns ErrClosed and
// stores nothing.
func (t *Table[K, V, W]) PutStreamFunc(
	ctx context.Context, src func(put func(K, V) error) error, opts ...StreamOption,
) (stats StreamStats, err error) {
	s := stream[K, V, W]{
		ctx: ctx, table: t, opts: streamOptions{chunk: 16 << 20},
		filling: new(batch), spare: new(batch),
	}
	if err := s.prepare(src == nil, opts); err != nil {
		return stats, t.fail("put stream", err)
	}
	defer func() { // also if src panics
		if failed := s.end(); failed != nil {
			err = errors.Join(err, t.fail("put stream", failed))
		}
		stats = s.stats
	}()
	return stats, s.run(src)
}

// stream is a PutStream under way. It fills one batch while another is worked on: that one is
// sorted and committed, or written to a run. Work on one batch is over before that on the next
// begins, so chunks are stored in their order.
type stream[K, V, W any] struct {
	ctx     context.Context
	table   *Table[K, V, W]
	opts    streamOptions
	filling *batch
	spare   *batch // the batch that is worked on, if one is, or else empty
	work    *work
	runs    *runs       // of sorted rows that wait for the end of the source; nil if there are none
	taken   StreamStats // of the source
	stats   StreamStats
	failed  error // after which nothing is taken any more

	// held by the put under way, and forever when the source has returned
	putting sync.Mutex
	over    atomic.Bool           // the source has returned
	misused atomic.Pointer[error] // put was called beside another one
}

// work is what is done with a batch on a goroutine of its own.
type work struct {
	adds StreamStats // to the statistics, if it succeeds
	done chan error  // gets one element
}

// prepare looks at the arguments of the stream.
func (s *stream[K, V, W]) prepare(noSource bool, opts []StreamOption) error {
	if noSource {
		return errNoRows
	}
	for i, opt := range opts {
		if opt == nil {
			return nilOption(i)
		}
		opt(&s.opts)
	}
	if s.ctx == nil {
		return errNoContext
	}
	return nil
}

// run takes all rows from the source and commits them.
func (s *stream[K, V, W]) run(src func(put func(K, V) error) error) error {
	s.filling.reset()
	err := s.drain(src)
	// src made something else of it, or nothing
	if failed := s.failure(); failed != nil && !errors.Is(err, failed) {
		err = s.join(err, failed)
	}
	if failed := s.await(); failed != nil {
		err = s.join(err, s.table.fail("put stream", failed))
	}
	if err != nil {
		return err
	}
	return s.table.fail("put stream", s.finish())
}

// drain runs the source. From its end on, however it ends, put takes nothing.
func (s *stream[K, V, W]) drain(src func(put func(K, V) error) error) error {
	defer func() {
		s.over.Store(true)
		s.putting.Lock() // behind the last put, should another goroutine be in it
	}()
	return src(s.put)
}

// join adds what failed in the stream to the error that its source returned, except that ctx has
// ended, which the source knows.
func (s *stream[K, V, W]) join(err, failed error) error {
	if err == nil {
		return failed
	}
	if ended := s.ctx.Err(); ended != nil && errors.Is(err, ended) && errors.Is(failed, ended) {
		return err
	}
	return errors.Join(err, failed)
}

// failure returns why put refused a row, if it did.
func (s *stream[K, V, W]) failure() error {
	if misused := s.misused.Load(); s.failed == nil && misused != nil {
		return *misused
	}
	return s.failed
}

// end waits for what is under way, and removes the temporary files.
func (s *stream[K, V, W]) end() (err error) {
	if s.runs != nil {
		// also if the progress function panics
		defer func() { err = errors.Join(err, s.runs.remove()) }()
	}
	return s.await()
}

func (s *stream[K, V, W]) put(k K, v V) error {
	if !s.putting.TryLock() {
		return s.refuse()
	}
	defer s.putting.Unlock() // also if a format panics
	if s.failed = s.failure(); s.failed == nil {
		s.failed = s.table.failAt("put stream", k, s.take(k, v))
	}
	return s.failed
}

// refuse returns why a row cannot be taken now: the batch is in the hands of another put, or
// the stream is over.
func (s *stream[K, V, W]) refuse() error {
	if s.over.Load() {
		return s.table.fail("put stream", errStreamOver)
	}
	err := s.table.fail("put stream", errPutBesidePut)
	s.misused.CompareAndSwap(nil, &err)
	return *s.misused.Load()
}

var (
	errStreamOver = &wrapped{
		ErrClosed,
		"closed: the stream's source has returned; call put while it runs",
	}
	errPutBesidePut = errors.New("put was called while another put of the stream was under way; " +
		"call it from one goroutine " +
		"at a time, and not while a row is encoded")
)

// take adds a row to the chunk, after committing those before it if it might not fit.
func (s *stream[K, V, W]) take(k K, v V) error {
	if len(s.filling.rows)%ctxSteps == 0 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
	before := s.filling.bytes
	if err := s.table.add(s.filling, k, v); err != nil {
		return err
	}
	s.taken.Rows++
	s.taken.Bytes += int64(s.filling.bytes - before)
	switch {
	case s.opts.sort && s.filling.size() > s.opts.chunk:
		return s.table.fail("put stream", s.spill())
	case s.opts.sort, s.fits():
		return nil
	}
	return s.commitBefore()
}

// spill makes a run of the rows at hand, if there are any.
func (s *stream[K, V, W]) spill() error {
	if len(s.filling.rows) == 0 {
		return nil
	}
	if s.runs == nil {
		var err error
		if s.runs, err = newRuns(s.opts.sortDir); err != nil {
			return err
		}
	}
	return s.handOver(StreamStats{}, func(b *batch) error {
		writes, _ := b.sort()
		return s.runs.add(s.ctx, writes)
	})
}

// finish commits what is left when the source has ended.
func (s *stream[K, V, W]) finish() error {
	if s.opts.sort && (s.runs != nil || !s.fits()) {
		return s.finishSorted()
	}
	return errors.Join(s.commit(), s.await())
}

// finishSorted merges the runs and commits them.
func (s *stream[K, V, W]) finishSorted() error {
	if err := errors.Join(s.spill(), s.await()); err != nil {
		return err
	}
	if err := s.runs.merge(s.ctx, s.takeSorted); err != nil {
		return err
	}
	if err := errors.Join(s.commit(), s.await()); err != nil {
		return err
	}
	s.stats.Rows, s.stats.Bytes = s.taken.Rows, s.taken.Bytes // those of equal keys too
	return nil
}

// takeSorted is take for an encoded row of the merged runs.
func (s *stream[K, V, W]) takeSorted(key, value []byte) error {
	s.filling.add(func(dst []byte) ([]byte, int, error) {
		return append(append(dst, key...), value...), len(dst) + len(key), nil
	})
	if s.fits() {
		return nil
	}
	return s.commitBefore()
}

// fits reports whether the chunk is within all bounds.
func (s *stream[K, V, W]) fits() bool {
	rows, limits := len(s.filling.rows), &s.table.storage.limits
	return s.filling.size() <= s.opts.chunk &&
		(limits.StreamRows <= 0 || rows <= limits.StreamRows) &&
		limits.checkBatch(rows, s.filling.bytes) == nil
}

// commitBefore commits the chunk without its last row, and begins the next chunk with it.
func (s *stream[K, V, W]) commitBefore() error {
	if len(s.filling.rows) == 1 { // over the bound: the engine decides
		if err := s.commit(); err != nil {
			return s.table.fail("put stream", err)
		}
		return s.await()
	}
	last := s.filling.cut()
	if err := s.commit(); err != nil {
		return s.table.fail("put stream", err) // not the fault of the row that is being put
	}
	return s.filling.paste(last)
}

// commit begins to make the chunk durable, and empties it. It returns the error of the previous
// chunk.
func (s *stream[K, V, W]) commit() error {
	if s.table.storage.writer.runner.here() { // the goroutine of the commit would not be seen to be
		return errNested
	}
	if len(s.filling.rows) == 0 {
		// which only finds out whether the table is there
		return s.table.commitBatch(s.ctx, s.filling)
	}
	adds := StreamStats{Rows: int64(len(s.filling.rows)), Bytes: int64(s.filling.bytes), Commits: 1}
	return s.handOver(adds, func(b *batch) error { return s.table.commitBatch(s.ctx, b) })
}

// handOver has the rows at hand worked on, and goes on with the other batch.
func (s *stream[K, V, W]) handOver(adds StreamStats, do func(*batch) error) error {
	if err := s.await(); err != nil {
		return err
	}
	full := s.filling
	s.filling, s.spare = s.spare, full
	s.filling.reset()
	s.work = &work{adds, make(chan error, 1)}
	go func(done chan<- error) {
		err := errUnsettled
		defer func() { done <- err }() // also if the engine ends the goroutine
		err = do(full)
	}(s.work.done)
	return nil
}

// await ends the work that is under way, if there is any.
func (s *stream[K, V, W]) await() error {
	if s.work == nil {
		return nil
	}
	w := s.work
	s.work = nil
	if err := <-w.done; err != nil || w.adds.Commits == 0 {
		return err
	}
	s.stats.Rows += w.adds.Rows
	s.stats.Bytes += w.adds.Bytes
	s.stats.Commits += w.adds.Commits
	if s.opts.progress != nil {
		s.opts.progress(s.stats)
	}
	return nil
}
