// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import "github.com/guardkv/guardkv/core"

// world is what programs run in: a storage, or the model.
type world interface {
	// table returns a table outside transactions.
	table(n int) rows
	// update and view run fn in a transaction.
	update(fn func(table func(n int) rows) error) error
	view(fn func(table func(n int) rows) error) error

	// hold opens a guard, in place of an older one of the same number.
	hold(slot, table int, key string) error
	// held reads a guard, if there is one.
	held(slot int) (string, bool)
	letGo(slot int)

	// snapshot opens a snapshot, in place of an older one of the same number.
	snapshot(slot int) error
	// look runs fn inside a snapshot, if there is one.
	look(slot int, fn func(table func(n int) rows)) bool
	forget(slot int)

	// cancelled does what the verb says.
	cancelled(table int, key string) []error
	mismatch(table int) error
	// drop drops a table and opens it again; the second error is that of the old handle.
	drop(table int) [2]error
	// rename gives a table another name. The errors are those of renaming it, of its old name,
	// which is then absent, and of a name that another table has.
	rename(table int) [3]error
	// raw reads the values of a table as they are encoded, and tries to write there; the second
	// error comes from that.
	raw(table int, each func(value string)) [2]error
	compact() error
	sync() error
	check() error

	open(readOnly bool) error
	close() error
	// shutdown is close, when nothing is open any more.
	shutdown() error
	// backup keeps a backup of the storage.
	backup() error
	// restore restores the backup into a new storage, which is the open one from then on. Before
	// that it tries to restore it where a storage is, and to restore a backup that is damaged at a
	// position.
	restore(damage int) [3]error
}

// rows are the rows of a table, outside or inside of a transaction.
type rows interface {
	get(key string, how Verb) (string, error)
	has(key string) (bool, error)
	put(key, value string) error
	insert(key, value string) error
	delete(key string) (bool, error)
	modify(key string, fn changer) error
	getMany(keys []string, each func(row)) error
	putAll(rows []row) error
	stream(rows []row, failure error) (int64, error)
	count() (int, error)
	scan(r scanRange, each func(row) error) error
	// seek pulls a row, goes to a key, and pulls the others.
	seek(r scanRange, to string, each func(row)) error
	scanKeys(r scanRange) ([]string, error)
	scanCount(r scanRange) (int, error)
	scanDelete(r scanRange) (int, error)
	scanClear(r scanRange) error
}

// changer is the function of a Modify.
type changer func(old string, found bool) (string, core.Change, error)

type row struct{ key, value string }

// scanRange is the range of a scan. An empty bound is none, except under prefix, which makes key a
// prefix, and under after, which makes it the last key that was seen.
type scanRange struct {
	key, to string
	prefix  bool
	after   bool
	reverse bool
	limit   int // 0: none
}

// tables are the tables of every program.
var tables = []struct {
	name      string
	numbers   bool // keys are numbers
	unordered bool
	checksums bool
}{
	{name: "words"},
	{name: "numbers", numbers: true, checksums: true},
	{name: "unordered", unordered: true},
}
