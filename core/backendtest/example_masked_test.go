// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// Masked is a backend that stores the values of another one masked, each behind one byte that
// says so. It stands for all decorators that change bytes: encryption puts a nonce and a tag
// where this one puts a byte.
type Masked struct{ core.Backend }

// Name is another one, and part of the mark: nobody opens the storage without the decorator, or
// with it one that was written without.
func (m Masked) Name() string { return m.Backend.Name() + "+mask" }

func (m Masked) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	claim, err := m.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return maskedClaim{claim}, nil
}

type maskedClaim struct{ core.Claim }

func (c maskedClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	engine, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return maskedEngine{engine}, nil
}

const (
	masked = 'm'
	mask   = 0x55
)

// seal returns value as it is stored.
func seal(value []byte) []byte {
	stored := append(make([]byte, 0, 1+len(value)), masked)
	for _, b := range value {
		stored = append(stored, b^mask)
	}
	return stored
}

// unseal appends to dst the value that is stored. Bytes that seal does not make are damage.
func unseal(dst, stored []byte) ([]byte, error) {
	if len(stored) == 0 || stored[0] != masked {
		return nil, fmt.Errorf("%w: a value that is not masked", core.ErrCorrupt)
	}
	for _, b := range stored[1:] {
		dst = append(dst, b^mask)
	}
	return dst, nil
}

type maskedEngine struct{ core.Engine }

// Get returns a copy, so what the engine lends is given back at once.
func (e maskedEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	stored, r, err := e.Engine.Get(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	defer r.Release()
	value, err := unseal(make([]byte, 0, len(stored)), stored)
	return value, copied{}, err
}

// copied is the Releaser of a copy, which the garbage collector releases.
type copied struct{}

func (copied) Release() {}

func (e maskedEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	snapshot, err := e.Engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return maskedSnapshot{snapshot}, nil
}

// Apply refuses what is over the limits, because those of the engine are higher. The batch
// belongs to the caller, so the masked rows are others.
func (e maskedEngine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.Limits().Check(b.Writes); err != nil {
		return err
	}
	writes := make([]core.Write, len(b.Writes))
	for i, w := range b.Writes {
		if !w.Delete {
			w.Value = seal(w.Value)
		}
		writes[i] = w
	}
	b.Writes = writes
	b.Conditions = sealed(b.Conditions)
	return e.Engine.Apply(ctx, b.Unwrapped())
}

// sealed returns conditions on the rows as they are stored. That is possible because seal makes
// the same of the same value every time.
func sealed(conditions []core.Condition) []core.Condition {
	var stored []core.Condition
	for _, c := range conditions {
		if c.Value != nil { // else there must be no row
			c.Value = seal(c.Value)
		}
		stored = append(stored, c)
	}
	return stored
}

// Limits leaves room for a byte more in every row of a batch.
func (e maskedEngine) Limits() core.Limits {
	const manyRows = 1 << 16
	l := e.Engine.Limits()
	if l.Value > 0 {
		l.Value--
	}
	if l.BatchBytes > 0 {
		if l.BatchRows <= 0 {
			l.BatchRows = min(manyRows, l.BatchBytes/2)
		}
		l.BatchBytes -= l.BatchRows
	}
	return l
}

// Powers keeps what concerns no row, and what concerns only keys, which are as they were. As
// would lead to rows that are masked.
func (e maskedEngine) Powers() core.Powers {
	inside := e.Engine.Powers()
	p := inside.Administrative()
	p.DeleteRange, p.Conditions = inside.DeleteRange, inside.Conditions
	if begin := inside.Begin; begin != nil {
		p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
			snapshot, err := begin(ctx, use)
			if err != nil {
				return nil, err
			}
			return maskedSnapshot{snapshot}, nil
		}
	}
	return p
}

type maskedSnapshot struct{ core.Snapshot }

func (s maskedSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

// Powers has none but Fence, which shared storages need: Count would count the bytes that are
// stored, and GetMany return them.
func (s maskedSnapshot) Powers() core.SnapshotPowers {
	fence := s.Snapshot.Powers().Fence
	if fence == nil {
		return core.SnapshotPowers{}
	}
	return core.SnapshotPowers{Fence: func(ctx context.Context) ([]byte, error) {
		stored, err := fence(ctx)
		if stored == nil || err != nil { // nil if there is no fence
			return nil, err
		}
		return unseal(make([]byte, 0, len(stored)), stored)
	}}
}

// Get returns a copy, which is valid forever, so there is nothing to release.
func (s maskedSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	stored, r, err := s.Snapshot.Get(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	if r != nil {
		defer r.Release()
	}
	value, err := unseal(make([]byte, 0, len(stored)), stored)
	return value, nil, err
}

func (s maskedSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	rows, err := s.Snapshot.Scan(ctx, r)
	if err != nil {
		return nil, err
	}
	return &maskedCursor{RowCursor: rows, keysOnly: r.KeysOnly}, nil
}

// maskedCursor uses its buffer again: a row is valid until the next call.
type maskedCursor struct {
	core.RowCursor
	keysOnly bool
	value    []byte
	err      error
}

func (c *maskedCursor) Next() (key, value []byte, ok bool) {
	if c.err != nil {
		return nil, nil, false
	}
	key, stored, ok := c.RowCursor.Next()
	if !ok || c.keysOnly {
		return key, nil, ok
	}
	c.value, c.err = unseal(c.value[:0], stored)
	if c.err != nil {
		return nil, nil, false
	}
	return key, c.value, true
}

func (c *maskedCursor) Err() error {
	if c.err != nil {
		return c.err
	}
	return c.RowCursor.Err()
}

// A decorator that changes bytes: what the engine stores is not what is put.
func Example_changingBytes() {
	ctx := context.Background()
	engine := memory.New()
	db, err := core.Open(ctx, "secrets", Masked{engine})
	if err != nil {
		log.Fatal(err)
	}
	secrets, err := core.OpenTable(ctx, db, "secrets", keys.String(), values.String())
	if err != nil {
		log.Fatal(err)
	}
	if err := secrets.Put(ctx, "door", "sesame"); err != nil {
		log.Fatal(err)
	}
	value, err := secrets.Load(ctx, "door")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the value is", value)
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}

	_, err = core.Open(ctx, "secrets", engine)
	fmt.Println("without the decorator it opens:", err == nil)
	found, err := stores(ctx, engine, "secrets", "sesame")
	fmt.Println("the engine stores the word:", found, err)
	// Output:
	// the value is sesame
	// without the decorator it opens: false
	// the engine stores the word: false <nil>
}

// stores reports whether text is in a value that a backend stores at path.
func stores(ctx context.Context, b core.Backend, path, text string) (found bool, err error) {
	claim, err := b.Claim(ctx, path, true)
	if err != nil {
		return false, err
	}
	defer claim.Release()
	engine, err := claim.Open(ctx, core.EngineOptions{Logger: slog.Default()})
	if err != nil {
		return false, err
	}
	defer engine.Close()
	snapshot, err := engine.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer snapshot.Close()
	rows, err := snapshot.Scan(ctx, core.ScanRange{})
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for _, value, ok := rows.Next(); ok; _, value, ok = rows.Next() {
		found = found || bytes.Contains(value, []byte(text))
	}
	return found, rows.Err()
}
