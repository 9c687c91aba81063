// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

func sameRecord(a, b record) bool { return a.ID == b.ID && a.Name == b.Name }

func TestEvolve(t *testing.T) { Evolve(t, fake{}, fake{}, sameRecord, records...) }

// Each of these breaks what Evolve is there for.
func TestEvolveFindsWhatIsBroken(t *testing.T) {
	grows := func(stored []byte) (core.ValueFormat[record, record], []byte, error) {
		return fake{}, append([]byte("meta"), stored...), nil
	}
	for says, is := range map[string]core.ValueFormat[record, record]{
		"cannot be read with the new type": fake{view: refuseID7},
		"reads as": fake{view: func(b []byte) (record, error) {
			return record{ID: 99}, nil
		}},
		"metadata grows": fakeBinder{bind: grows},
		"cannot be opened with the new type": fakeBinder{bind: func([]byte) (core.ValueFormat[record, record], []byte, error) {
			return nil, nil, errors.New("no")
		}},
	} {
		if err := evolve(fake{}, is, sameRecord,
			records); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
	var met []byte
	once := func(stored []byte) (core.ValueFormat[record, record], []byte, error) {
		if met == nil {
			met = []byte("old")
			return fake{}, met, nil
		}
		return nil, nil, core.ErrFormatMismatch
	}
	if err := evolve(fakeBinder{bind: once}, fake{}, sameRecord,
		records); err == nil || !strings.Contains(err.Error(), "old type any more") {
		t.Errorf("error %v", err)
	}
}

// A format may have several encodings of a value if it says so. Each of them must read as the
// value.
func TestVarying(t *testing.T) {
	RunWith(t, fake{encode: sequenced(), view: unsequenced},
		Extras[record, record]{Varies: true}, records...)
	broken := fake{encode: sequenced(), view: func(b []byte) (record, error) {
		v, err := unsequenced(b)
		if err == nil && b[3]%16 == 15 {
			v.ID++
		}
		return v, err
	}}
	s, err := newSuite(broken, Extras[record, record]{Varies: true}, records)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.varied(); err == nil {
		t.Error("an encoding that reads as something else is not found")
	}
}
