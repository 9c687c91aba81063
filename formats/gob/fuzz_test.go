// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"bytes"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

// FuzzFormat knows that maps are encoded in any order.
func FuzzFormat(f *testing.F) {
	varies := formattest.Extras[company, company]{Varies: true}
	formattest.FuzzWith(f, gobformat.New[company](), varies, companies...)
}

func FuzzFormatDynamic(f *testing.F) {
	formattest.FuzzWith(f, gobformat.New[shape](), formattest.Extras[shape, shape]{Varies: true}, shapes...)
}

// FuzzMetadata binds a format to metadata that may be anything. It is refused, or it is kept as it is, followed by at
// most one new description.
func FuzzMetadata(f *testing.F) {
	_, meta1 := bind[order1](f, nil)
	_, meta2 := bind[order2](f, meta1)
	_, meta3 := bind[order3](f, meta2)
	_, other := bind[company](f, nil)
	for _, b := range [][]byte{meta1, meta2, meta3, other, meta3[:len(meta3)/2]} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		if stored == nil {
			return
		}
		bound, meta, err := gobformat.New[order2]().(core.Binder[order2, order2]).Bind(stored)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(meta, stored) {
			t.Fatalf("%x became %x", stored, meta)
		}
		want := order2{ID: 7, Paid: true}
		wantRead(t, bound, write(t, bound, want), want)
		for epoch := range byte(4) {
			_, _ = bound.View([]byte{epoch, 1, 1, 1, 0})
			_, _ = bound.View([]byte{epoch, 0, 1, 2, 0})
		}
		if _, again := bind[order2](t, meta); !bytes.Equal(again, meta) {
			t.Fatalf("%x became %x", meta, again)
		}
	})
}
