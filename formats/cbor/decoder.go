// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"errors"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// decoder decodes values of one type, unless that would take too much memory.
type decoder struct {
	mode   cbor.DecMode
	limits limits
	plan   *plan
	small  int // bytes that cannot take too much, whatever they are
}

func newDecoder[T any](l limits) *decoder {
	p := planner{made: map[reflect.Type]*plan{}, text: l.text}
	d := &decoder{mode: l.decMode(), limits: l, plan: p.plan(reflect.TypeFor[T]())}
	d.small = int(min(l.budget(0)/p.worst(), math.MaxInt32))
	return d
}

// decode decodes b, all of it. The library says io.EOF when there are no bytes: that could be
// taken for the end of a stream.
func (d *decoder) decode(b []byte, target any) error {
	if len(b) == 0 {
		return errEmpty
	}
	if err := d.check(b); err != nil {
		return err
	}
	return d.mode.Unmarshal(b, target)
}

var errEmpty = errors.New("there are no bytes")

// check reports why b should not be decoded. What is too small to take much is not looked at.
func (d *decoder) check(b []byte) error {
	if len(b) <= d.small {
		return nil
	}
	if err := d.mode.Wellformed(b); err != nil {
		return err
	}
	return (&estimate{b: b, left: d.limits.budget(len(b))}).within(d.plan)
}
