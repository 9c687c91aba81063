// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/klauspost/compress/zstd"
)

// A dictionary is made from samples in two steps. cover, in cover.go, picks the pieces of
// samples that are most useful to refer to; build then adds statistics about the samples, with
// which the compressor needs fewer bits.

// DefaultDictionarySize is the largest size of a dictionary in bytes, unless [DictionarySize] says
// otherwise.
const DefaultDictionarySize = 32 << 10

// TrainOption changes how a dictionary is made.
type TrainOption func(*trainer)

// DictionarySize sets how many bytes of samples a dictionary has at most. Values are brought into
// the range from 1 KiB to 120 KiB.
func DictionarySize(bytes int) TrainOption {
	return func(t *trainer) { t.size = min(max(bytes, 1<<10), 120<<10) }
}

// Train makes a dictionary of samples, which are values as the inner format of compress.New encodes
// them: see [Samples]. A few hundred representative ones are enough. You may give any number: Train
// keeps at most 8 MiB of samples, spread over all of them. The same samples make the same
// dictionary. The dictionary contains readable parts of samples.
//
// Train stops at an error of the samples, and when ctx ends.
func Train(
	ctx context.Context, samples iter.Seq2[[]byte, error], opts ...TrainOption,
) (Dictionary, error) {
	t := newTrainer(opts)
	for sample, err := range samples {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return Dictionary{}, err
		}
		t.add(sample)
	}
	return t.dictionary(ctx)
}

// Samples encodes values as samples for [Train].
func Samples[V, W any](
	inner core.ValueFormat[V, W], values iter.Seq2[V, error],
) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var b []byte
		for v, err := range values {
			if err == nil {
				b, err = inner.Append(b[:0], v)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// TrainTable makes a dictionary of the rows of a table, and reads all of them. The table may be
// compressed already, with or without dictionaries, or not. TrainTable cannot use values that are
// bound to their rows, as encrypted ones are: for such a table give the values to Train.
func TrainTable(
	ctx context.Context, s *core.Storage, table string, opts ...TrainOption,
) (Dictionary, error) {
	raw, err := core.OpenRaw(ctx, s, table)
	if err != nil {
		return Dictionary{}, err
	}
	infos, err := s.Tables(ctx)
	if err != nil {
		return Dictionary{}, err
	}
	i := slices.IndexFunc(infos, func(t core.TableInfo) bool { return t.Name == table })
	if i < 0 {
		return Dictionary{}, fmt.Errorf("%w: the table %q was dropped or renamed meanwhile",
			core.ErrNotFound, table)
	}
	inflate, err := inflater(infos[i])
	if err != nil {
		return Dictionary{}, fmt.Errorf("table %q: %w", table, err)
	}
	return Train(ctx, func(yield func([]byte, error) bool) {
		for row, err := range raw.Scan().Rows(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			value, release, err := inflate(row.Value)
			more := yield(value, err)
			if release != nil {
				release.Release()
			}
			if !more {
				return
			}
		}
	}, opts...)
}

// inflater returns a function that turns stored values of a table into those of the inner
// format.
func inflater(t core.TableInfo) (func(b []byte) ([]byte, core.Releaser, error), error) {
	if t.ID != nil {
		return nil, fmt.Errorf("%w: values that are bound to their rows cannot be read without "+
			"their format: use Train with Samples", errors.ErrUnsupported)
	}
	if !strings.HasPrefix(t.ValueFormat, formatID+"(") {
		return func(b []byte) ([]byte, core.Releaser, error) { return b, nil, nil }, nil
	}
	m, err := parseMetadata(t.Meta)
	if err != nil {
		return nil, err
	}
	c, err := newCodec(newOptions([]Option{WithMaxSize(anySize)}), m.dictionaries)
	return c.open, err
}

// anySize is the size limit here, since that of the table's own programs is not known.
const anySize = math.MaxInt32

// trainer keeps samples that are spread evenly over all that it is given.
type trainer struct {
	size    int
	kept    [][]byte
	bytes   int // of all that are kept
	seen    int
	stride  int // every so many samples are kept
	maxKept int
}

const (
	maxTraining = 8 << 20
	maxSample   = 64 << 10 // of a longer one the beginning is kept
)

func newTrainer(opts []TrainOption) *trainer {
	t := &trainer{size: DefaultDictionarySize, stride: 1, maxKept: maxTraining}
	for _, set := range opts {
		set(t)
	}
	return t
}

// add keeps every stride-th sample. When there are too many, it forgets every second one, and keeps
// half as many from then on.
func (t *trainer) add(sample []byte) {
	t.seen++
	if (t.seen-1)%t.stride != 0 {
		return
	}
	sample = slices.Clone(sample[:min(len(sample), maxSample)])
	t.kept = append(t.kept, sample)
	t.bytes += len(sample)
	for t.bytes > t.maxKept && len(t.kept) > 1 {
		t.stride *= 2
		half := t.kept[:0]
		t.bytes = 0
		for i := 0; i < len(t.kept); i += 2 {
			half = append(half, t.kept[i])
			t.bytes += len(t.kept[i])
		}
		clear(t.kept[len(half):])
		t.kept = half
	}
}

// errFewSamples is the error for samples that have nothing in common.
var errFewSamples = errors.New("too few samples, or ones that have nothing in common: " +
	"there is nothing to make a dictionary of")

func (t *trainer) dictionary(ctx context.Context) (Dictionary, error) {
	content, err := cover(ctx, t.kept, min(t.size, t.bytes/4))
	if err != nil {
		return Dictionary{}, err
	}
	b, err := build(t.kept, content)
	if err != nil {
		// The library makes none if the content already has everything in the samples, which is the
		// best case.
		b, err = build(append(t.kept, everyByte()), content)
	}
	if err != nil {
		return Dictionary{}, fmt.Errorf("%w: %w", errFewSamples, err)
	}
	return ParseDictionary(b)
}

// build adds statistics to the content of a dictionary: how often each byte and each length occurs.
func build(samples [][]byte, content []byte) (b []byte, err error) {
	err = recovered(func() (err error) {
		b, err = zstd.BuildDict(zstd.BuildDictOptions{
			ID: 1, Contents: samples, History: content, Offsets: [3]int{1, 4, 8},
			Level: zstd.SpeedBetterCompression,
		})
		return err
	})
	return b, err
}

// everyByte returns a sample that has nothing in common with any other.
func everyByte() []byte {
	b := make([]byte, 512)
	for i := range b {
		b[i] = byte(i*i>>1 + i*97)
	}
	return b
}
