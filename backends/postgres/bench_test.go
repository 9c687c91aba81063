// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// The benchmarks compare a table with pgx used by hand: the same rows, the same isolation, on the
// same server, which waits for its disk. What is by hand knows no fence, and settles nothing.

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
	b.ReportAllocs()
	return &bench.pair
}

func (p *pair) open(ctx context.Context, url string) (err error) {
	if p.storage, err = core.Open(ctx, "bench", Backend{URL: url}); err != nil {
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

func BenchmarkGet(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.table.Load(ctx, rand.Uint64N(benchRows)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pgx", func(b *testing.B) {
		for b.Loop() {
			var v []byte
			err := p.pool.QueryRow(ctx, handGet, handKey(rand.IntN(benchRows))).Scan(&v)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGetParallel(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := p.table.Load(ctx, rand.Uint64N(benchRows)); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("pgx", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				var v []byte
				err := p.pool.QueryRow(ctx, handGet, handKey(rand.IntN(benchRows))).Scan(&v)
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkGetMany100(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		asked := make([]uint64, 100)
		for b.Loop() {
			for i := range asked {
				asked[i] = rand.Uint64N(benchRows)
			}
			n := 0
			for _, err := range p.table.GetMany(ctx, func(yield func(uint64) bool) {
				for _, k := range asked {
					if !yield(k) {
						return
					}
				}
			}) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
	})
	b.Run("pgx", func(b *testing.B) {
		asked := make([][]byte, 100)
		for b.Loop() {
			for i := range asked {
				asked[i] = handKey(rand.IntN(benchRows))
			}
			rows, err := p.pool.Query(ctx, "select k, v from hand where k = any($1)", asked)
			if err != nil {
				b.Fatal(err)
			}
			found := map[string][]byte{}
			for rows.Next() {
				raw := rows.RawValues()
				found[string(raw[0])] = append([]byte{}, raw[1]...)
			}
			if rows.Err() != nil {
				b.Fatal(rows.Err())
			}
		}
	})
}

func BenchmarkPut(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			if err := p.table.Put(ctx, rand.Uint64N(benchRows), benchValue); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pgx", func(b *testing.B) {
		for b.Loop() {
			_, err := p.pool.Exec(ctx, handPut, handKey(rand.IntN(benchRows)), benchValue)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPut64(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := p.table.Put(ctx, rand.Uint64N(benchRows), benchValue); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("pgx, one by one", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				err := again(func() error {
					_, err := p.pool.Exec(ctx, handPut, handKey(rand.IntN(benchRows)), benchValue)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	// What a program would do that groups by hand: one statement for 64 rows.
	b.Run("pgx, grouped", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if i%64 != 0 {
				continue
			}
			ks, vs := make([][]byte, 64), make([][]byte, 64)
			base := rand.IntN(benchRows - 64*1000)
			for j := range ks {
				ks[j], vs[j] = handKey(base+j*1000), benchValue
			}
			_, err := p.pool.Exec(ctx, "insert into hand (k, v) select * from "+
				"unnest($1::bytea[], $2::bytea[]) on conflict (k) do update set v = excluded.v", ks, vs)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkUpdate reads two rows and writes one, of 1000, in 16 goroutines.
func BenchmarkUpdate(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				x, y := rand.Uint64N(1000), rand.Uint64N(1000)
				err := p.storage.Update(ctx, func(tx *core.Tx) error {
					in := p.table.In(tx)
					if _, err := in.Load(ctx, x); err != nil {
						return err
					}
					if _, err := in.Load(ctx, y); err != nil {
						return err
					}
					return in.Put(ctx, x, benchValue)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("pgx", func(b *testing.B) {
		var conflicts atomic.Int64
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				x, y := handKey(rand.IntN(1000)), handKey(rand.IntN(1000))
				tries := 0
				err := again(func() error {
					tries++
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
				if err != nil {
					b.Fatal(err)
				}
				conflicts.Add(int64(tries - 1))
			}
		})
		b.ReportMetric(float64(conflicts.Load())/float64(b.N), "conflicts/op")
	})
}

func BenchmarkScan10(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			from := rand.Uint64N(benchRows - 10)
			for _, err := range p.table.Scan().From(from).Limit(10).Rows(ctx) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("pgx", func(b *testing.B) {
		for b.Loop() {
			scanByHand(b, p, "select k, v from hand where k >= $1 order by k limit 10",
				handKey(rand.IntN(benchRows-10)))
		}
	})
}

func BenchmarkScanAll(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			for _, err := range p.table.Scan().Rows(ctx) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
	})
	b.Run("pgx", func(b *testing.B) {
		for b.Loop() {
			scanByHand(b, p, "select k, v from hand where k >= $1 order by k", []byte{})
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
	})
}

func scanByHand(b *testing.B, p *pair, query string, args ...any) {
	b.Helper()
	rows, err := p.pool.Query(context.Background(), query, args...)
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for rows.Next() {
		var k, v []byte
		if err := rows.Scan(&k, &v); err != nil {
			b.Fatal(err)
		}
		size += len(v)
	}
	if rows.Err() != nil || size == 0 {
		b.Fatal(size, rows.Err())
	}
}

// BenchmarkLoad loads new rows in order: by COPY by hand, which fails if one of them is there, and
// by upserts.
func BenchmarkLoad(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	const n = 20_000
	next := atomic.Int64{}
	next.Store(benchRows)
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
	}
	b.Run("guardkv", func(b *testing.B) {
		for b.Loop() {
			from := int(next.Add(n))
			if _, err := p.table.PutStream(ctx, benchStream(from, from+n)); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
	})
	b.Run("pgx, copy", func(b *testing.B) {
		for b.Loop() {
			from := int(next.Add(n))
			if err := p.copyByHand(ctx, "hand", from, from+n); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
	})
	b.Run("pgx, staged", func(b *testing.B) {
		for b.Loop() {
			from := int(next.Add(n))
			if err := p.stage(ctx, from, from+n); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
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
