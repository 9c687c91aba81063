// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A feature is a way of storing something that a GuardKV without it would read wrongly, or
// damage by writing: rows beside those of a table, for instance, whose numbers it would give to
// the next table. Whatever is stored with a feature names it: the mark, the record of a table, the
// head of a backup. A GuardKV that reads a name that it does not know must not go on.

// featureTableID is that of a table whose values are bound to their rows and to the ID that is
// recorded of it. Without it a row would be written that belongs nowhere, and a copy of the
// table would have another ID, or none.
const featureTableID = "table-id"

// featureShared is that of a storage that several processes may write to. A GuardKV without it
// would change the tables and leave the fence as it is.
const featureShared = "shared"

// knownFeatures are those that this GuardKV can read and write, beside what layout 1 has.
var knownFeatures = []string{featureShared, featureTableID}

// union returns the features of both lists, sorted.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// checkFeatures returns ErrVersionMismatch if what was stored needs a feature that is not known
// here.
func checkFeatures(what string, needs []string) error {
	for _, f := range needs {
		if !slices.Contains(knownFeatures, f) {
			return fmt.Errorf("%w: %s needs the feature %q, which this GuardKV does not have; "+
				"use the version of GuardKV that wrote it, or a later one",
				ErrVersionMismatch, what, f)
		}
	}
	return nil
}

// decodeRecord reads what was recorded as JSON. A member that is not known here is
// ErrVersionMismatch: it may change what the others mean.
func decodeRecord(what string, text []byte, record any) error {
	if err := json.Unmarshal(text, record); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, what, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(record); err != nil {
		return fmt.Errorf("%w: %s was written by a later GuardKV: %w",
			ErrVersionMismatch, what, err)
	}
	return nil
}
