// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/tools/diskuse"
)

// rawTable is a table of raw bytes.
type rawTable = core.Table[uint64, []byte, []byte]

// shape is how much data there is.
type shape struct{ rows, size int }

func (s shape) String() string {
	return fmt.Sprintf("%s rows of %s", grouped(int64(s.rows)), byteSize(s.size))
}

// byteSize names the size of a value: "128 B", "16 KiB".
func byteSize(n int) string {
	if n >= 1024 && n%1024 == 0 {
		return fmt.Sprintf("%d KiB", n/1024)
	}
	return fmt.Sprintf("%d B", n)
}

// byHand is an engine used by hand, and where it keeps its data.
type byHand struct {
	native
	path string
}

// guarded is the same engine behind GuardKV.
type guarded struct {
	path          string
	storage       *core.Storage
	table, counts *rawTable
}

// openByHand opens an engine by hand.
func openByHand(en engine, path string, o nativeOptions) (*byHand, error) {
	n, err := en.open(path, o)
	if err != nil {
		return nil, fmt.Errorf("%s by hand: %w", en.name, err)
	}
	return &byHand{native: n, path: path}, nil
}

// openGuarded opens an engine behind GuardKV, with two tables of raw bytes.
func openGuarded(
	ctx context.Context, en engine, path string, opts ...core.Option,
) (*guarded, error) {
	return openGuardedOn(ctx, en.backend(), path, opts...)
}

func openGuardedOn(
	ctx context.Context, b core.Backend, path string, opts ...core.Option,
) (g *guarded, err error) {
	g = &guarded{path: path}
	if g.storage, err = core.Open(ctx, path, b, opts...); err != nil {
		return nil, err
	}
	if g.table, err = core.OpenTable(ctx, g.storage, "rows",
		keys.Uint64(), values.Bytes()); err != nil {
		return nil, errors.Join(err, g.storage.Close())
	}
	if g.counts, err = core.OpenTable(ctx, g.storage, "counts",
		keys.Uint64(), values.Bytes()); err != nil {
		return nil, errors.Join(err, g.storage.Close())
	}
	return g, nil
}

// close closes the storage.
func (g *guarded) close() error { return g.storage.Close() }

// pair is the same data twice. A side that the engine does not have is nil.
type pair struct {
	hand *byHand
	kv   *guarded
}

// newPair makes an empty pair.
func (e *env) newPair(ctx context.Context, en engine, noSync bool) (*pair, error) {
	dir, err := os.MkdirTemp(e.dir, en.name+"-")
	if err != nil {
		return nil, err
	}
	p := &pair{}
	if en.open != nil {
		if p.hand, err = openByHand(en, filepath.Join(dir, "native"),
			nativeOptions{noSync: noSync}); err != nil {
			return nil, err
		}
	}
	if en.backend != nil {
		var opts []core.Option
		if noSync {
			opts = append(opts, core.WithoutSync())
		}
		if p.kv, err = openGuarded(ctx, en, filepath.Join(dir, "guardkv"), opts...); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	return p, nil
}

// fill puts the same rows into both.
func (p *pair) fill(ctx context.Context, s shape) error {
	if p.hand != nil {
		if err := p.hand.load(inOrder(s.rows, s.size), true); err != nil {
			return err
		}
	}
	if p.kv == nil {
		return nil
	}
	_, err := p.kv.table.PutStream(ctx, inOrder(s.rows, s.size))
	return err
}

// settle compacts both, so that neither is compacted while it is read.
func (p *pair) settle(ctx context.Context) error {
	var err error
	if p.hand != nil {
		err = p.hand.compact()
	}
	if p.kv != nil {
		_, kvErr := p.kv.storage.Compact(ctx)
		err = errors.Join(err, kvErr)
	}
	return err
}

// close closes both and deletes them.
func (p *pair) close() error { return errors.Join(p.closeOnly(), p.removeAll()) }

// closeOnly closes both.
func (p *pair) closeOnly() error {
	var err error
	if p.hand != nil {
		err = p.hand.close()
	}
	if p.kv != nil {
		err = errors.Join(err, p.kv.close())
	}
	return err
}

// removeAll deletes both.
func (p *pair) removeAll() error {
	var err error
	if p.hand != nil {
		err = os.RemoveAll(filepath.Dir(p.hand.path))
	}
	if p.kv != nil {
		err = errors.Join(err, os.RemoveAll(filepath.Dir(p.kv.path)))
	}
	return err
}

// disk returns the bytes that both take on the disk.
func (p *pair) disk() (bytes int64, err error) {
	if p.hand != nil {
		bytes, err = diskuse.Of(p.hand.path)
	}
	if p.kv != nil {
		more, moreErr := diskuse.Of(p.kv.path)
		bytes, err = bytes+more, errors.Join(err, moreErr)
	}
	return bytes, err
}

// sides makes a side for each way to use the engine.
func (p *pair) sides(nativeName string, hand func(native) func(int) error, also ...kvSide) []side {
	var sides []side
	if p.hand != nil {
		sides = append(sides, side{name: nativeName, native: true, run: hand(p.hand.native)})
	}
	if p.kv != nil {
		for _, s := range also {
			sides = append(sides,
				side{name: "guardkv " + s.name, run: s.run(p.kv), claims: s.claims})
		}
	}
	return sides
}

// kvSide is one of several ways through GuardKV.
type kvSide struct {
	name   string
	run    func(*guarded) func(int) error
	claims []claim
}

// dataKey names a pair that several works share.
type dataKey struct {
	engine, differs string
	shape           shape
}

// data returns the filled pair that all works of an engine read, made when it is first asked for.
func (e *env) data(ctx context.Context, en engine, s shape) (*pair, error) {
	key := dataKey{en.name, en.differs, s}
	if p := e.shared[key]; p != nil {
		return p, nil
	}
	p, err := e.newPair(ctx, en, false)
	if err != nil {
		return nil, err
	}
	if err := p.fill(ctx, s); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if en.settles {
		if err := p.settle(ctx); err != nil {
			return nil, errors.Join(err, p.close())
		}
	}
	e.shared[key] = p
	return p, nil
}

// drop deletes shared data that no work needs any more: all but that of the engine, or all if
// it is "".
func (e *env) drop(engine string) error {
	var err error
	for key, p := range e.shared {
		if key.engine != engine {
			err = errors.Join(err, p.close())
			delete(e.shared, key)
		}
	}
	return err
}
