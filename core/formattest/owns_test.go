// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"testing"

	"github.com/guardkv/guardkv/core"
)

// fakeOwner says that its views refer to no bytes.
type fakeOwner struct {
	fake
	powers core.FormatPowers[record, record]
}

func (f fakeOwner) Powers() core.FormatPowers[record, record] {
	f.powers.Owns = true
	return f.powers
}

// A format around one that says Owns overwrites the bytes as soon as they are viewed, by whatever
// function.
func TestOwnersThatBorrow(t *testing.T) {
	Run(t, fakeOwner{}, records...)
	for name, c := range map[string]struct {
		format fakeOwner
		broken string
	}{
		"View": {fakeOwner{fake: fake{view: borrowRecord}}, "Owns"},
		"ViewTrusted": {fakeOwner{powers: core.FormatPowers[record,
			record]{ViewTrusted: borrowRecord}}, "Trusted"},
		"ViewInto": {fakeOwner{powers: core.FormatPowers[record,
			record]{ViewInto: func(b []byte, w *record) (err error) {
			*w, err = borrowRecord(b)
			return err
		}}}, "Reuse"},
		"ViewLent": {fakeOwner{powers: core.FormatPowers[record, record]{
			ViewLent: func(b []byte, _ bool) (w record, _ core.Releaser, err error) {
				w, err = borrowRecord(b)
				return w, nil, err
			},
		}}, "Lent"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := newSuite(c.format, Extras[record, record]{Borrows: true}, records)
			if err != nil {
				t.Fatal(err)
			}
			wantBroken(t, s.checks(), []string{c.broken}, "")
		})
	}
}
