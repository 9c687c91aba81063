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
	small  int // how many bytes cannot take too much, whatever they are
}

func newDecoder[T any](l limits) *decoder {
	p := planner{made: map[reflect.Type]*plan{}, text: l.text}
	d := &decoder{mode: l.decMode(), limits: l, plan: p.plan(reflect.TypeFor[T]())}
	d.small = int(min(l.budget(0)/p.worst(), math.MaxInt32))
	return d
}

// decode decodes all of b. It hides the io.EOF that the library returns when there are no
// bytes, which could be mistaken for the end of a stream.
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

// check returns an error if b should not be decoded. It skips bytes that are too few to take
// much memory.
func (d *decoder) check(b []byte) error {
	if len(b) <= d.small {
		return nil
	}
	if err := d.mode.Wellformed(b); err != nil {
		return err
	}
	return (&estimate{b: b, left: d.limits.budget(len(b))}).within(d.plan)
}
