// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import "context"

// step is one thing the demo does. run returns what it saw in the storage, and want what it should
// have seen.
type step struct {
	title string
	run   func(*session, context.Context) ([]fact, error)
	want  func(*model) []fact
}

var steps = []step{
	{"Load the Unicode character database", (*session).load, (*model).wantLoad},
	{"Read every row back, in order", (*session).readAll, (*model).wantAll},
	{"Look characters up", (*session).lookUp, (*model).wantLookUp},
	{
		"Read in place while the row is overwritten",
		(*session).readUnderGuard, (*model).wantUnderGuard,
	},
	{
		"Stream a script forward and a block backward",
		(*session).streamInOrder, (*model).wantInOrder,
	},
	{"Find names by their prefix", (*session).findNames, (*model).wantNames},
	{
		"Filter: capitals whose small letter is in another block",
		(*session).filter, (*model).wantFilter,
	},
	{"Rename a character in two tables at once", (*session).rename, (*model).wantRenamed},
	{"Roll back on an error", (*session).rollBack, (*model).wantRolledBack},
	{"Read beside a writer", (*session).readBesideWriter, (*model).wantBesideWriter},
	{"Delete a block", (*session).deleteBlock, (*model).wantDeleted},
	{"Compress and encrypt a block", (*session).seal, (*model).wantSealed},
	{"Compact", (*session).compact, (*model).wantCompacted},
	{"Close and open again", (*session).reopen, (*model).wantReopened},
	{"Back up, and restore on another engine", (*session).restore, (*model).wantAll},
	{"Check the storage, and read every row again", (*session).check, (*model).wantAll},
}
