// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// around is a format around another one that does something with what that has lent.
type around struct {
	core.ValueFormat[[]byte, []byte]
	lend func(core.Releaser) core.Releaser
}

func (a around) Powers() core.FormatPowers[[]byte, []byte] {
	inner := core.PowersOf(a.ValueFormat).ViewLent
	if a.lend == nil {
		return core.FormatPowers[[]byte, []byte]{}
	}
	return core.FormatPowers[[]byte, []byte]{
		ViewLent: func(b []byte, trusted bool) ([]byte, core.Releaser, error) {
			w, r, err := inner(b, trusted)
			return w, a.lend(r), err
		},
	}
}

// TestAround: formats that lose what the inner one has lent are found.
func TestAround(t *testing.T) {
	for name, c := range map[string]struct {
		lend func(core.Releaser) core.Releaser
		want string // part of the error; "" for none
	}{
		"gives it back": {func(r core.Releaser) core.Releaser { return r }, ""},
		"gives it back beside its own": {func(r core.Releaser) core.Releaser {
			return release(func() { r.Release() })
		}, ""},
		"has no ViewLent": {nil, "is not used"},
		"forgets it": {func(core.Releaser) core.Releaser {
			return release(func() {})
		}, "of 1 views that the inner format has lent 0"},
		"gives back nothing": {func(core.Releaser) core.Releaser { return nil }, "lends nothing"},
		"gives it back at once": {func(r core.Releaser) core.Releaser {
			r.Release()
			return release(func() {})
		}, "before the view is"},
		"gives it back twice": {func(r core.Releaser) core.Releaser {
			return release(func() { r.Release(); r.Release() })
		}, "1 views that the inner format has lent 2"},
	} {
		err := testAround(
			func(inner core.ValueFormat[[]byte, []byte]) core.ValueFormat[[]byte, []byte] {
				return around{inner, c.lend}
			})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("a format that %s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("a format that %s: error %v; want one that says %q", name, err, c.want)
		}
	}
}
