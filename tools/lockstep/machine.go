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
	lookers [slots]*core.Storage // of the looks
	saved   []byte               // the last backup

	// how a second process sees a storage that several may write to: after each operation it
	// takes the place of the first
	second *process
}

// process is a storage and its tables, as one process has them open.
type process struct {
	storage *core.Storage
	handles []handle
}

// swap lets the other process make the next operation, if there is one.
func (m *machine) swap() error {
	if m.second == nil {
		return nil
	}
	m.storage, m.second.storage = m.second.storage, m.storage
	m.handles, m.second.handles = m.second.handles, m.handles
	return errors.Join(m.lookAround(m.storage, m.handles),
		m.lookAround(m.second.storage, m.second.handles))
}

// lookAround reopens the tables that the other process has dropped, by the names that they have by
// now.
func (m *machine) lookAround(s *core.Storage, handles []handle) (err error) {
	for n, h := range handles {
		if _, gone := h.count(); errors.Is(gone, core.ErrDropped) {
			if h, err = openTable(s, n, m.names[n]); err != nil {
				return err
			}
		}
		handles[n] = h.named(m.names[n])
	}
	return nil
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
	return m.use(s, opts)
}

// use makes s the storage of the machine and opens its tables. If several processes may have it
// open, use opens it once more for the second process.
func (m *machine) use(s *core.Storage, opts []core.Option) (err error) {
	m.storage = s
	if m.handles, err = m.openTables(s); err != nil || !m.backend.Sharing().Shared() {
		return err
	}
	if m.second != nil { // of the previous storage
		m.second.storage.Close()
	}
	m.second = new(process)
	m.second.storage, err = core.Open(context.Background(), m.path(), m.backend, opts...)
	if err == nil {
		m.second.handles, err = m.openTables(m.second.storage)
	}
	return err
}

func (m *machine) openTables(s *core.Storage) (handles []handle, err error) {
	for n := range tables {
		if len(m.names) == n {
			m.names = append(m.names, tables[n].name)
		}
		h, err := openTable(s, n, m.names[n])
		if err != nil {
			return nil, err
		}
		handles = append(handles, h)
	}
	return handles, nil
}

func (m *machine) close() error {
	return m.each(func(s *core.Storage) error { return s.Close() })
}

func (m *machine) shutdown() error {
	return m.each(func(s *core.Storage) error { return s.Shutdown(context.Background()) })
}

// each calls fn with the storage or, if there are two processes, with the storage of each.
func (m *machine) each(fn func(*core.Storage) error) error {
	err := fn(m.storage)
	if m.second != nil {
		err = errors.Join(err, fn(m.second.storage))
	}
	return err
}

// abandon closes everything, whatever state a failure left it in.
func (m *machine) abandon() {
	for slot := range slots {
		m.letGo(slot)
		m.forget(slot)
	}
	if m.storage != nil {
		m.close()
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
	m.lookers[slot] = m.storage
	m.looks[slot], err = m.storage.Snapshot(context.Background())
	return err
}

func (m *machine) look(slot int, fn func(func(int) rows)) bool {
	tx := m.looks[slot]
	if tx == nil {
		return false
	}
	handles := m.handles
	if m.second != nil && m.lookers[slot] == m.second.storage {
		handles = m.second.handles
	}
	fn(func(n int) rows { return handles[n].in(tx) })
	return true
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
		err = m.use(s, m.options())
	}
	errs[2] = err
	return errs
}
