// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
)

// jsonWalker goes through a value before it is encoded, wherever its type does not say what is
// there. encoding/json recurses for each level: a linked list of a million nodes would crash
// the process, and one of ten thousand would be stored but never read, since decoding ends
// there. And an interface may hold a type of which nothing is stored.
type jsonWalker struct {
	root  *jsonSteps
	types sync.Map // of reflect.Type to *jsonSteps, for what was found in interfaces
}

var typeAny = reflect.TypeFor[any]()

const maxJSONLevels = 10_000

var errJSONTooDeep = fmt.Errorf("%w: it is nested more than %d levels deep, or contains itself",
	core.ErrTooLarge, maxJSONLevels)

// newJSONWalker returns nil if there is nothing to find in values of the type.
func newJSONWalker(t reflect.Type) *jsonWalker {
	w := &jsonWalker{root: newJSONPlanner(false).plan(t)}
	if !w.root.needed {
		return nil
	}
	return w
}

// typed returns the steps for a type that was found in an interface.
func (w *jsonWalker) typed(t reflect.Type) *jsonSteps {
	if s, ok := w.types.Load(t); ok {
		return s.(*jsonSteps)
	}
	made := &jsonSteps{err: checkJSONDynamic(t)}
	if made.err == nil {
		made = newJSONPlanner(true).plan(t)
	}
	s, _ := w.types.LoadOrStore(t, made)
	return s.(*jsonSteps)
}

// check returns an error if v should not be encoded. unsure says that v may be encoded, but
// only decoding it shows whether it can be read.
func (w *jsonWalker) check(v reflect.Value) (unsure bool, err error) {
	j := jsonWalk{walker: w}
	// Pointers and interfaces do not count as levels.
	err = j.walk(v, w.root, jsonDepth{maxJSONLevels, 8 * maxJSONLevels})
	return j.unsure, err
}

// jsonWalk is the state of one walk.
type jsonWalk struct {
	walker *jsonWalker
	unsure bool
}

// jsonDepth is how many more levels and steps down are allowed.
type jsonDepth struct{ levels, steps int }

func (w *jsonWalk) walk(v reflect.Value, s *jsonSteps, d jsonDepth) error {
	if d.steps--; d.steps < 0 {
		return errJSONTooDeep
	}
	if s.leaf != nil {
		return s.leaf(w, v, d)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return w.walk(v.Elem(), s.elem, d)
	case reflect.Interface:
		return w.inside(v, d)
	}
	if s.leads != nil { // that part stands for the whole struct
		return w.walk(v.FieldByIndex(s.leads), s.elem, d)
	}
	if err := w.down(&d, s.flat); err != nil {
		return err
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		return w.list(v, s, d)
	case reflect.Map:
		return w.pairs(v, s, d)
	case reflect.Struct:
		return w.fields(v, s, d)
	}
	return nil
}

// down enters a level. flat is how many levels below it are not gone through.
func (w *jsonWalk) down(d *jsonDepth, flat int) error {
	if d.levels--; d.levels < 0 {
		return errJSONTooDeep
	}
	w.unsure = w.unsure || d.levels < flat
	return nil
}

func (w *jsonWalk) list(v reflect.Value, s *jsonSteps, d jsonDepth) error {
	if !s.elem.needed {
		return nil
	}
	for i := range v.Len() {
		if err := w.walk(v.Index(i), s.elem, d); err != nil {
			return err
		}
	}
	return nil
}

func (w *jsonWalk) pairs(v reflect.Value, s *jsonSteps, d jsonDepth) error {
	var texts map[string]bool
	if s.textKeys && v.Len() > 0 {
		texts = make(map[string]bool, v.Len())
	}
	for pairs := v.MapRange(); pairs.Next(); {
		if s.textKeys {
			if err := textKey(pairs.Key(), texts); err != nil {
				return err
			}
		}
		if s.elem.needed {
			if err := w.walk(pairs.Value(), s.elem, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// textKey returns an error if a key has the same text as another one, or if its text does not
// hold all of it.
func textKey(key reflect.Value, texts map[string]bool) error {
	k := key.Interface()
	if t, ok := k.(time.Time); ok {
		if err := wholeMinutes(t); err != nil {
			return err
		}
	}
	m, ok := k.(encoding.TextMarshaler)
	if !ok || key.Kind() == reflect.Pointer && key.IsNil() {
		return nil
	}
	text, err := m.MarshalText()
	if err != nil {
		return fmt.Errorf("a key of a map: %w", err)
	}
	if texts[string(text)] {
		return fmt.Errorf("two keys of a map of type %v are both written as %q, so that one "+
			"would be lost", key.Type(), text)
	}
	texts[string(text)] = true
	return nil
}

func (w *jsonWalk) fields(v reflect.Value, s *jsonSteps, d jsonDepth) error {
	for _, f := range s.fields {
		if part := jsonPart(v, f.index); part.IsValid() {
			if err := w.walk(part, f.to, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// jsonPart returns a field of a struct, which may lie behind embedded pointers. There is no
// field behind a nil pointer.
func jsonPart(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

func (w *jsonWalk) inside(v reflect.Value, d jsonDepth) error {
	if v.IsNil() {
		return nil
	}
	if v.CanAddr() && v.Type() == typeAny { // without an allocation
		return w.dynamic(*v.Addr().Interface().(*any), d)
	}
	return w.dynamic(v.Elem().Interface(), d)
}

// dynamic checks the content of an interface.
func (w *jsonWalk) dynamic(v any, d jsonDepth) error {
	if d.steps--; d.steps < 0 {
		return errJSONTooDeep
	}
	switch v := v.(type) {
	case nil, bool, string, []byte, float32, float64, int8, int16, int32, uint8, uint16, uint32:
		return nil
	case []any:
		return w.anyList(v, d)
	case map[string]any:
		return w.anyMap(v, d)
	}
	s := w.walker.typed(reflect.TypeOf(v))
	switch {
	case s.err != nil:
		return s.err
	case !s.needed && s.flat <= d.levels:
		return nil
	}
	return w.walk(reflect.ValueOf(v), s, d)
}

func (w *jsonWalk) anyList(v []any, d jsonDepth) error {
	if err := w.down(&d, 0); err != nil {
		return err
	}
	for _, e := range v {
		if err := w.dynamic(e, d); err != nil {
			return err
		}
	}
	return nil
}

func (w *jsonWalk) anyMap(v map[string]any, d jsonDepth) error {
	if err := w.down(&d, 0); err != nil {
		return err
	}
	for _, e := range v {
		if err := w.dynamic(e, d); err != nil {
			return err
		}
	}
	return nil
}

// The following functions check what steps end at.

// seeTime is for times. The zone offsets of RFC 3339 have no seconds, so a time whose zone has
// them would be read as another instant.
func seeTime(_ *jsonWalk, v reflect.Value, _ jsonDepth) error {
	if v.CanAddr() {
		return wholeMinutes(*v.Addr().Interface().(*time.Time))
	}
	return wholeMinutes(v.Interface().(time.Time))
}

func wholeMinutes(t time.Time) error {
	if _, offset := t.Zone(); offset%60 != 0 {
		return fmt.Errorf("the time %v has an offset with seconds, %v, for which JSON has "+
			"nothing; store it in UTC",
			t.Format("2006-01-02T15:04:05.999999999Z07:00:00"), time.Duration(offset)*time.Second)
	}
	return nil
}

// seeRaw is for JSON that is already encoded. It has levels of its own.
func seeRaw(w *jsonWalk, v reflect.Value, d jsonDepth) error {
	if deepest(v.Bytes()) > d.levels {
		return errJSONTooDeep
	}
	return nil
}

// deepest returns how many levels the JSON has.
func deepest(b []byte) (most int) {
	level, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			level++
			most = max(most, level)
		case c == ']' || c == '}':
			level--
		}
	}
	return most
}

// seeOpaque is for values in interfaces that methods write, because it is unknown how they will be
// read.
func seeOpaque(w *jsonWalk, _ reflect.Value, _ jsonDepth) error {
	w.unsure = true
	return nil
}

// seeInt, seeUint and seeNumber are for numbers in an interface, which are read as float64.
func seeInt(_ *jsonWalk, v reflect.Value, _ jsonDepth) error {
	if n := v.Int(); n < 0 {
		return exact(-uint64(n), v)
	}
	return exact(uint64(v.Int()), v)
}

func seeUint(_ *jsonWalk, v reflect.Value, _ jsonDepth) error { return exact(v.Uint(), v) }

func seeNumber(_ *jsonWalk, v reflect.Value, _ jsonDepth) error {
	n := json.Number(v.String())
	if _, err := n.Float64(); err != nil {
		return fmt.Errorf("the number %q in an interface could not be read again: %w", n, err)
	}
	return exactText(n.String())
}

// seeBig is for a number that has an address, without which it is refused.
func seeBig(_ *jsonWalk, v reflect.Value, _ jsonDepth) error {
	n := v.Addr().Interface().(*big.Int)
	if n.BitLen() > math.MaxInt16 {
		return fmt.Errorf("a number of %d bits is %w", n.BitLen(), errNotExact)
	}
	return seeNumber(nil, reflect.ValueOf(n.String()), jsonDepth{})
}

var errNotExact = errors.New("in an interface, where it would be read as a float64, which is " +
	"another number;" +
	" store it as text, or in a field that has a type")
