// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"fmt"
	"strings"
)

// whole is the composite that a component belongs to, for error messages. A triple stores its last
// two components as a pair, and a quad its last three as a triple, so the format that finds an
// error is not always the one to name.
type whole struct {
	id     string
	before int // components of the whole come before these
}

// component says in which component err happened, where n counts the components of the format
// itself. It returns nil for nil.
func (w whole) component(n int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("component %d of %s: %w", w.before+n, w.id, err)
}

// in adds to the error of a span the component in which it failed.
func (s span) in(w whole, n int) span {
	s.err, s.partErr = w.component(n, s.err), w.component(n, s.partErr)
	return s
}

// composite returns name(id,id...).
func composite(name string, ids ...string) string {
	return name + "(" + strings.Join(ids, ",") + ")"
}
