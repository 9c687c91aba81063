// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// brokenFormats are formats that break one promise each, and what the failure says.
var brokenFormats = []struct {
	name   string
	breaks string
	says   string
	format core.ValueFormat[record, record]
	extras Extras[record, record]
}{
	{"no ID", "ID", "empty", fake{id: func() string { return "" }}, Extras[record, record]{}},
	{"changing ID", "ID", "and then", fake{id: counter("fake/")}, Extras[record, record]{}},
	{
		"loses a field", "RoundTrip", "which reads as",
		fake{encode: forgetID},
		Extras[record, record]{},
	},
	{
		"refuses a value", "RoundTrip", "cannot be encoded",
		fake{encode: refuseNameless},
		Extras[record, record]{},
	},
	{
		"cannot read what it wrote", "RoundTrip", "cannot be read",
		fake{view: refuseID7},
		Extras[record, record]{},
	},
	{
		"writes at the start of dst", "AppendOnly", "dst was changed",
		fake{encode: overwrite},
		Extras[record, record]{},
	},
	{
		"returns the encoding alone", "AppendOnly", "does not start with what dst held",
		fake{encode: dropPrefix},
		Extras[record, record]{},
	},
	{
		"relies on clean spare capacity", "AppendOnly", "had room for",
		fake{encode: mergeIntoSpare},
		Extras[record, record]{},
	},
	{
		"returns its own buffer", "KeepsNothing", "changed it",
		fake{encode: ownBuffer()},
		Extras[record, record]{},
	},
	{
		"keeps what it returned", "KeepsNothing", "overwrote the last result",
		fake{encode: cachedEncoding()},
		Extras[record, record]{},
	},
	{
		"sorts the caller's bytes", "KeepsValue", "after it was encoded",
		fake{encode: sortsRest},
		Extras[record, record]{},
	},
	{
		"writes behind the caller's bytes", "KeepsValue", "after it was encoded",
		fake{encode: extendsRest},
		Extras[record, record]{},
	},
	{
		"sorts what its own fingerprint shows", "KeepsValue", "after it was encoded",
		fake{encode: sortsRest},
		Extras[record, record]{Fingerprint: func(r record) string { return fmt.Sprint(r) }},
	},
	{"errors say nothing", "Errors", "wraps neither", fake{view: vague}, Extras[record, record]{}},
	{
		"ignores what is behind", "Trailing", "as it does without",
		fake{view: ignoreBehind},
		Extras[record, record]{},
	},
	{
		"wants aligned bytes", "Aligned", "multiple of 8",
		fake{view: alignedOnly},
		Extras[record, record]{},
	},
	{
		"encodes differently each time", "Deterministic", "and then as",
		fake{encode: sequenced(), view: unsequenced},
		Extras[record, record]{},
	},
	{
		"trusts a length", "Bounded", "bytes of memory",
		fake{view: allocateFirst},
		Extras[record, record]{},
	},
	{
		"is slow on a bad length", "Bounded", "took",
		fake{view: sleepFirst},
		Extras[record, record]{},
	},
	{
		"panics on empty input", "NeverPanics", "no bytes: ",
		fake{view: panicIf(func(b []byte) bool { return len(b) == 0 })},
		Extras[record, record]{},
	},
	{
		"panics on short input", "NeverPanics", "first",
		fake{view: panicIf(func(b []byte) bool { return isCut(b) })},
		Extras[record, record]{},
	},
	{
		"panics on a flipped bit", "NeverPanics", "flipped",
		fake{view: panicIf(isFlipped)},
		Extras[record, record]{},
	},
	{
		"panics on a huge length", "NeverPanics", "written over",
		fake{view: panicIf(isHuge)},
		Extras[record, record]{},
	},
	{"panics on long input", "NeverPanics", "repeated", fake{view: panicIf(func(b []byte) bool {
		return len(b) > 1000
	})}, Extras[record, record]{}},
	{
		"panics on noise", "NeverPanics", "random",
		fake{view: panicIf(isNoise)},
		Extras[record, record]{},
	},
	{
		"panics on junk behind", "NeverPanics", "behind",
		fake{view: panicIf(hasTail)},
		Extras[record, record]{},
	},
	{"swaps bytes in place", "ReadOnly", "became", fake{view: modify}, Extras[record, record]{}},
	{
		"writes behind the bytes", "ReadOnly", "beside",
		fake{view: writeBehind},
		Extras[record, record]{},
	},
	{
		"reads behind the bytes", "ReadsInside", "between bytes",
		fake{view: readBehind},
		Extras[record, record]{},
	},
	{
		"remembers bytes by address", "NothingStale", "same buffer",
		fake{view: cachedView()},
		Extras[record, record]{},
	},
	{
		"borrows in silence", "Owns", "overwritten",
		fake{view: borrowRecord},
		Extras[record, record]{},
	},
	{
		"does not borrow as it says", "Borrows", "no view",
		fake{},
		Extras[record, record]{Borrows: true},
	},
	{
		"fails when used twice at once", "Concurrent", "while others",
		fake{view: alone()},
		Extras[record, record]{},
	},
	{
		"keeps the old value", "Reuse", "ViewInto",
		fakeReuser{into: mergeInto},
		Extras[record, record]{},
	},
	{
		"ViewInto accepts more", "Reuse", "the error of View",
		fakeReuser{into: acceptAll},
		Extras[record, record]{},
	},
	{
		"trusted view differs", "Trusted", "ViewTrusted",
		fakeTruster{trusted: trustWrongly},
		Extras[record, record]{},
	},
	{
		"trusted view fails", "Trusted", "refused",
		fakeTruster{trusted: refuseTrust},
		Extras[record, record]{},
	},
	{
		"lends what is used", "Lent", "ViewLent",
		fakeLender{lent: lendTwice()},
		Extras[record, record]{},
	},
	{
		"lends the stored bytes", "Lent", "ViewLent",
		fakeLender{lent: lendStored},
		Extras[record, record]{},
	},
	{
		"lends what is damaged", "Lent", "the error of View",
		fakeLender{lent: lendAll},
		Extras[record, record]{},
	},
	{
		"binds to the table alone", "Rows", "in another row",
		fakeRows{sum: sumOfTable},
		Extras[record, record]{},
	},
	{
		"binds to the key alone", "Rows", "in another table",
		fakeRows{sum: sumOfKey},
		Extras[record, record]{},
	},
	{
		"changes the key", "Rows", "changes the key",
		fakeRows{sum: sumThatWrites},
		Extras[record, record]{},
	},
	{
		"takes any metadata", "Bind", "is taken for",
		fakeBinder{bind: bindAnything},
		Extras[record, record]{},
	},
	{
		"refuses its metadata", "Bind", "cannot be opened",
		fakeBinder{bind: bindOnce},
		Extras[record, record]{},
	},
	{
		"rewrites its metadata", "Bind", "it becomes",
		fakeBinder{bind: bindLonger},
		Extras[record, record]{},
	},
	{
		"panics on bad metadata", "Bind", "panic",
		fakeBinder{bind: bindPanics},
		Extras[record, record]{},
	},
	{
		"keeps its metadata", "Bind", "opened again",
		fakeBinder{bind: bindKeeps},
		Extras[record, record]{},
	},
	{
		"cannot be bound", "RoundTrip", "new table",
		fakeBinder{bind: bindNever},
		Extras[record, record]{},
	},
}

func TestBrokenFormats(t *testing.T) {
	for _, c := range brokenFormats {
		t.Run(c.name, func(t *testing.T) {
			s, err := newSuite(c.format, c.extras, ownRecords())
			if err != nil {
				t.Fatal(err)
			}
			s.patience = 20 * time.Millisecond
			breaks := []string{c.breaks}
			if s.notBound != nil {
				breaks = append(breaks, "Bind")
			}
			wantBroken(t, s.checks(), breaks, c.says)
		})
	}
}

// wantBroken tests that exactly the named promises are found broken, and that the failure
// prints the first of them.
func wantBroken(t *testing.T, checks []check, names []string, says string) {
	t.Helper()
	runAll(checks, func(name string, test func() error) bool {
		err := test()
		if broken := slices.Contains(names, name); broken != (err != nil) {
			t.Errorf("%s: broken %v, error %v", name, broken, err)
		}
		if err != nil && name == names[0] && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: the failure does not say %q: %v", name, says, err)
		}
		return err == nil
	})
}

func TestFailuresPrintThePromise(t *testing.T) {
	s, err := newSuite(fake{encode: forgetID}, Extras[record, record]{}, records)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.checks() {
		if err := c.test(); c.name == "RoundTrip" && !strings.HasPrefix(fmt.Sprint(err),
			"broken promise: reading an encoding gives what was encoded\n"+
				`formattest.record{ID:0x1, Name:"a", Rest:[]uint8(nil)} is encoded as 0000`) {
			t.Errorf("got: %v", err)
		}
	}
}

// A read that takes memory without bound is the last one: the next could take the machine down.
func TestStopsWhenUnbounded(t *testing.T) {
	s, err := newSuite(fake{view: allocateFirst}, Extras[record, record]{}, records)
	if err != nil {
		t.Fatal(err)
	}
	var ran []string
	runAll(s.checks(), func(name string, test func() error) bool {
		ran = append(ran, name)
		return test() == nil
	})
	if last := ran[len(ran)-1]; last != "Bounded" {
		t.Errorf("the suite went on with %s", last)
	}
}

func counter(prefix string) func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprint(prefix, n.Add(1)) }
}

func forgetID(dst []byte, v record) ([]byte, error) {
	return encodeRecord(dst, record{Name: v.Name, Rest: v.Rest})
}

func refuseNameless(dst []byte, v record) ([]byte, error) {
	if v.ID == 7 {
		return nil, errors.New("no name")
	}
	return encodeRecord(dst, v)
}

func refuseID7(b []byte) (record, error) {
	v, err := viewRecord(b)
	if v.ID == 7 {
		return record{}, errShort
	}
	return v, err
}

func overwrite(dst []byte, v record) ([]byte, error) {
	if len(dst) > 0 {
		dst[0] = 'X'
	}
	return encodeRecord(dst, v)
}

func dropPrefix(_ []byte, v record) ([]byte, error) { return encodeRecord(nil, v) }

// mergeIntoSpare takes the room behind dst for zeros.
func mergeIntoSpare(dst []byte, v record) ([]byte, error) {
	b, _ := encodeRecord(nil, v)
	if cap(dst)-len(dst) < len(b) {
		return append(dst, b...), nil
	}
	room := dst[len(dst) : len(dst)+len(b)]
	for i := range b {
		room[i] |= b[i]
	}
	return dst[:len(dst)+len(b)], nil
}

// ownBuffer keeps dst, if it is big, for itself.
func ownBuffer() func(dst []byte, v record) ([]byte, error) {
	var mu sync.Mutex
	var kept []byte
	return func(dst []byte, v record) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		clear(kept)
		kept = nil
		result, err := encodeRecord(dst, v)
		if len(dst) == 0 && cap(dst) > 0 {
			kept = result
		}
		return result, err
	}
}

// cachedEncoding keeps what it returned to a caller that gave no buffer.
func cachedEncoding() func(dst []byte, v record) ([]byte, error) {
	var cache sync.Map
	return func(dst []byte, v record) ([]byte, error) {
		if b, ok := cache.Load(v.ID); ok && dst == nil {
			return append(dst, b.([]byte)...), nil
		}
		b, err := encodeRecord(dst, v)
		if len(dst) == 0 && dst != nil {
			cache.Store(v.ID, b)
		}
		return b, err
	}
}

func sequenced() func(dst []byte, v record) ([]byte, error) {
	var n atomic.Uint32
	return func(dst []byte, v record) ([]byte, error) {
		return encodeRecord(binary.BigEndian.AppendUint32(dst, n.Add(1)), v)
	}
}

func unsequenced(b []byte) (record, error) {
	if len(b) < 4 {
		return record{}, errShort
	}
	return viewRecord(b[4:])
}

func sortsRest(dst []byte, v record) ([]byte, error) {
	slices.Sort(v.Rest)
	return encodeRecord(dst, v)
}

func extendsRest(dst []byte, v record) ([]byte, error) {
	if n := len(v.Rest); n < cap(v.Rest) && v.Rest[:n+1][n] != 'x' {
		_ = append(v.Rest, 'x')
	}
	return encodeRecord(dst, v)
}

// ownRecords is records in memory that a format may spoil.
func ownRecords() []record {
	own := slices.Clone(records)
	for i, r := range own {
		if r.Rest != nil {
			own[i].Rest = append(make([]byte, 0, 64), r.Rest...)
		}
	}
	return own
}

// vague is viewRecord with errors that nobody can tell from others.
func vague(b []byte) (record, error) {
	v, err := viewRecord(b)
	if err != nil {
		err = errors.New("bad bytes")
	}
	return v, err
}

// ignoreBehind reads the first value in b.
func ignoreBehind(b []byte) (record, error) {
	v, err := viewRecord(b)
	for n := len(b) - 1; err != nil && n >= 12; n-- {
		v, err = viewRecord(b[:n])
	}
	return v, err
}

func alignedOnly(b []byte) (record, error) {
	if uintptr(unsafe.Pointer(unsafe.SliceData(b)))%4 != 0 {
		return record{}, errShort
	}
	return viewRecord(b)
}

// nameLength is the length in b that says how long the name is.
func nameLength(b []byte) uint32 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint32(b[4:])
}

func allocateFirst(b []byte) (record, error) {
	name := make([]byte, min(nameLength(b), 1<<24))
	v, err := viewRecord(b)
	copy(name, v.Name)
	return v, err
}

func sleepFirst(b []byte) (record, error) {
	if nameLength(b) == 0xFFFFFFFF {
		time.Sleep(30 * time.Millisecond)
	}
	return viewRecord(b)
}

func panicIf(bad func(b []byte) bool) func(b []byte) (record, error) {
	return func(b []byte) (record, error) {
		if bad(b) {
			panic("bad bytes")
		}
		return viewRecord(b)
	}
}

func encoded(v record) []byte { b, _ := encodeRecord(nil, v); return b }

func isCut(b []byte) bool {
	return len(b) > 9 && slices.ContainsFunc(records, func(v record) bool {
		return len(b) < len(encoded(v)) && bytes.HasPrefix(encoded(v), b)
	})
}

func isFlipped(b []byte) bool {
	good := encoded(records[2])
	return len(b) == len(good) && b[4] == good[4]^0x10 && bytes.Equal(b[5:], good[5:])
}

func isHuge(b []byte) bool {
	return nameLength(b) == 0x7FFFFFFF && binary.BigEndian.Uint32(b) == 1
}

func isNoise(b []byte) bool {
	return len(b) > 20 && len(b) < 100 && b[0] != b[1] && b[0] != 0 && b[0] != 1 && b[19] > 0x80 &&
		b[18] > 0x80 && b[17] < 0x40
}

func hasTail(b []byte) bool {
	good := encoded(records[0])
	return len(b) == 2*len(good) && bytes.HasPrefix(b, good) && bytes.HasSuffix(b, good)
}

func modify(b []byte) (record, error) {
	v, err := viewRecord(b)
	slices.Reverse(b)
	return v, err
}

// outside returns b and the byte behind it.
func outside(b []byte) []byte { return unsafe.Slice(unsafe.SliceData(b), len(b)+1) }

func writeBehind(b []byte) (record, error) {
	if len(b) > 0 {
		outside(b)[len(b)] = 'X'
	}
	return viewRecord(b)
}

// readBehind takes a name that is one byte too long for a good one.
func readBehind(b []byte) (record, error) {
	v, err := viewRecord(b)
	if err != nil && len(b) > 0 && nameLength(b) == uint32(len(b)-7) {
		return record{Name: string(outside(b)[8:])}, nil
	}
	return v, err
}

func cachedView() func(b []byte) (record, error) {
	var cache sync.Map
	return func(b []byte) (record, error) {
		if len(b) == 0 {
			return record{}, errShort
		}
		if v, ok := cache.Load(&b[0]); ok {
			return v.(record), nil
		}
		v, err := viewRecord(b)
		if err == nil {
			cache.Store(&b[0], v)
		}
		return v, err
	}
}

// alone is an error while another goroutine is inside.
func alone() func(b []byte) (record, error) {
	var inside atomic.Int32
	return func(b []byte) (record, error) {
		defer inside.Add(-1)
		if inside.Add(1) > 1 {
			return record{}, errShort
		}
		if len(b) == len(encoded(records[1])) {
			for range 50 {
				runtime.Gosched()
			}
		}
		return viewRecord(b)
	}
}

func mergeInto(b []byte, w *record) error {
	v, err := viewRecord(b)
	if err == nil && v.Name == "" {
		v.Name = w.Name
	}
	*w = v
	return err
}

func acceptAll(b []byte, w *record) error {
	*w, _ = viewRecord(b)
	return nil
}

func trustWrongly(b []byte) (record, error) {
	v, err := viewRecord(b)
	v.ID++
	return v, err
}

func refuseTrust([]byte) (record, error) { return record{}, errors.New("refused") }

func bindAnything(stored []byte) (core.ValueFormat[record, record], []byte, error) {
	if stored == nil {
		stored = []byte("meta")
	}
	return fake{}, bytes.Clone(stored), nil
}

func bindOnce(stored []byte) (core.ValueFormat[record, record], []byte, error) {
	if stored != nil {
		return nil, nil, core.ErrFormatMismatch
	}
	return fake{}, []byte("meta"), nil
}

func bindLonger(stored []byte) (core.ValueFormat[record, record], []byte, error) {
	if stored != nil && !bytes.HasPrefix(stored, []byte("meta")) {
		return nil, nil, core.ErrFormatMismatch
	}
	return fake{}, append([]byte("meta"), stored...), nil
}

func bindPanics(stored []byte) (core.ValueFormat[record, record], []byte, error) {
	if len(stored) == 2 {
		panic("short metadata")
	}
	return bindWell(stored)
}

func bindWell(stored []byte) (core.ValueFormat[record, record], []byte, error) {
	if stored != nil && string(stored) != "meta" {
		return nil, nil, core.ErrFormatMismatch
	}
	return fake{}, []byte("meta"), nil
}

// bindKeeps relies on the stored metadata after it has returned.
func bindKeeps(stored []byte) (core.ValueFormat[record, record], []byte, error) {
	_, meta, err := bindWell(stored)
	return fake{view: func(b []byte) (record, error) {
		if stored != nil && string(stored) != "meta" {
			return record{}, errShort
		}
		return viewRecord(b)
	}}, meta, err
}

func bindNever([]byte) (core.ValueFormat[record, record], []byte, error) {
	return nil, nil, errors.New("cannot be bound")
}
