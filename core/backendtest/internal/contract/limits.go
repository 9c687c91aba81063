// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var ValuePromises = []kit.Promise{
	{
		Name: "values/empty", Check: checkEmptyValues,
		Explanation: "values may be empty, and an empty value is not an absent one",
	},
	{
		Name: "values/long", Check: checkLongValues,
		Explanation: "values of a megabyte are values like any other",
	},
	{
		Name: "keys/any bytes", Check: checkKeyBytes,
		Explanation: "keys are any bytes, at least one, and are ordered by bytes.Compare",
	},
}

var limitPromises = []kit.Promise{
	{
		Name: "limits/key", Check: checkKeyLimit,
		Explanation: "a key of Limits.Key bytes is taken; one more returns ErrTooLarge, and " +
			"nothing is written",
	},
	{
		Name: "limits/value", Check: checkValueLimit, BareOnly: true,
		Explanation: "a value of Limits.Value bytes is taken; one more returns ErrTooLarge, and " +
			"nothing is written",
	},
	{
		Name: "limits/batch rows", Check: checkBatchRowsLimit, BareOnly: true,
		Explanation: "an Apply of Limits.BatchRows rows is taken; one more returns ErrTooLarge, " +
			"and nothing is written",
	},
	{
		Name: "limits/batch bytes", Check: checkBatchBytesLimit, BareOnly: true,
		Explanation: "an Apply of Limits.BatchBytes bytes is taken; one more returns " +
			"ErrTooLarge, and nothing is written",
	},
}

func checkEmptyValues(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("a", ""), core.Write{Key: []byte("b")}, kit.Put("c", "x"))
	s.Wants("a", "")
	s.Wants("b", "")
	s.MustApply(kit.Put("c", ""))
	s.Wants("c", "")
	want := []kit.Row{kit.KV("a", ""), kit.KV("b", ""), kit.KV("c", "")}
	s.Has(want...)
	s = s.Reopen()
	s.Has(want...)
	s.MustApply(kit.Put("a", "full"))
	s.Wants("a", "full")
}

func checkLongValues(t *kit.Trial) {
	s := t.Create()
	for _, size := range []int{1 << 12, 1<<16 - 1, 1 << 16, 1<<20 + 1} {
		size = kit.Fits(kit.Fits(size, s.Limits().Value), s.Limits().BatchBytes/2)
		v := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		s.MustApply(kit.Put("long", v), kit.Put("next", "to it"))
		s.Wants("long", v)
		s.Has(kit.KV("long", v), kit.KV("next", "to it"))
		s = s.Reopen()
		s.Wants("long", v)
	}
	s.MustApply(kit.Put("long", "short"))
	s.Wants("long", "short")
}

func checkKeyBytes(t *kit.Trial) {
	s := t.Create()
	var want []kit.Row
	var writes []core.Write
	for _, k := range kit.OddKeys {
		writes = append(writes, kit.Put(k, "value of "+k))
		want = append(want, kit.KV(k, "value of "+k))
	}
	s.MustApply(writes...)
	s.Has(want...)
	s = s.Reopen()
	s.Has(want...)
	for i, k := range kit.OddKeys {
		s.Wants(k, "value of "+k)
		s.MustApply(kit.Del(k))
		s.Lacks(k)
		s.Has(want[i+1:]...)
	}
}

// refused ends the check unless a batch is too large and leaves no trace.
func refused(s *kit.Store, writes ...core.Write) {
	s.T.TB.Helper()
	before := len(s.All())
	s.T.TooLarge("Apply", s.Apply(s.T.Ctx, core.Batch{Writes: writes}))
	if after := len(s.All()); after != before {
		s.T.Fatalf("Apply gave ErrTooLarge and left %d rows instead of %d", after, before)
	}
	s.MustApply(kit.Put("\x02still", "alive"))
	s.Wants("\x02still", "alive")
}

func checkKeyLimit(t *kit.Trial) {
	s := t.Create()
	most := s.Limits().Key
	if most == 0 {
		most = t.Pick(8<<10, 2<<10) // without a limit a long key is just a key
	}
	s.MustApply(kit.Put(strings.Repeat("k", most), "v"))
	s.Wants(strings.Repeat("k", most), "v")
	s.Has(kit.KV(strings.Repeat("k", most), "v"))
	if s.Limits().Key != 0 {
		refused(s, kit.Put("a", "v"), kit.Put(strings.Repeat("k", most+1), "v"))
	}
}

func checkValueLimit(t *kit.Trial) {
	s := t.Create()
	most := s.Limits().Value
	if most == 0 || most > t.Testable() {
		return
	}
	v := bytes.Repeat([]byte("v"), most+1)
	refused(s, kit.Put("a", "v"), core.Write{Key: []byte("k"), Value: v})
	if batch := s.Limits().BatchBytes; batch == 0 || batch > most {
		s.MustApply(core.Write{Key: []byte("k"), Value: v[:most]})
		s.Wants("k", string(v[:most]))
	}
}

func checkBatchRowsLimit(t *kit.Trial) {
	s := t.Create()
	most := s.Limits().BatchRows
	if most == 0 || most > t.Testable()/64 {
		return
	}
	writes := make([]core.Write, most+1)
	for i := range writes {
		writes[i] = kit.Put(fmt.Sprintf("%08d", i), "")
	}
	refused(s, writes...)
	s.MustApply(writes[:most]...)
	if got := len(s.All()); got != most+1 { // and the row that refused put
		t.Fatalf("there are %d rows; want %d", got, most+1)
	}
}

func checkBatchBytesLimit(t *kit.Trial) {
	s := t.Create()
	most := s.Limits().BatchBytes
	if most == 0 || most > t.Testable() {
		return
	}
	writes, last := fill(most, kit.Fits(1<<16, s.Limits().Value))
	last.Value = last.Value[:len(last.Value)+1]
	refused(s, writes...)
	last.Value = last.Value[:len(last.Value)-1]
	s.MustApply(writes...)
	if got := len(s.All()); got != len(writes)+1 {
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
