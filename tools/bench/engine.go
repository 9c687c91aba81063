// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"iter"

	"github.com/guardkv/guardkv/backends/pebble"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/tools/modules"
)

// engine is an engine, behind GuardKV and by hand.
type engine struct {
	name    string
	backend func() core.Backend
	// by hand; nil for an engine of our own
	open func(path string, o nativeOptions) (native, error)
	// differs says what the two do not have in common and cannot have. It is part of every title.
	differs string
	// manyWriters is the engine's own way for many goroutines, if it is not native.put.
	manyWriters string
	// settles says that the engine goes on working after a load. Then what is read is compacted
	// first, both times.
	settles bool
	targets targets
	// squeezed is the engine with a cache much smaller than the data; nil for engines that
	// leave caching to the system.
	squeezed *engine
	// also are works that only this engine has; nil for none.
	also func(shape) []work
}

// engines is everything that is compared: all engines of the repository. One that is used by
// hand too has a line in natives and a file that holds its native; the others are measured alone.
var engines = func() (all []engine) {
	for _, e := range modules.Engines {
		en := natives[e.Name]
		en.name, en.backend = e.Name, e.New
		all = append(all, en)
	}
	return all
}()

var natives = map[string]engine{
	"bbolt": {
		open:        openBolt,
		differs:     "by hand a bucket with keys of 8 B, GuardKV keys of 12 B",
		manyWriters: "Batch, tuned",
		targets: targets{
			get: 0.75, getNoAllocs: true, getBesideWriter: 0.4, scan: 1.5, put: 1 / 0.95,
			timesFaster64: 8, put64: 1.1, load: 0.15, disk: 1,
		},
	},
	"pebble": {
		open: openPebble, settles: true,
		targets:  targets{get: 1.05, scan: 1.1, put: 1 / 0.95, put64: 1 / 0.95, load: 0.5, disk: 1},
		squeezed: &squeezedPebble,
	},
	"badger": {
		open: openBadger, settles: true,
		targets: targets{get: 1, scan: 1.05, put: 1 / 0.95, timesFaster64: 10, load: 0.6},
		also:    compressionWorks,
	},
}

// smallCache is that of engines which are squeezed.
const smallCache = 16 << 20

var squeezedPebble = engine{
	name: "pebble", differs: "with a cache of 16 MiB", settles: true,
	backend: func() core.Backend { return pebble.Backend{CacheSize: smallCache} },
	open: func(path string, o nativeOptions) (native, error) {
		return openPebbleWith(smallCache, path, o)
	},
}

// targets are those of an engine: time by time of the engine by hand. Zero is none.
type targets struct {
	get             float64
	getNoAllocs     bool
	getBesideWriter float64
	scan            float64
	put             float64
	timesFaster64   float64 // 64 goroutines against the same with put
	put64           float64 // 64 goroutines against manyWriters, or put where there is none
	load            float64 // in random order
	disk            float64 // bytes by bytes of the engine by hand, after that
}

// heading names the engine in a title.
func (en engine) heading() string {
	if en.differs == "" || en.open == nil {
		return en.name
	}
	return fmt.Sprintf("%s (%s)", en.name, en.differs)
}

// nativeOptions are what both ways have in common.
type nativeOptions struct {
	noSync bool
}

// native is an engine used by hand: as its documentation shows, with the options that GuardKV's
// backend has. Keys are eight bytes, behind a number of four bytes where the engine knows no
// tables. What is read is given to a function that does with it what the other side does with
// its view. It is safe for concurrent use.
type native interface {
	// get reads n rows in place.
	get(n int, next func() uint64, see func(value []byte) error) error
	// scan reads rows in order, decodes the keys and looks at each value, and returns the
	// number of rows.
	scan(b bounds) (rows int, err error)
	// seek moves one cursor to n rows, and sees each of them.
	seek(n int, next func() uint64, see func(value []byte) error) error
	// put writes n rows, each durable before the next one.
	put(n int, next func() uint64, value valuer) error
	// putMany is put in the engine's own way for many goroutines. It is called only if
	// engine.manyWriters has a name.
	putMany(n int, next func() uint64, value valuer) error
	// putAll writes rows in one durable and atomic write.
	putAll(rows iter.Seq2[uint64, []byte]) error
	// load writes many rows, of which none need be durable before it returns. sorted says that
	// keys ascend.
	load(rows iter.Seq2[uint64, []byte], sorted bool) error
	// move adds one to a number in one table and takes it from one in another, durably and
	// atomically.
	move(from, to uint64) error
	// increment adds one to a counter in the table of rows, durably; nobody else increments the
	// same one meanwhile.
	increment(key uint64) error
	// deleteRange deletes the rows in the range from low to high, exclusive.
	deleteRange(low, high uint64) error
	// compact gives space back.
	compact() error
	close() error
}

// valuer returns the value of a row.
type valuer func(key uint64) []byte

// bounds is a range of keys.
type bounds struct {
	all       bool
	low, high uint64 // exclusive
	reverse   bool
}
