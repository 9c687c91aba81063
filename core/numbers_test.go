// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func catalogOf(dropped []uint32, tables map[string]uint32) *catalog {
	c := &catalog{tables: make(map[string]*tableState), dropped: make(map[uint32]bool)}
	for _, n := range dropped {
		c.dropped[n] = true
	}
	for name, n := range tables {
		c.tables[name] = newTableState(name, tableRecord{Number: n})
	}
	return c
}

// A catalog whose rows have right checksums and impossible numbers was opened without a word: a
// table with number 0 wrote into the catalog, one that was dropped too lost its rows to the
// next Compact, and after the highest number came 0.
func TestImpossibleTableNumbers(t *testing.T) {
	for _, c := range []struct {
		name    string
		dropped []uint32
		tables  map[string]uint32
		bad     bool
	}{
		{"sound", []uint32{2}, map[string]uint32{"a": 1, "b": 3}, false},
		{"the highest", nil, map[string]uint32{"a": maxTableNumber}, false},
		{"number 0", nil, map[string]uint32{"a": 0}, true},
		{"the same number", nil, map[string]uint32{"a": 3, "b": 3}, true},
		{"dropped and listed", []uint32{3}, map[string]uint32{"b": 3}, true},
		{"too high", nil, map[string]uint32{"a": math.MaxUint32}, true},
		{"the catalog is dropped", []uint32{0}, nil, true},
		{"dropped and too high", []uint32{math.MaxUint32}, nil, true},
	} {
		if err := catalogOf(c.dropped, c.tables).distinct(); errors.Is(err, ErrCorrupt) != c.bad ||
			err != nil != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTableNumbersEnd(t *testing.T) {
	c := catalog{last: maxTableNumber - 1}
	if n, err := c.unused(); n != maxTableNumber || err != nil {
		t.Errorf("the last number is %d, %v", n, err)
	}
	for range 2 {
		if n, err := c.unused(); !errors.Is(err, ErrTooLarge) {
			t.Errorf("after the last number comes %d, %v", n, err)
		}
	}
}

// A table was set aside if somebody opened it between the look at whether it is open and the
// write that renames it.
func TestTableUse(t *testing.T) {
	var u tableUse
	if !u.leave() || u.open() || u.leave() {
		t.Error("a table that is being set aside was opened")
	}
	u.stay()
	first, again := u.open(), u.open()
	if !first || !again || u.leave() {
		t.Error("an open table is set aside")
	}
}

// A number of seventy bits lost the highest ones and passed for another one.
func TestBackupNumbers(t *testing.T) {
	long := strings.Repeat("\x80", 9)
	for _, c := range []struct {
		bytes string
		want  uint64
		bad   bool
	}{
		{"\x00", 0, false},
		{"\x7f", 127, false},
		{"\x80\x01", 128, false},
		{strings.Repeat("\xff", 9) + "\x01", math.MaxUint64, false},
		{long + "\x01", 1 << 63, false},
		{long + "\x02", 0, true},
		{long + "\x7e", 0, true},
		{long + "\x81\x00", 0, true},
		{long + "\x80\x01", 0, true},
	} {
		var text strings.Builder
		w := newChunkWriter(&text)
		if _, err := io.WriteString(w, c.bytes); err != nil {
			t.Fatal(err)
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		n, err := newBackupReader(strings.NewReader(text.String())).uvarint()
		if errors.Is(err, ErrCorrupt) != c.bad || n != c.want {
			t.Errorf("%x is %d, %v", c.bytes, n, err)
		}
	}
}
