// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/klauspost/compress/zstd"
)

// What cannot be made shorter is a byte longer, and never more.
func TestStoredSizes(t *testing.T) {
	f := compress.New(values.String())
	for _, v := range texts {
		b, err := f.Append([]byte("before"), v)
		if err != nil {
			t.Fatal(err)
		}
		b = bytes.TrimPrefix(b, []byte("before"))
		if len(b) > 1+len(v) || len(v) >= 100 && v != noise(len(v)) && len(b) > len(v)/2 {
			t.Errorf("%d bytes are stored as %d", len(v), len(b))
		}
	}
	for n := range 3000 {
		v := noise(n)
		b, err := f.Append(nil, v)
		if err != nil || len(b) != 1+n || b[0] != 0 || string(b[1:]) != v {
			t.Fatalf("%d bytes without a pattern are stored as %d, %v", n, len(b), err)
		}
	}
}

// A row is a frame of zstd, so that other programs read it.
func TestRowsAreFrames(t *testing.T) {
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	v := strings.Repeat("word and word ", 200)
	b, err := compress.New(values.String()).Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.DecodeAll(b, nil); err != nil || string(got) != v {
		t.Errorf("the library reads %d bytes, %v", len(got), err)
	}
}

// frame returns a frame of blocks that says that it has size bytes.
func frame(size uint32, blocks ...[]byte) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0}
	return append(binary.LittleEndian.AppendUint32(b, size), slices.Concat(blocks...)...)
}

func block(last bool, kind, size uint32, content ...byte) []byte {
	head := size<<3 | kind<<1
	if last {
		head |= 1
	}
	return append([]byte{byte(head), byte(head >> 8), byte(head >> 16)}, content...)
}

const rawBlock, repeated, compressed = 0, 1, 2

// Frames that cannot be, or that this package does not write, are ErrCorrupt, before memory is
// taken for what they say.
func TestFramesThatAreRefused(t *testing.T) {
	f := compress.New(values.String(), compress.WithMaxSize(1<<20))
	one := block(true, repeated, 1000, 'x')
	if v, err := f.View(slices.Clip(frame(1000, one))); err != nil || v != strings.Repeat("x",
		1000) {
		t.Fatalf("a sound frame reads as %d bytes, %v", len(v), err)
	}
	whole := func(b []byte, change func([]byte) []byte) []byte {
		return slices.Clip(change(slices.Clone(b)))
	}
	many := bytes.Repeat(block(false, repeated, 128<<10, 'x'), 8)
	for name, b := range map[string][]byte{
		"nothing":     {},
		"another tag": {1, 2, 3},
		"a tag alone": {0x28},
		"another magic number": whole(frame(1000, one),
			func(b []byte) []byte { b[1]++; return b }),
		"more than its blocks have":    frame(1001, one),
		"less than its blocks have":    frame(999, one),
		"more than any block can have": frame(128<<10+1, block(true, compressed, 3, 0, 0, 0)),
		"a gigabyte in a few bytes":    frame(1<<30, one),
		"4 GiB in a few bytes":         frame(1<<32-1, one),
		"more than the limit":          frame(1<<20+1, many, block(true, repeated, 1, 'x')),
		"a block that is too large":    frame(128<<10+1, block(true, repeated, 128<<10+1, 'x')),
		"a block of no kind":           frame(1000, block(true, 3, 1000, 'x')),
		"no block":                     frame(1000),
		"no last block":                frame(1000, block(false, repeated, 1000, 'x')),
		"half a block":                 frame(1000, block(true, rawBlock, 1000, 'x')),
		"half a head":                  frame(1000, one[:2]),
		"bytes behind it":              frame(1000, one, []byte{0}),
		"a second frame":               append(frame(1000, one), frame(1000, one)...),
		"a skippable frame behind it":  append(frame(1000, one), 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0),
		"an empty frame behind it": append(frame(1000, one),
			frame(0, block(true, rawBlock, 0))...),
		"a sum": whole(frame(1000, one, []byte{1, 2, 3, 4}),
			func(b []byte) []byte { b[4] |= 4; return b }),
		"a sum that is right": withSum(t, strings.Repeat("x", 1000)),
		"a sum that is not there": whole(frame(1000, one),
			func(b []byte) []byte { b[4] |= 4; return b }),
		"a window": whole(frame(1000, one),
			func(b []byte) []byte { b[4] &^= 0x20; return slices.Insert(b, 5, 0x58) }),
		"a window within the limit": whole(frame(1000, one),
			func(b []byte) []byte { b[4] &^= 0x20; return slices.Insert(b, 5, 0) }),
		"a reserved bit": whole(frame(1000, one),
			func(b []byte) []byte { b[4] |= 8; return b }),
		"a skippable frame": append([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0},
			frame(1000, one)...),
	} {
		if v, err := f.View(slices.Clip(b)); !errors.Is(err, core.ErrCorrupt) || v != "" {
			t.Errorf("%s reads as %d bytes, %v", name, len(v), err)
		}
	}
	other := whole(frame(1000, one),
		func(b []byte) []byte { b[4] |= 1; return slices.Insert(b, 5, 1) })
	if _, err := f.View(other); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("a dictionary that is not there: %v", err)
	}
}

// withSum returns a frame in one segment with its checksum, as zstd writes it.
func withSum(t *testing.T, value string) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true), zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.EncodeAll([]byte(value), nil)
}

// A bomb takes no memory: what a row claims is allocated only if its blocks can be so much, and the
// limit allows it. The library alone would take what it is given room for.
func TestBombsAllocateNothing(t *testing.T) {
	const claimed = 1 << 29
	bomb := slices.Clip(frame(claimed, bytes.Repeat(block(false, repeated, 128<<10, 'x'), 4095),
		block(true, repeated, 128<<10, 'x')))
	claims := slices.Clip(frame(claimed, block(true, compressed, 3, 0, 0, 0)))
	// Blocks of more bytes than a block may have. A thousand bytes are enough for the claim.
	large := slices.Clip(frame(claimed, bytes.Repeat(block(false, repeated, 1<<20, 'x'), 511),
		block(true, repeated, 1<<20, 'x')))
	for name, c := range map[string]struct {
		b     []byte
		limit int
	}{
		"a bomb over the limit":        {bomb, 1 << 20},
		"a bomb that says it is small": {slices.Concat(frame(1), bomb[len(frame(1)):]), 1 << 20},
		"a claim over the limit":       {claims, 1 << 20},
		"a claim within the limit":     {claims, 1 << 30},
		"blocks that cannot be":        {large, 1 << 30},
	} {
		f := compress.New(values.String(), compress.WithMaxSize(c.limit))
		before := allocated()
		if _, err := f.View(c.b); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s reads as error %v", name, err)
		}
		if grown := allocated() - before; grown > claimed/8 {
			t.Errorf("%s of %d bytes takes %d bytes of memory", name, len(c.b), grown)
		}
	}
}

// allocated is how many bytes were ever allocated.
func allocated() uint64 {
	m := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(m)
	return m[0].Value.Uint64()
}

func TestMaxSize(t *testing.T) {
	ctx := t.Context()
	db := opened(t)
	small, large := table(t, db, compress.WithMaxSize(1)), table(t, db, compress.WithMaxSize(1<<30))
	fits := strings.Repeat("x", 64<<10)
	if err := small.Put(ctx, 1, fits); err != nil {
		t.Error(err)
	}
	if err := small.Put(ctx, 2, fits+"x"); !errors.Is(err,
		core.ErrTooLarge) || !strings.Contains(err.Error(), "WithMaxSize") {
		t.Errorf("a value over the limit: %v", err)
	}
	if err := large.Put(ctx, 2, fits+"x"); err != nil {
		t.Error(err)
	}
	if _, err := small.Get(ctx, 2); !errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), "WithMaxSize") {
		t.Errorf("a row over the limit: %v", err)
	}
	if v, err := small.Load(ctx, 1); err != nil || v != fits {
		t.Errorf("a row at the limit reads as %d bytes, %v", len(v), err)
	}
}

// Equal values have equal bytes, whatever was compressed before, by whichever goroutine.
func TestDeterministic(t *testing.T) {
	for _, level := range levels() {
		for _, opts := range [][]compress.Option{
			{compress.WithLevel(level)},
			{compress.WithLevel(level), compress.WithDictionary(trained(t, 1))},
		} {
			f, _, err := core.PowersOf(compress.New(values.String(), opts...)).Bind(nil)
			if err != nil {
				t.Fatal(err)
			}
			all := append([]string{strings.Repeat(sentence(1, 5), 2000)}, texts...)
			for i := range 8 {
				all = append(all, sentence(i%3, i))
			}
			var want [][]byte
			for _, v := range all {
				fresh, _, err := core.PowersOf(compress.New(values.String(), opts...)).Bind(nil)
				if err != nil {
					t.Fatal(err)
				}
				b, err := fresh.Append(nil, v)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, b)
			}
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(level), uint64(g)))
					for range 25 {
						i := r.IntN(len(all))
						if b, err := f.Append(nil, all[i]); err != nil || !bytes.Equal(b, want[i]) {
							t.Errorf("level %d: %d bytes are stored as %d, and %d before; %v",
								level, len(all[i]), len(b), len(want[i]), err)
							return
						}
					}
				})
			}
			wg.Wait()
		}
	}
}

// boundStrings binds text to its row: the table's ID and the key stand in front of it.
type boundStrings struct {
	core.ValueFormat[string, string]
}

func (f boundStrings) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string,
		string]{BindRows: func(id core.TableID) (core.RowFormat[string, string], error) {
		return core.RowFormat[string, string]{
			Append: func(dst, key []byte, v string) ([]byte, error) {
				return append(append(append(dst, id[:]...), key...), v...), nil
			},
			View: func(key, b []byte) (string, error) {
				v, ok := bytes.CutPrefix(b, append(id[:], key...))
				if !ok {
					return "", fmt.Errorf("%w: another row's", core.ErrCorrupt)
				}
				return string(v), nil
			},
		}, nil
	}}
}

// A format that binds values to rows does so inside this one, too.
func TestInnerFormatThatBindsRows(t *testing.T) {
	f := compress.New[string, string](boundStrings{values.String()})
	formattest.Run(t, f, "", "a", strings.Repeat("text ", 100))
	if _, err := f.Append(nil, "v"); err == nil {
		t.Error("a value is encoded without its row")
	}
	if _, err := f.View([]byte{0}); err == nil {
		t.Error("a value is read without its row")
	}
	db := opened(t)
	tab, err := core.OpenTable(t.Context(), db, "bound", keys.Int(), f)
	if err != nil {
		t.Fatal(err)
	}
	v := strings.Repeat("text ", 100)
	if err := tab.Put(t.Context(), 1, v); err != nil {
		t.Fatal(err)
	}
	if got, err := tab.Load(t.Context(), 1); err != nil || got != v {
		t.Errorf("it reads as %q, %v", got, err)
	}
}

// keeping is a format with metadata, and a type that it refuses if unfit is not nil.
type keeping struct {
	core.ValueFormat[string, string]
	meta  string
	unfit error
	got   *[]string
}

func (f keeping) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{
		CheckValue: func() error { return f.unfit },
		Bind: func(stored []byte) (core.ValueFormat[string, string], []byte, error) {
			*f.got = append(*f.got, fmt.Sprintf("%q %v", stored, stored == nil))
			return f.ValueFormat, []byte(f.meta), nil
		},
	}
}

// The inner format gets what it kept, and nothing else, whether there are dictionaries or not.
func TestMetadataOfTheInnerFormat(t *testing.T) {
	db := opened(t)
	var got []string
	open := func(meta string, unfit error, opts ...compress.Option) error {
		f := compress.New[string, string](keeping{values.String(), meta, unfit, &got}, opts...)
		_, err := core.OpenTable(t.Context(), db, "t", keys.Int(), f)
		return err
	}
	unfit := errors.New("unfit")
	if err := open("", unfit); !errors.Is(err, unfit) {
		t.Errorf("a type that the inner format refuses: %v", err)
	}
	d := compress.WithDictionary(trained(t, 1))
	for _, c := range []struct {
		meta string
		opts []compress.Option
	}{{"one", nil}, {"two", nil}, {"two", []compress.Option{d}}, {"", nil}, {"three", nil}} {
		if err := open(c.meta, nil, c.opts...); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`"" true`, `"one" false`, `"two" false`, `"" false`}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("the inner format was given %q, want %q", got, want)
	}
	meta := metaOf(t, db)
	if !bytes.HasSuffix(meta, []byte("\x01three")) {
		t.Errorf("the metadata ends with %q", meta[len(meta)-20:])
	}
	for name, b := range map[string][]byte{
		"cut": meta[:len(meta)/2], "of another version": append([]byte{2}, meta[1:]...),
		"without a flag":    meta[:len(meta)-6],
		"with another flag": append(slices.Clone(meta[:len(meta)-6]), 2),
		"with too many":     {1, 17, 0}, "short": {1, 0},
		"with a size beyond it": {1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0},
		"empty in many bytes":   {1, 0, 0},
	} {
		if _, _, err := core.PowersOf(compress.New(values.String())).Bind(b); !errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("metadata that is %s: %v", name, err)
		}
	}
}

// Without a format inside there is an error and no panic.
func TestNoInnerFormat(t *testing.T) {
	f := compress.New[string, string](nil)
	if _, err := core.OpenTable(t.Context(), opened(t), "t",
		keys.Int(), f); err == nil || !strings.Contains(err.Error(), "compress.New") {
		t.Errorf("the error is %v", err)
	}
	if _, err := f.Append(nil, "v"); err == nil || f.ID() == "" {
		t.Error("a value is encoded by nobody")
	}
	if _, err := f.View(nil); err == nil {
		t.Error("a value is read by nobody")
	}
	if _, _, err := core.PowersOf(f).Bind(nil); err == nil {
		t.Error("nothing is bound to a table")
	}
}

func TestExplain(t *testing.T) {
	db := opened(t)
	tab := table(t, db)
	fill(t, db, tab, 1, 0, 1)
	fill(t, db, table(t, db, compress.WithDictionary(trained(t, 1))), 1, 1, 2)
	infos, err := db.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	explain := func(ti core.TableInfo) (core.Explanation, error) {
		if ti.ValueFormat != "string" || ti.Meta != nil {
			return core.Explanation{}, fmt.Errorf("given %q and %q: %w",
				ti.ValueFormat, ti.Meta, errors.ErrUnsupported)
		}
		return core.Explanation{
			Schema: "text",
			AppendJSON: func(dst, _, value []byte) ([]byte, error) {
				return fmt.Appendf(dst, "%q", value), nil
			},
		}, nil
	}
	e, err := infos[0].Explain(compress.Explain(explain))
	if err != nil || !strings.HasPrefix(e.Schema,
		"compressed with dictionaries of ") || !strings.HasSuffix(e.Schema, " bytes\ntext") {
		t.Fatalf("explained as %q, %v", e.Schema, err)
	}
	i := 0
	for b := range storedRows(t, db) {
		text, err := e.AppendJSON([]byte("> "), nil, b)
		if want := fmt.Sprintf("> %q", sentence(1, i)); err != nil || string(text) != want {
			t.Errorf("row %d is shown as %s, %v; want %s", i, text, err, want)
		}
		if text, err := e.AppendJSON(nil, nil,
			append([]byte{9}, b[1:]...)); text != nil || !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("row %d, damaged, is shown as %s, %v", i, text, err)
		}
		i++
	}
	for _, id := range []string{
		"", "string", "compress/zstd/1", "compress/zstd/1(string",
		"compress/zstd/2(string)", "encrypt/1(compress/zstd/1(string))",
	} {
		if _, err := compress.Explain(explain)(core.TableInfo{ValueFormat: id}); !errors.Is(err,
			errors.ErrUnsupported) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if _, err := compress.Explain(explain)(core.TableInfo{
		ValueFormat: "compress/zstd/1(string)",
		Meta:        []byte("junk"),
	}); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("junk for metadata: %v", err)
	}
	if _, err := compress.Explain(nil)(infos[0]); err == nil {
		t.Error("nothing explains the values inside, and there is no error")
	}
}
