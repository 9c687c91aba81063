// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import "iter"

// Bools is a slice of bools that is read in place.
type Bools struct{ l List }

// BoolsOf returns the bools that a field refers to.
func BoolsOf(r Record, off uint32) Bools { return Bools{r.Slots(off, 1)} }

// IsNil reports whether the slice was nil.
func (s Bools) IsNil() bool { return s.l.IsNil() }

// Len returns the number of bools.
func (s Bools) Len() int { return s.l.Len() }

// At returns the bool at index i. It panics if there is none.
func (s Bools) At(i int) bool { return s.l.Record(i).Bool(0) }

// All yields the bools.
func (s Bools) All() iter.Seq2[int, bool] { return All(s.Len(), s.At) }
