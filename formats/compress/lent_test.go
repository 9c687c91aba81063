// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"bytes"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
)

// lender is a format whose views are in memory that it gets back.
type lender struct {
	core.ValueFormat[[]byte, []byte]
	released *int
}

func (l lender) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte, []byte]{
		ViewLent: func(b []byte, _ bool) ([]byte, core.Releaser, error) {
			return bytes.Clone(b), l, nil
		},
	}
}

func (l lender) Release() { *l.released++ }

// What the inner format lends is given back with the view, once: the memory that was inflated
// into is free by then, and giving back that instead would lose the other.
func TestWhatIsLentInsideIsGivenBack(t *testing.T) {
	released := 0
	inner := core.ValueFormat[[]byte, []byte](lender{values.Bytes(), &released})
	rows, err := core.RowFormatOf(compress.New(inner), core.TableID{1})
	if err != nil {
		t.Fatal(err)
	}
	value := bytes.Repeat([]byte("what is lent "), 50)
	row, err := rows.Append(nil, []byte("key"), value)
	if err != nil {
		t.Fatal(err)
	}
	w, lent, err := rows.ViewLent([]byte("key"), row, false)
	if err != nil || lent == nil || !bytes.Equal(w, value) {
		t.Fatalf("the view is %q, lent %v, error %v", w, lent, err)
	}
	if released != 0 {
		t.Error("it is given back before the view ends")
	}
	lent.Release()
	if released != 1 {
		t.Errorf("it is given back %d times", released)
	}
}
