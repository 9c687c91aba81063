// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// The benchmarks compare a table with pgx used by hand: the same rows, the same isolation, as many
// connections, on the same server, which waits for its disk. What is by hand knows no fence, and
// settles nothing.

const benchRows = 100_000

// pair is a table, and a relation with the same rows.
type pair struct {
	storage *core.Storage
	table   *core.Table[uint64, []byte, []byte]
	pool    *pgxpool.Pool
}

var bench struct {
	sync.Once
	server *postgrestest.Server
	pair   pair
	err    error
}

func benchPair(b *testing.B) *pair {
	b.Helper()
	bench.Do(func() {
		if bench.server, bench.err = postgrestest.Start(postgrestest.Options{}); bench.err == nil {
			cleanups = append(cleanups, bench.server.Close)
			bench.err = bench.pair.open(context.Background(), bench.server.URL())
		}
	})
	postgrestest.Needed(b, bench.err)
	return &bench.pair
}

func (p *pair) open(ctx context.Context, url string) (err error) {
	if p.storage, err = core.Open(ctx, "bench", Backend{URL: url, Writers: 16}); err != nil {
		return err
	}
	p.table, err = core.OpenTable(ctx, p.storage, "rows", keys.Uint64(), values.Bytes())
	if err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return err
	}
	config.MaxConns = 16
	config.ConnConfig.RuntimeParams = map[string]string{
		"default_transaction_isolation": "serializable", "enable_seqscan": "off",
		"enable_bitmapscan": "off", "plan_cache_mode": "force_generic_plan",
	}
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	_, err = p.pool.Exec(ctx, "create table hand (k bytea primary key, v bytea not null) "+
		"with (fillfactor = 90)")
	if err != nil {
		return err
	}
	if _, err = p.table.PutStream(ctx, benchStream(0, benchRows)); err != nil {
		return err
	}
	if err := p.copyByHand(ctx, "hand", 0, benchRows); err != nil {
		return err
	}
	_, err = p.pool.Exec(ctx, "vacuum analyze")
	return err
}

var benchValue = make([]byte, 128)

func benchStream(from, to int) func(yield func(uint64, []byte) bool) {
	return func(yield func(uint64, []byte) bool) {
		for i := from; i < to; i++ {
			if !yield(uint64(i), benchValue) {
				return
			}
		}
	}
}

// handKey is the key of a row of the relation, as long as one of the table.
func handKey(i int) []byte { return fmt.Appendf(nil, "%012d", i) }

func (p *pair) copyByHand(ctx context.Context, relation string, from, to int) error {
	i := from
	_, err := p.pool.CopyFrom(ctx, pgx.Identifier{relation}, []string{"k", "v"},
		pgx.CopyFromFunc(func() ([]any, error) {
			if i == to {
				return nil, nil
			}
			i++
			return []any{handKey(i - 1), benchValue}, nil
		}))
	return err
}

const (
	handPut = "insert into hand (k, v) values ($1, $2) on conflict (k) do update set v = excluded.v"
	handGet = "select v from hand where k = $1"
)

// again does f again while the server cannot put it into an order with others.
func again(f func() error) error {
	for {
		err := f()
		var said *pgconn.PgError
		if !errors.As(err, &said) || !isConflict(said.Code) {
			return err
		}
	}
}

// compare runs both in turn, per operations of each at a time, so that what else the machine does
// slows both. It reports the medians.
func compare(b *testing.B, per int, ours, hand func() error) {
	b.Helper()
	var all [2][]float64
	var ratios []float64
	for b.Loop() {
		var took [2]float64
		for i, f := range []func() error{ours, hand} {
			began := time.Now()
			if err := f(); err != nil {
				b.Fatal(err)
			}
			took[i] = float64(time.Since(began).Nanoseconds()) / float64(per)
			all[i] = append(all[i], took[i])
		}
		ratios = append(ratios, took[0]/took[1])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(all[0]), "guardkv-ns/op")
	b.ReportMetric(median(all[1]), "pgx-ns/op")
	b.ReportMetric(median(ratios), "ratio")
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// times calls f so often.
func times(n int, f func() error) func() error {
	return func() error {
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}
}

// beside calls f so often in each of some goroutines.
func beside(goroutines, n int, f func() error) func() error {
	return func() error {
		errs := make([]error, goroutines)
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() { errs[g] = times(n, f)() })
		}
		all.Wait()
		return errors.Join(errs...)
	}
}

func (p *pair) get() error {
	_, err := p.table.Load(context.Background(), rand.Uint64N(benchRows))
	return err
}

func (p *pair) getByHand() error {
	var v []byte
	return p.pool.QueryRow(context.Background(), handGet, handKey(rand.IntN(benchRows))).Scan(&v)
}

func BenchmarkGet(b *testing.B) {
	p := benchPair(b)
	compare(b, 50, times(50, p.get), times(50, p.getByHand))
}

func BenchmarkGet16(b *testing.B) {
	p := benchPair(b)
	compare(b, 16*20, beside(16, 20, p.get), beside(16, 20, p.getByHand))
}

func BenchmarkGetMany100(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	ours := func() error {
		for _, err := range p.table.GetMany(ctx, func(yield func(uint64) bool) {
			for range 100 {
				if !yield(rand.Uint64N(benchRows)) {
					return
				}
			}
		}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	hand := func() error {
		asked := make([][]byte, 100)
		for i := range asked {
			asked[i] = handKey(rand.IntN(benchRows))
		}
		rows, err := p.pool.Query(ctx, "select k, v from hand where k = any($1)", asked)
		if err != nil {
			return err
		}
		found := map[string][]byte{}
		for rows.Next() {
			raw := rows.RawValues()
			found[string(raw[0])] = append([]byte{}, raw[1]...)
		}
		return rows.Err()
	}
	compare(b, 10, times(10, ours), times(10, hand))
}

func (p *pair) put() error {
	return p.table.Put(context.Background(), rand.Uint64N(benchRows), benchValue)
}

func (p *pair) putByHand() error {
	return again(func() error {
		_, err := p.pool.Exec(context.Background(), handPut, handKey(rand.IntN(benchRows)), benchValue)
		return err
	})
}

func BenchmarkPut(b *testing.B) {
	p := benchPair(b)
	compare(b, 10, times(10, p.put), times(10, p.putByHand))
}

// BenchmarkPut64 lets 64 goroutines put. By hand each has a connection to itself, or waits for one
// of 16.
func BenchmarkPut64(b *testing.B) {
	p := benchPair(b)
	compare(b, 64*10, beside(64, 10, p.put), beside(64, 10, p.putByHand))
}

// BenchmarkPutGrouped compares that with one goroutine that puts one by one by hand.
func BenchmarkPutGrouped(b *testing.B) {
	p := benchPair(b)
	compare(b, 64*10, beside(64, 10, p.put), times(64*10, p.putByHand))
}

// BenchmarkUpdate16 reads two rows and writes one, of 1000, in 16 goroutines.
func BenchmarkUpdate16(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	ours := func() error {
		x, y := rand.Uint64N(1000), rand.Uint64N(1000)
		return p.storage.Update(ctx, func(tx *core.Tx) error {
			in := p.table.In(tx)
			if _, err := in.Load(ctx, x); err != nil {
				return err
			}
			if _, err := in.Load(ctx, y); err != nil {
				return err
			}
			return in.Put(ctx, x, benchValue)
		})
	}
	hand := func() error {
		x, y := handKey(rand.IntN(1000)), handKey(rand.IntN(1000))
		return again(func() error {
			return pgx.BeginTxFunc(ctx, p.pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
				var v []byte
				if err := tx.QueryRow(ctx, handGet, x).Scan(&v); err != nil {
					return err
				}
				if err := tx.QueryRow(ctx, handGet, y).Scan(&v); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, handPut, x, benchValue)
				return err
			})
		})
	}
	compare(b, 16*10, beside(16, 10, ours), beside(16, 10, hand))
}

func (p *pair) scan(s core.Scan[uint64, []byte, []byte]) error {
	for _, err := range s.Rows(context.Background()) {
		if err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkScan10(b *testing.B) {
	p := benchPair(b)
	ours := func() error { return p.scan(p.table.Scan().From(rand.Uint64N(benchRows - 10)).Limit(10)) }
	hand := func() error {
		return p.scanByHand("select k, v from hand where k >= $1 order by k limit 10",
			handKey(rand.IntN(benchRows-10)))
	}
	compare(b, 50, times(50, ours), times(50, hand))
}

func BenchmarkScanAll(b *testing.B) {
	p := benchPair(b)
	ours := func() error { return p.scan(p.table.Scan()) }
	hand := func() error {
		return p.scanByHand("select k, v from hand where k >= $1 order by k", []byte{})
	}
	compare(b, benchRows, ours, hand)
}

func (p *pair) scanByHand(query string, args ...any) error {
	rows, err := p.pool.Query(context.Background(), query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var k, v []byte
		if err := rows.Scan(&k, &v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// BenchmarkLoad loads new rows in order; by hand they are copied into a staging table, and
// upserted from there. BenchmarkLoadNew copies them to where they belong, which fails if one of
// them is there.
func BenchmarkLoad(b *testing.B) { compareLoads(b, (*pair).stage) }

func BenchmarkLoadNew(b *testing.B) {
	compareLoads(b, func(p *pair, ctx context.Context, from, to int) error {
		return p.copyByHand(ctx, "hand", from, to)
	})
}

var loaded atomic.Int64

func compareLoads(b *testing.B, hand func(p *pair, ctx context.Context, from, to int) error) {
	p := benchPair(b)
	ctx := context.Background()
	const n = 20_000
	next := func() int { return benchRows + int(loaded.Add(n)) }
	compare(b, n, func() error {
		from := next()
		_, err := p.table.PutStream(ctx, benchStream(from, from+n))
		return err
	}, func() error {
		from := next()
		return hand(p, ctx, from, from+n)
	})
}

// stage copies rows into a staging table, and upserts them from there.
func (p *pair) stage(ctx context.Context, from, to int) error {
	return pgx.BeginTxFunc(ctx, p.pool, pgx.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "create temporary table staged (k bytea, v bytea) on commit drop")
		if err != nil {
			return err
		}
		i := from
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"staged"}, []string{"k", "v"},
			pgx.CopyFromFunc(func() ([]any, error) {
				if i == to {
					return nil, nil
				}
				i++
				return []any{handKey(i - 1), benchValue}, nil
			}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "set local enable_seqscan = on")
		if err == nil {
			_, err = tx.Exec(ctx, "insert into hand (k, v) select k, v from staged order by k "+
				"on conflict (k) do update set v = excluded.v")
		}
		return err
	})
}
