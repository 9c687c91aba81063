// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// busy is a value, and a key, that does something while it is encoded.
type busy struct {
	text string
	do   func()
}

func (b busy) MarshalJSON() ([]byte, error) {
	b.run()
	return json.Marshal(b.text)
}

func (b *busy) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &b.text) }

func (b busy) run() {
	if b.do != nil {
		b.do()
	}
}

// busyKeys encodes half of a key, lets it do something, and encodes the other half.
type busyKeys struct{}

func (busyKeys) ID() string    { return "busy" }
func (busyKeys) Ordered() bool { return true }

func (busyKeys) Append(dst []byte, k busy) ([]byte, error) {
	half := len(k.text) / 2
	dst = append(dst, k.text[:half]...)
	k.run()
	return append(dst, k.text[half:]...), nil
}

func (busyKeys) Decode(b []byte) (busy, error) { return busy{text: string(b)}, nil }

// busyTable opens a table whose keys and values do something while they are encoded.
func busyTable(
	t *testing.T, opts ...core.TableOption,
) (*core.Storage, *core.Table[busy, busy, busy]) {
	t.Helper()
	s, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	tb, err := core.OpenTable(t.Context(), s, "t", busyKeys{}, values.JSON[busy](), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s, tb
}

// wantBusy ends the test unless the table has these rows, whose values are their keys.
func wantBusy(t *testing.T, s *core.Storage, tb *core.Table[busy, busy, busy], want ...string) {
	t.Helper()
	var got []string
	for row, err := range tb.Scan().Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Value.text != row.Key.text {
			t.Errorf("the row at %q is %q", row.Key.text, row.Value.text)
		}
		got = append(got, row.Key.text)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the keys are %q, want %q", got, want)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A value whose MarshalJSON put a row through the same Tx was encoded into the same memory as
// that row: both were committed, and both were wrong. The same went for keys, and for reads
// that encode a key.
func TestFormatsMayUseTheTx(t *testing.T) {
	long := strings.Repeat("inner ", 5000)
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		for _, inner := range []string{"inner", long} {
			s, tb := busyTable(t, opts...)
			ctx := t.Context()
			err := s.Update(ctx, func(tx *core.Tx) error {
				in := tb.In(tx)
				must := func(err error) {
					if err != nil {
						t.Error(err)
					}
				}
				put := func(text string) { must(in.Put(ctx, busy{text: text}, busy{text: text})) }
				put("before")
				all := func() { // what a format may do
					put("deepest")
					put(inner)
					must(in.Insert(ctx, busy{text: "most inner", do: func() { put("key's") }},
						busy{text: "most inner", do: func() { put("value's") }}))
					_, err := in.Has(ctx, busy{text: "absent", do: func() { put("has'") }})
					must(err)
					if v,
						err := in.Get(ctx, busy{text: "before"}); v.text != "before" || err != nil {
						t.Errorf("before is %q, %v", v.text, err)
					}
					_, err = in.Delete(ctx, busy{text: "most inner"})
					must(err)
				}
				must(in.Put(ctx, busy{"outer 1", all}, busy{text: "outer 1"}))
				must(in.Put(ctx, busy{text: "outer 2"}, busy{"outer 2", all}))
				must(in.Insert(ctx, busy{"outer 3", all}, busy{"outer 3", all}))
				if v, err := in.Load(ctx, busy{"outer 2", all}); v.text != "outer 2" || err != nil {
					t.Errorf("outer 2 is %q, %v", v.text, err)
				}
				existed, err := in.Delete(ctx, busy{"outer 3", all})
				if !existed || err != nil {
					t.Errorf("Delete = %v, %v", existed, err)
				}
				put("later")
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			wantBusy(t, s, tb, "before", "deepest", "has'", inner, "key's", "later", "outer 1",
				"outer 2", "value's")
		}
	}
}

// A format that panics while it has the transaction's memory takes nothing from the rows before
// and after.
func TestTxGoesOnAfterAFormatPanics(t *testing.T) {
	s, tb := busyTable(t)
	ctx := t.Context()
	err := s.Update(ctx, func(tx *core.Tx) error {
		in := tb.In(tx)
		for _, text := range []string{"a", "b", "c"} {
			if err := in.Put(ctx, busy{text: text}, busy{text: text}); err != nil {
				return err
			}
			func() {
				defer func() { recover() }()
				in.Put(ctx, busy{text: "lost"}, busy{"lost", func() { panic("of the value") }})
			}()
			func() {
				defer func() { recover() }()
				in.Has(ctx, busy{"lost", func() { panic("of the key") }})
			}()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantBusy(t, s, tb, "a", "b", "c")
}

// Outside a transaction rows are encoded in memory of their own.
func TestFormatsMayUseTheTable(t *testing.T) {
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		s, tb := busyTable(t, opts...)
		ctx := t.Context()
		put := func(text string) func() {
			return func() {
				if err := tb.Put(ctx, busy{text: text}, busy{text: text}); err != nil {
					t.Error(err)
				}
			}
		}
		rows := func(yield func(busy, busy) bool) {
			_ = yield(busy{"2", put("k2")}, busy{"2", put("v2")}) &&
				yield(busy{"3", put("k3")}, busy{"3", put("v3")})
		}
		if err := tb.Put(ctx, busy{"1", put("k1")}, busy{"1", put("v1")}); err != nil {
			t.Error(err)
		}
		if err := tb.PutAll(ctx, rows); err != nil {
			t.Error(err)
		}
		if _, err := tb.PutStream(ctx, rows, core.WithChunkBytes(1)); err != nil {
			t.Error(err)
		}
		if found, err := tb.Has(ctx, busy{"3", put("k4")}); !found || err != nil {
			t.Error(found, err)
		}
		wantBusy(t, s, tb, "1", "2", "3", "k1", "k2", "k3", "k4", "v1", "v2", "v3")
	}
}

// put of a stream was called while a value of it was encoded: both rows lay in the same memory,
// and one was lost. It is an error, of the stream too, even if the value makes nothing of it.
func TestPutBesidePut(t *testing.T) {
	s, tb := busyTable(t)
	ctx := t.Context()
	var inner error
	for _, inKey := range []bool{true, false} {
		stats, err := tb.PutStreamFunc(ctx, func(put func(busy, busy) error) error {
			row := busy{text: "outer"}
			bad := busy{"outer", func() { inner = put(busy{text: "inner"}, busy{text: "inner"}) }}
			if inKey {
				return put(bad, row)
			}
			return put(row, bad)
		})
		var e *core.Error
		if inner == nil || !errors.Is(err, inner) || !errors.As(err, &e) || stats.Rows != 0 {
			t.Errorf("put gave %v, the stream %+v, %v", inner, stats, err)
		}
	}
	wantBusy(t, s, tb)
}

// put that was kept by its source took rows after the stream, said nil, and lost them.
func TestPutAfterTheStream(t *testing.T) {
	_, tb := openTable(t, memory.New())
	ctx := t.Context()
	failure := errors.New("of the source")
	for name, end := range map[string]func(put func(uint64, string) error) error{
		"ends":   func(func(uint64, string) error) error { return nil },
		"fails":  func(func(uint64, string) error) error { return failure },
		"panics": func(func(uint64, string) error) error { panic(failure) },
		"bad row": func(put func(uint64, string) error) error {
			return put(1, strings.Repeat("x", 1<<20))
		},
		"one row":  func(put func(uint64, string) error) error { return put(1, "x") },
		"exhausts": func(put func(uint64, string) error) error { return putMany(put, 1000) },
	} {
		var kept func(uint64, string) error
		func() {
			defer func() { recover() }()
			tb.PutStreamFunc(ctx, func(put func(uint64, string) error) error {
				kept = put
				return end(put)
			}, core.WithChunkBytes(1000))
		}()
		elsewhere := make(chan error)
		go func() { elsewhere <- kept(1_000_000, "late") }()
		for _, err := range []error{kept(1_000_001, "late"), <-elsewhere, kept(1_000_002, "late")} {
			var e *core.Error
			if !errors.Is(err, core.ErrClosed) || !errors.As(err, &e) {
				t.Errorf("%s: put after the stream gives %v, want ErrClosed", name, err)
			}
		}
	}
	if n, err := tb.Scan().From(1_000_000).Count(ctx); n != 0 || err != nil {
		t.Errorf("%d late rows, %v", n, err)
	}
}

func putMany(put func(uint64, string) error, n uint64) error {
	for i := range n {
		if err := put(i, "value"); err != nil {
			return err
		}
	}
	return nil
}

// Whatever goroutines a source leaves behind: what put answered with nil is stored, and nothing
// else.
func TestPutRacesWithTheEndOfItsSource(t *testing.T) {
	_, tb := openTable(t, memory.New())
	ctx := t.Context()
	for round := range uint64(200) {
		put1 := make(chan error)
		_, err := tb.PutStreamFunc(ctx, func(put func(uint64, string) error) error {
			go func() { put1 <- put(round, "value") }()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		said := <-put1
		if found, err := tb.Has(ctx, round); err != nil || found != (said == nil) {
			t.Fatalf("round %d: put gave %v, and the row is there: %v, %v", round, said, found, err)
		}
	}
}

// A source said in which line put had failed, and the stream replaced that by what put had said.
func TestStreamKeepsTheErrorOfItsSource(t *testing.T) {
	s, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tb, err := core.OpenTable(t.Context(), s, "t", keys.Int(), values.JSON[any]())
	if err != nil {
		t.Fatal(err)
	}
	own := errors.New("of the source")
	for name, test := range map[string]struct {
		make func(put error) error
		want string // of the message, in front
		own  bool
	}{
		"wraps": {
			func(put error) error { return fmt.Errorf("line 17: %w", put) },
			"line 17: put stream t[1] in db: ", false,
		},
		"its own": {
			func(error) error { return own },
			"of the source\nput stream t[1] in db: ", true,
		},
		"put's":   {func(put error) error { return put }, "put stream t[1] in db: ", false},
		"nothing": {func(error) error { return nil }, "put stream t[1] in db: ", false},
		"text only": {
			func(put error) error { return fmt.Errorf("line 17: %v", put) },
			"line 17: put stream t[1] in db: ", false,
		},
	} {
		var failed error
		_, err := tb.PutStreamFunc(t.Context(), func(put func(int, any) error) error {
			failed = put(1, func() {}) // cannot be encoded
			return test.make(failed)
		})
		if failed == nil || !errors.Is(err, failed) || errors.Is(err, own) != test.own ||
			!strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: put gave %v, the stream %v", name, failed, err)
		}
	}
}

// kept is what a transaction's function leaves behind.
type kept struct {
	tx   *core.Tx
	scan core.Scan[uint64, string, string]
	rows func(func(core.Row[uint64, string], error) bool)
}

// Whatever a program keeps of a transaction says afterwards that it is over. A table of another
// storage does not: the error once said that its transaction was over.
func TestTransactionsThatAreOver(t *testing.T) {
	s, tb := openTable(t, memory.New())
	defer s.Close()
	_, other := openTable(t, memory.New())
	ctx := t.Context()
	var k kept
	err := s.View(ctx, func(tx *core.Tx) error {
		k = kept{tx, tb.In(tx).Scan(), tb.In(tx).Scan().Rows(ctx)}
		for _, call := range []func() error{
			func() error { _, err := other.In(tx).Get(ctx, 1); return err },
			func() error { return other.In(tx).Put(ctx, 1, "v") },
			func() error { _, err := other.In(tx).Scan().Count(ctx); return err },
		} {
			if err := call(); !errors.Is(err, core.ErrForeignTx) || errors.Is(err, core.ErrClosed) {
				t.Errorf("a table of another storage: %v, want ErrForeignTx", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, call := range []func() error{
			func() error { _, err := tb.In(k.tx).Get(ctx, 1); return err },
			func() error { return tb.In(k.tx).Put(ctx, 1, "v") },
			func() error { _, err := k.scan.Count(ctx); return err },
			func() error {
				for _, err := range k.rows {
					return err
				}
				return nil
			},
		} {
			if err := call(); !errors.Is(err, core.ErrTxDone) || !errors.Is(err, core.ErrClosed) {
				t.Errorf("after the transaction: %v, want ErrTxDone and ErrClosed", err)
			}
		}
	}
	if _, err := other.In(k.tx).Get(ctx, 1); !errors.Is(err, core.ErrForeignTx) {
		t.Errorf("another storage's table after the transaction: %v", err)
	}
	if err := s.DropTable(ctx, "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := tb.Get(ctx, 1); !errors.Is(err, core.ErrDropped) ||
		!errors.Is(err, core.ErrClosed) {
		t.Errorf("a dropped table: %v, want ErrDropped and ErrClosed", err)
	}
}

// The iterator of Stream was kept and ranged over later. It ended early, and the error got lost.
func TestRowsOfStreamAreNotKept(t *testing.T) {
	s, tb := openTable(t, memory.New())
	ctx := t.Context()
	for k := range uint64(3) {
		if err := tb.Put(ctx, k, "v"); err != nil {
			t.Fatal(err)
		}
	}
	late := func(name string, use func()) {
		t.Helper()
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, "after its function had returned") {
				t.Errorf("%s: the panic is %s", name, p)
			}
		}()
		use()
	}
	var rows iter.Seq2[uint64, string]
	var next func() (uint64, string, bool)
	var stop func()
	n := 0
	err := tb.Scan().Stream(ctx, func(all iter.Seq2[uint64, string]) error {
		for range 2 { // this is not a misuse
			for range all {
				n++
			}
		}
		rows = all
		next, stop = iter.Pull2(all)
		next()
		return nil
	})
	if n != 6 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	late("pulled", func() { next() })
	stop()
	late("kept", func() {
		for range rows {
		}
	})
	if err := s.Close(); err != nil {
		t.Errorf("something was left open: %v", err)
	}
}

// trusting is a format that can do without validation.
type trusting struct {
	core.ValueFormat[string, string]
}

func (f trusting) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{ViewTrusted: f.ViewTrusted}
}

func (trusting) ViewTrusted(b []byte) (string, error) { return string(b), nil }

func (f trusting) View(b []byte) (string, error) {
	if string(b) == "forged" {
		return "", errors.New("no value looks like that")
	}
	return f.ValueFormat.View(b)
}

// With ValidateFull, Open accepted a forged row whose checksum was right, since it knows no
// formats, and reads trusted it: what the view's accessors do with such bytes is anybody's
// guess.
func TestFullValidationTrustsNoChecksum(t *testing.T) {
	ctx, b := t.Context(), memory.New()
	for _, c := range []struct {
		validation core.Validation
		refused    bool
	}{{core.ValidateQuick, false}, {core.ValidateFull, true}} {
		s, err := core.Open(ctx, "db", b, core.WithValidation(c.validation))
		if err != nil {
			t.Fatal(err)
		}
		tb, err := core.OpenTable(ctx, s, "t",
			keys.Int(), trusting{values.String()}, core.WithChecksums())
		if err != nil {
			t.Fatal(err)
		}
		if err := tb.Put(ctx, 1, "forged"); err != nil {
			t.Fatal(err)
		}
		if _, err := tb.Load(ctx, 1); (err != nil) != c.refused {
			t.Errorf("validation %d: Load returns %v, refused %v wanted",
				c.validation, err, c.refused)
		}
		if _, err := tb.Scan().Count(ctx); err != nil {
			t.Errorf("validation %d: Count returns %v", c.validation, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Check trusted rows whose checksum was right: one that was forged, and that no View would
// take, passed.
func TestCheckValidatesRowsWithChecksums(t *testing.T) {
	for _, opts := range [][]core.TableOption{nil, {core.WithChecksums()}} {
		s, err := core.Open(t.Context(), "db", memory.New())
		if err != nil {
			t.Fatal(err)
		}
		tb, err := core.OpenTable(t.Context(), s, "t",
			keys.Int(), trusting{values.String()}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(tb.Put(t.Context(), 1, "sound"), s.Check(t.Context()),
			tb.Put(t.Context(), 2, "forged")); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(t.Context()); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%d options: %v, want ErrCorrupt", len(opts), err)
		}
		s.Close()
	}
}

// Somebody who waits for a write that never ends wants to know whose it is.
func TestWaitingInVainNamesTheHolder(t *testing.T) {
	for _, tracked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var opts []core.Option
			if tracked {
				opts = append(opts, core.WithTracking())
			}
			s, tb := openTable(t, memory.New(), opts...)
			defer s.Close()
			waits := map[string]func(ctx context.Context) error{
				"Put": func(ctx context.Context) error { return tb.Put(ctx, 1, "v") },
				"Update": func(ctx context.Context) error {
					return s.Update(ctx, func(*core.Tx) error { return nil })
				},
				"DropTable": func(ctx context.Context) error { return s.DropTable(ctx, "t") },
				"OpenTable": func(ctx context.Context) error {
					_, err := core.OpenTable(ctx, s, "new", keys.Int(), values.String())
					return err
				},
			}
			holdTheTurn(t, s, func() {
				for name, wait := range waits {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					err := make(chan error)
					go func() { err <- wait(ctx) }()
					got := <-err
					cancel()
					text := fmt.Sprint(got)
					if !errors.Is(got, context.DeadlineExceeded) ||
						!strings.Contains(text, "waiting for the turn to write") {
						t.Errorf("%s: %v", name, got)
					}
					if strings.Contains(text, "holdTheTurn") != tracked ||
						strings.Contains(text, "WithTracking") == tracked {
						t.Errorf("%s, tracked %v: %v", name, tracked, got)
					}
				}
			})
			if err := tb.Put(t.Context(), 1, "v"); err != nil {
				t.Error(err)
			}
		})
	}
}

// holdTheTurn runs fn while no other write can happen.
func holdTheTurn(t *testing.T, s *core.Storage, fn func()) {
	t.Helper()
	err := s.Update(t.Context(), func(*core.Tx) error { fn(); return nil })
	if err != nil {
		t.Error(err)
	}
}
