// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var valuePromises = []promise{
	{
		name: "values/empty", check: checkEmptyValues,
		explanation: "values may be empty, and an empty value is not an absent one",
	},
	{
		name: "values/long", check: checkLongValues,
		explanation: "values of a megabyte are values like any other",
	},
	{
		name: "keys/any bytes", check: checkKeyBytes,
		explanation: "keys are any bytes but none at all, and are ordered by bytes.Compare",
	},
}

var limitPromises = []promise{
	{
		name: "limits/key", check: checkKeyLimit,
		explanation: "a key of Limits.Key bytes is taken; one more is ErrTooLarge, and nothing was written",
	},
	{
		name: "limits/value", check: checkValueLimit, bareOnly: true,
		explanation: "a value of Limits.Value bytes is taken; one more is ErrTooLarge, and nothing was written",
	},
	{
		name: "limits/batch rows", check: checkBatchRowsLimit, bareOnly: true,
		explanation: "an Apply of Limits.BatchRows rows is taken; one more is ErrTooLarge, and nothing was written",
	},
	{
		name: "limits/batch bytes", check: checkBatchBytesLimit, bareOnly: true,
		explanation: "an Apply of Limits.BatchBytes bytes is taken; one more is ErrTooLarge, and nothing was written",
	},
}

func checkEmptyValues(t *trial) {
	s := t.create()
	s.apply(put("a", ""), core.Write{Key: []byte("b")}, put("c", "x"))
	s.wants("a", "")
	s.wants("b", "")
	s.apply(put("c", ""))
	s.wants("c", "")
	want := []row{{"a", ""}, {"b", ""}, {"c", ""}}
	s.has(want...)
	s = s.reopen()
	s.has(want...)
	s.apply(put("a", "full"))
	s.wants("a", "full")
}

func checkLongValues(t *trial) {
	s := t.create()
	for _, size := range []int{1 << 12, 1<<16 - 1, 1 << 16, 1<<20 + 1} {
		size = fits(fits(size, s.Limits().Value), s.Limits().BatchBytes/2)
		v := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		s.apply(put("long", v), put("next", "to it"))
		s.wants("long", v)
		s.has(row{"long", v}, row{"next", "to it"})
		s = s.reopen()
		s.wants("long", v)
	}
	s.apply(put("long", "short"))
	s.wants("long", "short")
}

func checkKeyBytes(t *trial) {
	s := t.create()
	var want []row
	var writes []core.Write
	for _, k := range oddKeys {
		writes = append(writes, put(k, "value of "+k))
		want = append(want, row{k, "value of " + k})
	}
	s.apply(writes...)
	s.has(want...)
	s = s.reopen()
	s.has(want...)
	for i, k := range oddKeys {
		s.wants(k, "value of "+k)
		s.apply(del(k))
		s.lacks(k)
		s.has(want[i+1:]...)
	}
}

// refused ends the check unless a batch is too large and leaves no trace.
func (s *store) refused(writes ...core.Write) {
	s.t.tb.Helper()
	before := len(s.all())
	s.t.tooLarge("Apply", s.Apply(s.t.ctx, core.Batch{Writes: writes}))
	if after := len(s.all()); after != before {
		s.t.Fatalf("Apply gave ErrTooLarge and left %d rows instead of %d", after, before)
	}
	s.apply(put("\x02still", "alive"))
	s.wants("\x02still", "alive")
}

func checkKeyLimit(t *trial) {
	s := t.create()
	most := s.Limits().Key
	if most == 0 {
		most = t.pick(8<<10, 2<<10) // without a limit a long key is just a key
	}
	s.apply(put(strings.Repeat("k", most), "v"))
	s.wants(strings.Repeat("k", most), "v")
	s.has(row{strings.Repeat("k", most), "v"})
	if s.Limits().Key != 0 {
		s.refused(put("a", "v"), put(strings.Repeat("k", most+1), "v"))
	}
}

func checkValueLimit(t *trial) {
	s := t.create()
	most := s.Limits().Value
	if most == 0 || most > t.testable() {
		return
	}
	v := bytes.Repeat([]byte("v"), most+1)
	s.refused(put("a", "v"), core.Write{Key: []byte("k"), Value: v})
	if batch := s.Limits().BatchBytes; batch == 0 || batch > most {
		s.apply(core.Write{Key: []byte("k"), Value: v[:most]})
		s.wants("k", string(v[:most]))
	}
}

func checkBatchRowsLimit(t *trial) {
	s := t.create()
	most := s.Limits().BatchRows
	if most == 0 || most > t.testable()/64 {
		return
	}
	writes := make([]core.Write, most+1)
	for i := range writes {
		writes[i] = put(fmt.Sprintf("%08d", i), "")
	}
	s.refused(writes...)
	s.apply(writes[:most]...)
	if got := len(s.all()); got != most+1 { // and the row that refused put
		t.Fatalf("there are %d rows; want %d", got, most+1)
	}
}

func checkBatchBytesLimit(t *trial) {
	s := t.create()
	most := s.Limits().BatchBytes
	if most == 0 || most > t.testable() {
		return
	}
	writes, last := fill(most, fits(1<<16, s.Limits().Value))
	last.Value = last.Value[:len(last.Value)+1]
	s.refused(writes...)
	last.Value = last.Value[:len(last.Value)-1]
	s.apply(writes...)
	if got := len(s.all()); got != len(writes)+1 {
		t.Fatalf("there are %d rows; want %d", got, len(writes)+1)
	}
}

// fill returns rows of exactly so many bytes, with room for one more in the last.
func fill(size, value int) (writes []core.Write, last *core.Write) {
	const key = 8
	v := bytes.Repeat([]byte("v"), value+1)
	for i := 0; size > 0; i++ {
		n := min(value, size-key)
		if left := size - key - n; left > 0 && left < key {
			n -= key // the next row needs its key
		}
		writes = append(writes, core.Write{Key: fmt.Appendf(nil, "%0*d", key, i), Value: v[:n]})
		size -= key + n
	}
	return writes, &writes[len(writes)-1]
}
