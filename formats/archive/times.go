// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"iter"
	"time"
)

// Times is a slice of times that is read in place.
type Times struct{ l List }

// TimesOf returns the times that a field refers to.
func TimesOf(r Record, off uint32) Times { return Times{r.Slots(off, 12)} }

// IsNil reports whether the slice was nil.
func (s Times) IsNil() bool { return s.l.IsNil() }

// Len returns the number of times.
func (s Times) Len() int { return s.l.Len() }

// At returns the time at index i. It panics if there is none.
func (s Times) At(i int) time.Time { return s.l.Record(i).Time(0) }

// All yields the times.
func (s Times) All() iter.Seq2[int, time.Time] { return All(s.Len(), s.At) }
