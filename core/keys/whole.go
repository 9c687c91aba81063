// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"fmt"
	"strings"
)

// whole is the composite that a component belongs to. A triple stores its last two components as a
// pair does, and a quad its last three as a triple does, so what they are a part of is not always
// themselves.
type whole struct {
	id     string
	before int // components of the whole come before these
}

// component says in which component err happened, where n counts those of the format itself. It is
// nil for nil.
func (w whole) component(n int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("component %d of %s: %w", w.before+n, w.id, err)
}

// in says in which component a span failed.
func (s span) in(w whole, n int) span {
	s.err, s.partErr = w.component(n, s.err), w.component(n, s.partErr)
	return s
}

// composite returns name(id,id...).
func composite(name string, ids ...string) string {
	return name + "(" + strings.Join(ids, ",") + ")"
}
