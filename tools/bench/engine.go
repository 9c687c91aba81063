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
	// opens the engine by hand; nil for an engine of our own
	open func(path string, o nativeOptions) (native, error)
	// differs says where the two ways have to differ. It is part of every title.
	differs string
	// manyWriters names the engine's own way to write from many goroutines, if it is not
	// native.put.
	manyWriters string
	// settles says that the engine goes on working after a load. Both ways then compact before
	// they read.
	settles bool
	targets targets
	// squeezed is the engine with a cache much smaller than the data; nil for engines that
	// leave caching to the system.
	squeezed *engine
	// also are works that only this engine has; nil for none.
	also func(shape) []work
}

// engines are all engines of the repository. One that is also used by hand has an entry in natives
// and a file with its native; the others are measured alone.
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

// smallCache is the size of the cache of a squeezed engine.
const smallCache = 16 << 20

var squeezedPebble = engine{
	name: "pebble", differs: "with a cache of 16 MiB", settles: true,
	backend: func() core.Backend { return pebble.Backend{CacheSize: smallCache} },
	open: func(path string, o nativeOptions) (native, error) {
		return openPebbleWith(smallCache, path, o)
	},
}

// targets are what GuardKV should reach on an engine: its time divided by that of the engine used
// by hand, unless the field says otherwise. Zero is no target.
type targets struct {
	get             float64
	getNoAllocs     bool
	getBesideWriter float64
	scan            float64
	put             float64
	timesFaster64   float64 // how often put's time by hand holds the time, 64 goroutines
	put64           float64 // beside manyWriters, or put if there is none, 64 goroutines
	load            float64 // in random order
	disk            float64 // bytes divided by those of the engine by hand, after that
}

// heading names the engine in a title.
func (en engine) heading() string {
	if en.differs == "" || en.open == nil {
		return en.name
	}
	return fmt.Sprintf("%s (%s)", en.name, en.differs)
}

// nativeOptions are the options that both ways share.
type nativeOptions struct {
	noSync bool
}

// native is an engine used by hand: as its documentation shows, with the options that GuardKV's
// backend has. Keys are eight bytes, behind a number of four bytes where the engine knows no
// tables. Each row that is read goes to a function that does with it what the other side does with
// its view. A native is safe for concurrent use.
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
	// load writes many rows. They are durable when it returns, and need not be before. sorted says
	// that keys ascend.
	load(rows iter.Seq2[uint64, []byte], sorted bool) error
	// move adds one to a number in one table and takes it from one in another, durably and
	// atomically.
	move(from, to uint64) error
	// increment adds one to a counter in the table of rows, durably. No other goroutine increments
	// the same one meanwhile.
	increment(key uint64) error
	// deleteRange deletes the rows in the range from low to high, exclusive.
	deleteRange(low, high uint64) error
	// compact gives unused space back.
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
