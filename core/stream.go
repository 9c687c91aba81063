// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"iter"
	"slices"
)

// StreamStats tells what a stream has committed. The rows that are counted are the first ones of the source, none
// left out.
type StreamStats struct {
	Rows    int64 // rows of the source; of equal keys in one commit only the last is stored
	Bytes   int64 // of their encoded keys and values
	Commits int
}

// StreamOption changes how a stream is written.
type StreamOption func(*streamOptions)

type streamOptions struct {
	chunk    int
	progress func(StreamStats)
}

// WithChunkBytes says after about how many bytes of encoded rows a stream commits. More is faster, needs that much
// memory, and lets other writers wait longer. The default is 32 MiB; an engine's own limit on one write holds
// in any case.
func WithChunkBytes(n int) StreamOption { return func(o *streamOptions) { o.chunk = n } }

// WithProgress calls fn after each commit of a stream, on the goroutine that writes it.
func WithProgress(fn func(StreamStats)) StreamOption {
	return func(o *streamOptions) { o.progress = fn }
}

// PutStream stores rows in bounded chunks, each of which is one atomic, durable write of sorted rows. Its memory
// does not depend on the number of rows. After an error, or when ctx ends, it stops: what the statistics count is
// stored, nothing else. If two rows have the same key the later one counts. A row may be reused when the iterator
// is asked for the next one.
func (t *Table[K, V, W]) PutStream(ctx context.Context, rows iter.Seq2[K, V], opts ...StreamOption) (StreamStats, error) {
	return t.PutStreamFunc(ctx, func(put func(K, V) error) error {
		for k, v := range rows {
			if err := put(k, v); err != nil {
				return err
			}
		}
		return nil
	}, opts...)
}

// PutStreamFunc is PutStream for a source that can fail. src calls put for every row and should return put's error
// if there is one. If src returns an error of its own, that is returned as it is, and the rows since the last
// commit are dropped.
func (t *Table[K, V, W]) PutStreamFunc(ctx context.Context, src func(put func(K, V) error) error, opts ...StreamOption) (StreamStats, error) {
	s := stream[K, V, W]{ctx: ctx, table: t, opts: streamOptions{chunk: 32 << 20}}
	for _, opt := range opts {
		opt(&s.opts)
	}
	s.batch.reset()
	err := src(s.put)
	if s.failed != nil { // whatever src made of it
		return s.stats, s.failed
	}
	if err != nil {
		return s.stats, err
	}
	return s.stats, t.fail("put stream", s.commit())
}

// stream is a PutStream under way.
type stream[K, V, W any] struct {
	ctx    context.Context
	table  *Table[K, V, W]
	opts   streamOptions
	batch  batch
	stats  StreamStats
	failed error // after which nothing is taken any more
}

func (s *stream[K, V, W]) put(k K, v V) error {
	if s.failed == nil {
		s.failed = s.table.failAt("put stream", k, s.take(k, v))
	}
	return s.failed
}

// take adds a row to the chunk, after committing those before it if it might not fit.
func (s *stream[K, V, W]) take(k K, v V) error {
	if len(s.batch.rows)%ctxSteps == 0 {
		if err := s.ctx.Err(); err != nil {
			return err
		}
	}
	start := len(s.batch.arena)
	if err := s.table.add(&s.batch, k, v); err != nil {
		return err
	}
	if s.fits() {
		return nil
	}
	return s.commitBefore(start)
}

// fits reports whether the chunk is within all bounds.
func (s *stream[K, V, W]) fits() bool {
	rows, limits := len(s.batch.rows), &s.table.storage.limits
	return s.batch.size() <= s.opts.chunk &&
		(limits.StreamRows <= 0 || rows <= limits.StreamRows) &&
		limits.checkBatch(rows, len(s.batch.arena)) == nil
}

// commitBefore commits the chunk without its last row, which starts at start, and begins the next chunk with it.
func (s *stream[K, V, W]) commitBefore(start int) error {
	n := len(s.batch.rows) - 1
	if n == 0 {
		return s.commit() // a single row over the bound: the engine decides
	}
	row, last := slices.Clone(s.batch.arena[start:]), s.batch.rows[n]
	s.batch.arena, s.batch.rows = s.batch.arena[:start], s.batch.rows[:n]
	if err := s.commit(); err != nil {
		return s.table.fail("put stream", err) // not the fault of the row that is being put
	}
	return s.batch.add(func(dst []byte) ([]byte, int, error) {
		return append(dst, row...), len(dst) + last.value - last.start, nil
	})
}

// commit makes the chunk durable and empties it.
func (s *stream[K, V, W]) commit() error {
	rows, size := len(s.batch.rows), len(s.batch.arena)
	if err := s.table.commitBatch(s.ctx, &s.batch); err != nil || rows == 0 {
		return err
	}
	s.stats.Rows += int64(rows)
	s.stats.Bytes += int64(size)
	s.stats.Commits++
	s.batch.reset()
	if s.opts.progress != nil {
		s.opts.progress(s.stats)
	}
	return nil
}
