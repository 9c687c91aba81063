// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"crypto/rand"
	"strings"

	cloud "cloud.google.com/go/spanner"
)

// Everything is in one table, with the columns below. All rows of a storage but its name
// contain its ID, so a rename changes the name and nothing else. An ID has only capital letters
// and digits, so nothing else can be mistaken for a row of a storage.
//
//	Part      Name     Value
//	registry           the version of this layout
//	name      PATH     the ID of the storage at the path
//	mark      ID       its mark; a storage is there as long as its mark is
//	gone      ID       a storage that was removed, and whose rows may not all be deleted yet
//	ID        KEY      a row
//
// Written is the timestamp of the commit that wrote the row last.
const (
	columnPart    = "Part"
	columnName    = "Name"
	columnValue   = "Value"
	columnWritten = "Written"

	partRegistry = "registry"
	partNames    = "name"
	partMarks    = "mark"
	partGone     = "gone"
)

var columns = []string{columnPart, columnName, columnValue, columnWritten}

// layout is the version of the layout. A program refuses a registry of another version, and its
// changes fail if the version has changed since.
const layout = "1"

// createTable is the statement that makes the table. The names in it are checked.
func (b Backend) createTable() string {
	return "CREATE TABLE IF NOT EXISTS " + b.Table + " (\n" +
		"  Part    STRING(32)   NOT NULL,\n" +
		"  Name    BYTES(7168)  NOT NULL,\n" +
		"  Value   BYTES(MAX)   NOT NULL,\n" +
		"  Written TIMESTAMP    NOT NULL OPTIONS (allow_commit_timestamp = true),\n" +
		") PRIMARY KEY (Part, Name)"
}

// newID returns a random ID of at least 128 bits.
func newID() string { return rand.Text() }

// idLength is the length of an ID.
const idLength = 26

func isID(id []byte) bool {
	return len(id) == idLength && strings.Trim(string(id), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// at returns the primary key of a row.
func at[B string | []byte](part string, name B) cloud.Key {
	return cloud.Key{part, append([]byte{}, name...)}
}

// within returns the range of a part from low up to high or, if high is nil, to its end.
func within(part string, low, high []byte) cloud.KeyRange {
	r := cloud.KeyRange{Start: cloud.Key{part, filled(low)}, Kind: cloud.ClosedOpen}
	if high == nil {
		r.End, r.Kind = cloud.Key{part}, cloud.ClosedClosed
	} else {
		r.End = cloud.Key{part, high}
	}
	return r
}

// filled returns a value that is not nil: nil would be NULL.
func filled(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// put writes a row.
func (b Backend) put(place cloud.Key, value []byte) *cloud.Mutation {
	return cloud.InsertOrUpdate(b.Table, columns,
		[]any{place[0], place[1], filled(value), cloud.CommitTimestamp})
}

// remove deletes rows.
func (b Backend) remove(rows cloud.KeySet) *cloud.Mutation { return cloud.Delete(b.Table, rows) }
