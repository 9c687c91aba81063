// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"slices"
)

// These are the keys under the prefix. All keys of a storage but its name contain its ID, so a
// rename changes the name and nothing else.
//
//	registry           the version of this layout
//	name/PATH          the ID of the storage at the path
//	mark/ID            its mark; a storage is there as long as its mark is
//	row/ID KEY         a row
//	epoch/ID TABLE     written by whoever deletes in the table, see epochs
//	gone/ID            a storage that was removed, and whose rows may not all be deleted yet
const (
	registryKey = "registry"
	namePrefix  = "name/"
	markPrefix  = "mark/"
	rowPrefix   = "row/"
	epochPrefix = "epoch/"
	gonePrefix  = "gone/"
)

// layout is the version of the layout. A program refuses a registry of another version, and its
// changes fail if the version has changed since.
const layout = "1"

// idLength is the length of an ID, long enough that no two storages ever have the same one.
const idLength = 20

// places are where the parts of one storage are.
type places struct {
	mark, gone []byte
	rows       []byte // the prefix of rows
	rowsEnd    []byte // the end of the range that they are in
	epochs     []byte // the prefix of epochs; itself the epoch of the whole storage
	epochsEnd  []byte
}

func newPlaces(prefix, id string) places {
	rows, epochs := []byte(prefix+rowPrefix+id), []byte(prefix+epochPrefix+id)
	return places{
		mark: []byte(prefix + markPrefix + id), gone: []byte(prefix + gonePrefix + id),
		rows: rows, rowsEnd: prefixEnd(rows), epochs: epochs, epochsEnd: prefixEnd(epochs),
	}
}

// row returns where a row is.
func (p *places) row(key []byte) []byte { return slices.Concat(p.rows, key) }

// low and high return where the bounds of a range are.
func (p *places) low(bound []byte) []byte { return p.row(bound) }

func (p *places) high(bound []byte) []byte {
	if bound == nil {
		return p.rowsEnd
	}
	return p.row(bound)
}

// key returns the key of a row that is at a place.
func (p *places) key(place []byte) []byte { return place[len(p.rows):] }

// epoch returns where the epoch of a table is.
func (p *places) epoch(table []byte) []byte { return slices.Concat(p.epochs, table) }

// tableOf returns the number of the table that a row is in, which is the beginning of its key.
func tableOf(key []byte) []byte { return key[:min(len(key), tableNumber)] }

// tableNumber is the length of a table's number.
const tableNumber = 4

// prefixEnd returns the lowest key above all keys that begin with prefix. The prefix must not
// consist of 0xff alone.
func prefixEnd(prefix []byte) []byte {
	end := bytes.TrimRight(prefix, "\xff")
	end = slices.Clone(end)
	end[len(end)-1]++
	return end
}

// successor returns the lowest key above key.
func successor(key []byte) []byte { return append(key[:len(key):len(key)], 0) }
