// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// machine is a storage that programs run in.
type machine struct {
	name    string
	backend core.Backend
	place   string // paths of storages start with it
	moves   int    // how often it moved to another path
	storage *core.Storage
	handles []handle
	names   []string // of the tables
	guards  [slots]*core.Guard[string]
	looks   [slots]*core.Tx
	saved   []byte // the last backup
}

func (m *machine) path() string { return fmt.Sprintf("%s-%d", m.place, m.moves) }

func (m *machine) options() []core.Option {
	return []core.Option{core.WithoutSync(), core.WithLogger(slog.New(slog.DiscardHandler))}
}

func (m *machine) open(readOnly bool) error {
	opts := m.options()
	if readOnly {
		opts = append(opts, core.WithReadOnly())
	}
	s, err := core.Open(context.Background(), m.path(), m.backend, opts...)
	if err != nil {
		return err
	}
	return m.use(s)
}

// use opens the tables of a storage, from then on the machine's.
func (m *machine) use(s *core.Storage) error {
	m.storage, m.handles = s, nil
	for n := range tables {
		if len(m.names) == n {
			m.names = append(m.names, tables[n].name)
		}
		h, err := openTable(s, n, m.names[n])
		if err != nil {
			return err
		}
		m.handles = append(m.handles, h)
	}
	return nil
}

func (m *machine) close() error { return m.storage.Close() }

func (m *machine) shutdown() error { return m.storage.Shutdown(context.Background()) }

// abandon closes everything, whatever state a failure left it in.
func (m *machine) abandon() {
	for slot := range slots {
		m.letGo(slot)
		m.forget(slot)
	}
	if m.storage != nil {
		m.storage.Close()
	}
}

func (m *machine) table(n int) rows { return m.handles[n] }

func (m *machine) update(fn func(func(int) rows) error) error {
	return m.storage.Update(context.Background(), m.inside(fn))
}

func (m *machine) view(fn func(func(int) rows) error) error {
	return m.storage.View(context.Background(), m.inside(fn))
}

func (m *machine) inside(fn func(func(int) rows) error) func(*core.Tx) error {
	return func(tx *core.Tx) error {
		return fn(func(n int) rows { return m.handles[n].in(tx) })
	}
}

func (m *machine) hold(slot, table int, key string) error {
	m.letGo(slot)
	g, err := m.handles[table].guard(key)
	if err == nil {
		m.guards[slot] = &g
	}
	return err
}

func (m *machine) held(slot int) (string, bool) {
	if m.guards[slot] == nil {
		return "", false
	}
	return strings.Clone(m.guards[slot].Value()), true
}

func (m *machine) letGo(slot int) {
	if g := m.guards[slot]; g != nil {
		g.Close()
		m.guards[slot] = nil
	}
}

func (m *machine) snapshot(slot int) (err error) {
	m.forget(slot)
	m.looks[slot], err = m.storage.Snapshot(context.Background())
	return err
}

func (m *machine) look(slot int, fn func(func(int) rows)) bool {
	tx := m.looks[slot]
	if tx != nil {
		fn(func(n int) rows { return m.handles[n].in(tx) })
	}
	return tx != nil
}

func (m *machine) forget(slot int) {
	if tx := m.looks[slot]; tx != nil {
		tx.Close()
		m.looks[slot] = nil
	}
}

func (m *machine) cancelled(table int,
	key string,
) []error {
	return m.handles[table].cancelled(key)
}
func (m *machine) mismatch(table int) error { return m.handles[table].mismatch() }

func (m *machine) drop(table int) [2]error {
	old := m.handles[table]
	err := m.storage.DropTable(context.Background(), m.names[table])
	_, stale := old.count()
	h, openErr := openTable(m.storage, table, m.names[table])
	if openErr == nil {
		m.handles[table] = h
	}
	return [2]error{errors.Join(err, openErr), stale}
}

func (m *machine) rename(table int) (errs [3]error) {
	ctx := context.Background()
	from, to := m.names[table], tables[table].name+" renamed"
	if from == to {
		to = tables[table].name
	}
	errs[0] = m.storage.RenameTable(ctx, from, to)
	errs[1] = m.storage.RenameTable(ctx, from, "nobody's")
	errs[2] = m.storage.RenameTable(ctx, to, m.names[(table+1)%len(tables)])
	m.names[table] = to
	m.handles[table] = m.handles[table].named(to)
	return errs
}

func (m *machine) raw(table int, each func(string)) (errs [2]error) {
	ctx := context.Background()
	t, err := core.OpenRaw(ctx, m.storage, m.names[table])
	if err != nil {
		return [2]error{err, err}
	}
	for row, err := range t.Scan().Rows(ctx) {
		if err != nil {
			errs[0] = err
			break
		}
		each(string(row.Value))
	}
	errs[1] = t.Put(ctx, []byte("k"), []byte("v"))
	return errs
}

func (m *machine) sync() error { return m.storage.Sync(context.Background()) }

func (m *machine) compact() error {
	_, err := m.storage.Compact(context.Background())
	return err
}

func (m *machine) check() error { return m.storage.Check(context.Background()) }

func (m *machine) backup() error {
	var b bytes.Buffer
	err := m.storage.Backup(context.Background(), &b)
	if err == nil {
		m.saved = b.Bytes()
	}
	return err
}

func (m *machine) restore(damage int) (errs [3]error) {
	ctx := context.Background()
	_, errs[0] = core.Restore(ctx, m.path(), m.backend, bytes.NewReader(m.saved), m.options()...)
	m.moves++
	damaged := bytes.Clone(m.saved)
	damaged[damage%len(damaged)] ^= 1 << (damage % 8)
	_, errs[1] = core.Restore(ctx, m.path(), m.backend, bytes.NewReader(damaged), m.options()...)
	s, err := core.Restore(ctx, m.path(), m.backend, bytes.NewReader(m.saved), m.options()...)
	if err == nil {
		err = m.use(s)
	}
	errs[2] = err
	return errs
}
