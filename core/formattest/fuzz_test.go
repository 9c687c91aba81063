// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import "testing"

// Every check of a fuzz target finds something that the others do not.
func TestFuzzChecks(t *testing.T) {
	hop := func(b []byte) (record, error) {
		v, err := viewRecord(b)
		if v.ID == 42 || v.ID == 43 {
			v.ID++
		}
		return v, err
	}
	oneWay := func(dst []byte, v record) ([]byte, error) {
		if v.ID == 42 {
			return append(dst, "?"...), nil
		}
		return encodeRecord(dst, v)
	}
	input := encoded(record{ID: 42, Name: "a name"})
	for name, f := range map[string]fake{
		"bounded": {view: func(b []byte) (record, error) {
			sink = make([]byte, 1<<24)
			return viewRecord(b)
		}},
		"neverPanics": {view: panicIf(func(b []byte) bool { return len(b) == len(input) })},
		"readOnly":    {view: modify},
		"settles":     {view: hop},
		"unreadable":  {encode: oneWay},
	} {
		s, err := newSuite(f, Extras[record, record]{}, records)
		if err != nil {
			t.Fatal(err)
		}
		failures := 0
		for _, check := range s.readChecks() {
			if check(input) != nil {
				failures++
			}
		}
		if failures != 1 {
			t.Errorf("%s: %d checks fail, want 1", name, failures)
		}
	}
}

var sink []byte
