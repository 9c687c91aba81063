// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import "github.com/guardkv/guardkv/core"

// world is what programs run in: a storage, or the model.
type world interface {
	// table is a table outside of transactions.
	table(n int) rows
	// update and view run fn in a transaction.
	update(fn func(table func(n int) rows) error) error
	view(fn func(table func(n int) rows) error) error

	// hold opens a guard, in place of an older one of the same number.
	hold(slot, table int, key string) error
	// held reads a guard, if there is one.
	held(slot int) (string, bool)
	letGo(slot int)

	// cancelled does what the verb says.
	cancelled(table int, key string) []error
	mismatch(table int) error
	// drop drops a table and opens it anew; the second error is that of the old handle.
	drop(table int) [2]error
	compact() error
	check() error

	open(readOnly bool) error
	close() error
	// backup keeps a backup of the storage.
	backup() error
	// restore makes a storage of the backup, which is opened from then on, after trying it where a storage is, and after
	// trying one that is damaged at a position.
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
	putAll(rows []row) error
	stream(rows []row, failure error) (int64, error)
	count() (int, error)
	scan(r scanRange, each func(row) error) error
	scanKeys(r scanRange) ([]string, error)
	scanCount(r scanRange) (int, error)
	scanDelete(r scanRange) (int, error)
	scanClear(r scanRange) error
}

// changer is the function of a Modify.
type changer func(old string, found bool) (string, core.Change, error)

type row struct{ key, value string }

// scanRange is what a scan passes over. An empty bound is none, except under prefix, which makes key a prefix.
type scanRange struct {
	key, to string
	prefix  bool
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
