// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/backends/etcd"
	"github.com/guardkv/guardkv/backends/etcd/etcdtest"
	"github.com/guardkv/guardkv/backends/postgres"
	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// The table of the benchmark: rows of 100 bytes.
const besideRows = 20_000

type besideTable = core.Table[uint64, []byte, []byte]

// BenchmarkBeside does the same durable work on one file and on servers: bbolt, one PostgreSQL,
// and three nodes of etcd on one machine. The guide "From one file to a cluster" shows its
// figures.
//
//	go test -run=- -bench=Beside ./tools/cluster
func BenchmarkBeside(b *testing.B) {
	works := []struct {
		name string
		run  func(*testing.B, *core.Storage, *besideTable)
	}{
		{"Get", besideGet},
		{"GetMany100", besideGetMany},
		{"Put", besidePut},
		{"PutBy64", besidePutBy64},
		{"PutAll100", besidePutAll},
		{"UpdateOf3", besideUpdate},
		{"ScanOf10", besideScan10},
		{"ScanOfAll", besideScan},
	}
	for _, e := range []struct {
		name string
		open func(*testing.B) *core.Storage
	}{
		{"bbolt", besideBbolt}, {"postgres", besidePostgres}, {"etcd", besideEtcd},
	} {
		b.Run(e.name, func(b *testing.B) {
			db := e.open(b)
			table, err := core.OpenTable(b.Context(), db, "rows", keys.Uint64(), values.Bytes())
			if err != nil {
				b.Fatal(err)
			}
			value := bytes.Repeat([]byte("v"), 100)
			_, err = table.PutStream(b.Context(), func(yield func(uint64, []byte) bool) {
				for i := range uint64(besideRows) {
					if !yield(i, value) {
						return
					}
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			for _, work := range works {
				b.Run(work.name, func(b *testing.B) { work.run(b, db, table) })
			}
		})
	}
}

func besideOpen(b *testing.B, path string, backend core.Backend) *core.Storage {
	b.Helper()
	db, err := core.Open(b.Context(), path, backend)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

func besideBbolt(b *testing.B) *core.Storage {
	return besideOpen(b, filepath.Join(b.TempDir(), "db"), bbolt.Backend{})
}

func besidePostgres(b *testing.B) *core.Storage {
	server, err := postgrestest.Start(postgrestest.Options{})
	besideStarted(b, err)
	b.Cleanup(func() { besideStarted(b, server.Close()) })
	return besideOpen(b, "rows", postgres.Backend{URL: server.URL()})
}

func besideEtcd(b *testing.B) *core.Storage {
	cluster, err := etcdtest.Start(3)
	besideStarted(b, err)
	b.Cleanup(func() { besideStarted(b, cluster.Close()) })
	return besideOpen(b, "rows", etcd.Backend{Endpoints: cluster.Endpoints()})
}

func besideStarted(b *testing.B, err error) {
	b.Helper()
	if errors.Is(err, exec.ErrNotFound) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// besideKey scatters the keys over the table.
func besideKey(i int) uint64 { return uint64(i) * 7919 % besideRows }

func besideDone(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func besideGet(b *testing.B, _ *core.Storage, table *besideTable) {
	for i := 0; b.Loop(); i++ {
		g, err := table.Get(b.Context(), besideKey(i))
		besideDone(b, err)
		g.Close()
	}
}

func besideGetMany(b *testing.B, _ *core.Storage, table *besideTable) {
	asked := make([]uint64, 100)
	for i := 0; b.Loop(); i += len(asked) {
		for j := range asked {
			asked[j] = besideKey(i + j)
		}
		for _, err := range table.GetMany(b.Context(), slices.Values(asked)) {
			besideDone(b, err)
		}
	}
}

func besidePut(b *testing.B, _ *core.Storage, table *besideTable) {
	value := make([]byte, 100)
	for i := 0; b.Loop(); i++ {
		besideDone(b, table.Put(b.Context(), besideKey(i), value))
	}
}

func besidePutBy64(b *testing.B, _ *core.Storage, table *besideTable) {
	value := make([]byte, 100)
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, 64)
	for w := range errs {
		all.Go(func() {
			for errs[w] == nil {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				errs[w] = table.Put(context.Background(), besideKey(int(i)), value)
			}
		})
	}
	all.Wait()
	besideDone(b, errors.Join(errs...))
}

func besidePutAll(b *testing.B, _ *core.Storage, table *besideTable) {
	value := make([]byte, 100)
	for i := 0; b.Loop(); i += 100 {
		besideDone(b, table.PutAll(b.Context(), func(yield func(uint64, []byte) bool) {
			for j := range 100 {
				if !yield(besideKey(i+j), value) {
					return
				}
			}
		}))
	}
}

func besideUpdate(b *testing.B, db *core.Storage, table *besideTable) {
	for i := 0; b.Loop(); i++ {
		besideDone(b, db.Update(b.Context(), func(tx *core.Tx) error {
			t := table.In(tx)
			if _, err := t.Get(b.Context(), besideKey(i)); err != nil {
				return err
			}
			value, err := t.Get(b.Context(), besideKey(i+1))
			if err != nil {
				return err
			}
			return t.Put(b.Context(), besideKey(i), value)
		}))
	}
}

func besideScan10(b *testing.B, _ *core.Storage, table *besideTable) {
	for i := 0; b.Loop(); i++ {
		for _, err := range table.Scan().From(besideKey(i)).Limit(10).Rows(b.Context()) {
			besideDone(b, err)
		}
	}
}

func besideScan(b *testing.B, _ *core.Storage, table *besideTable) {
	n := 0
	for b.Loop() {
		n = 0
		for _, err := range table.Scan().Rows(b.Context()) {
			besideDone(b, err)
			n++
		}
	}
	b.ReportMetric(float64(n), "rows")
}
