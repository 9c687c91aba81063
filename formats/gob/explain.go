// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/explain"
)

// Explain shows what tables in gob hold, without the Go type: see [core.Explainer]. It uses the
// descriptions that are stored with the table, and needs no registered types. Structs are
// objects with the fields that are stored, which leaves out those that are zero. Things that
// JSON lacks are shown as follows:
//   - A map whose keys are not strings is a list of pairs: [[1,"a"],[2,"b"]].
//   - The content of an interface is {"type":...,"value":...} with the name that its type is
//     registered under, or null.
//   - A complex number is a list of two numbers. A value of a type that encodes itself is shown as
//     the bytes that it wrote, in base64.
//   - A nil value is null. A key of a map that is not UTF-8 is the text of {"base64":...}.
//
// For a value that is nested more than 1024 levels deep the error is [core.ErrTooLarge].
func Explain(t core.TableInfo) (core.Explanation, error) {
	if t.ValueFormat != formatID {
		return core.Explanation{}, fmt.Errorf("values in %q are not in gob: %w",
			t.ValueFormat, errors.ErrUnsupported)
	}
	if t.Meta == nil {
		return core.Explanation{}, fmt.Errorf("%w: %w: there are none",
			core.ErrCorrupt, errMetadata)
	}
	epochs, err := parseMetadata(t.Meta)
	if err != nil {
		return core.Explanation{}, err
	}
	return core.Explanation{
		Schema: words(epochs),
		AppendJSON: func(dst, _, value []byte) ([]byte, error) {
			return appendJSON(dst, value, epochs)
		},
	}, nil
}

// mostWords is how many bytes of a description are shown.
const mostWords = 4000

// words returns all descriptions as text, the newest first, with their numbers if there are
// several.
func words(epochs []record) string {
	var lines []string
	for i, e := range slices.Backward(epochs) {
		text := e.types.describe(e.types.root, mostWords)
		if len(epochs) > 1 {
			text = fmt.Sprintf("description %d: %s", i+1, text)
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// maxShown is how deeply a shown value may be nested.
const maxShown = 1024

var (
	errNoValue      = fmt.Errorf("%w: %w", core.ErrCorrupt, errMalformed)
	errShownTooDeep = fmt.Errorf("%w: it is nested more than %d levels deep",
		core.ErrTooLarge, maxShown)
)

func appendJSON(dst, stored []byte, epochs []record) ([]byte, error) {
	number, size := binary.Uvarint(stored)
	if size <= 0 || number == 0 || size > 1 && stored[size-1] == 0 {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, errNoEpoch)
	}
	if number > uint64(len(epochs)) {
		return nil, fmt.Errorf("%w: it follows description %d of the type, and %d are known",
			core.ErrFormatMismatch, number, len(epochs))
	}
	e, body := epochs[number-1], stored[size:]
	if len(body) == 0 {
		return append(dst, "null"...), nil
	}
	s := newShower(dst, body, e.types)
	if e.stored == storedWithAll {
		if err := s.learn(); err != nil {
			return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
		}
	}
	return s.whole()
}

// newShower bounds the size of the output, in which the names of fields take more room than in
// gob.
func newShower(dst, body []byte, types *description) shower {
	return shower{
		reader: reader{b: body}, types: types, out: dst,
		most: int64(len(dst)) + newOptions(nil).limits.budget(len(body)),
	}
}

// whole shows all of the bytes.
func (s *shower) whole() ([]byte, error) {
	s.alone(s.types.root, 0)
	switch {
	case s.err != nil:
		return nil, s.err
	case s.bad, len(s.b) > 0:
		return nil, errNoValue
	}
	return s.out, nil
}

// shower passes over a value and appends it as JSON.
type shower struct {
	reader
	types *description
	out   []byte
	most  int64 // how long out may be
	err   error // why it ended early, if not because of wrong bytes
}

// learn reads the descriptions before a value that holds interfaces.
func (s *shower) learn() error {
	n := s.uint()
	if n > maxValueParts {
		return errTooManyTypes
	}
	d := &description{s.types.root, maps.Clone(s.types.types), 0}
	for range n {
		message := reader{b: s.counted()}
		id := typeID(-message.int())
		if s.bad || message.bad || id != canonicalID+typeID(len(d.types)) {
			return errDescription
		}
		if d.types == nil {
			d.types = map[typeID]*wireType{}
		}
		if err := d.add(id, &message, maxValueParts); err != nil {
			return err
		}
	}
	s.types = d
	return d.check(maxWork)
}

func (s *shower) stop(err error) {
	if !s.bad {
		s.err = err
		s.fail()
	}
}

func (s *shower) text(text string) { s.out = append(s.out, text...) }

// alone shows a value outside of any struct. Unless it is itself a struct, a zero stands for
// the number of its field.
func (s *shower) alone(id typeID, depth int) {
	if t := s.types.types[id]; (t == nil || t.form != formStruct) && s.uint() != 0 {
		s.fail()
		return
	}
	s.value(id, depth)
}

func (s *shower) value(id typeID, depth int) {
	if depth > maxShown {
		s.stop(errShownTooDeep)
	}
	if int64(len(s.out)) > s.most {
		s.stop(fmt.Errorf("%w: it would take too much memory to show it", core.ErrTooLarge))
	}
	if s.bad {
		return
	}
	if id <= idInterface {
		s.builtin(id, depth)
		return
	}
	t := s.types.types[id]
	switch t.form {
	case formStruct:
		s.structure(t, depth)
	case formArray:
		if n := s.uint(); n != t.length {
			s.fail()
		}
		s.elements(t, t.length, depth)
	case formSlice:
		s.elements(t, s.uint(), depth)
	case formMap:
		s.rows(t, depth)
	default:
		s.out = explain.AppendBytes(s.out, s.counted())
	}
}

func (s *shower) builtin(id typeID, depth int) {
	switch id {
	case idBool:
		s.out = strconv.AppendBool(s.out, s.uint() != 0)
	case idInt:
		s.out = strconv.AppendInt(s.out, s.int(), 10)
	case idUint:
		s.out = strconv.AppendUint(s.out, s.uint(), 10)
	case idFloat:
		s.out = explain.AppendFloat(s.out, float(s.uint()), 64)
	case idComplex:
		s.out = explain.AppendFloat(append(s.out, '['), float(s.uint()), 64)
		s.out = append(explain.AppendFloat(append(s.out, ','), float(s.uint()), 64), ']')
	case idBytes:
		s.out = explain.AppendBytes(s.out, s.counted())
	case idString:
		s.out = explain.AppendString(s.out, string(s.counted()))
	case idInterface:
		s.dynamic(depth)
	}
}

// elements shows a list. Each element takes at least one byte, so a wrong number of elements
// ends with the bytes.
func (s *shower) elements(t *wireType, n uint64, depth int) {
	s.text("[")
	for i := uint64(0); i < n && !s.bad; i++ {
		if i > 0 {
			s.text(",")
		}
		s.value(t.elem, depth+1)
	}
	s.text("]")
}

// rows shows a map: as an object if its keys are strings, otherwise as a list of pairs. Gob
// does not order them.
func (s *shower) rows(t *wireType, depth int) {
	names := t.key == idString
	open, between, separator, end := "[[", "],[", ",", "]]"
	if names {
		open, between, separator, end = "{", ",", ":", "}"
	}
	n := s.uint()
	if n == 0 && !names {
		open, end = "[", "]"
	}
	s.text(open)
	for i := uint64(0); i < n && !s.bad; i++ {
		if i > 0 {
			s.text(between)
		}
		at := len(s.out)
		s.value(t.key, depth+1)
		if names && !s.bad && s.out[at] != '"' {
			s.out = explain.AppendString(s.out[:at], string(s.out[at:]))
		}
		s.text(separator)
		s.value(t.elem, depth+1)
	}
	s.text(end)
}

// structure shows a struct: pairs of a step to the next field that is there, and its value;
// then a zero.
func (s *shower) structure(t *wireType, depth int) {
	open := "{"
	for next := uint64(0); ; next++ {
		step := s.uint()
		if step == 0 || s.bad {
			break
		}
		if next += step - 1; step > uint64(len(t.fields)) || next >= uint64(len(t.fields)) {
			s.fail()
			break
		}
		s.text(open)
		s.out = append(explain.AppendString(s.out,
			strings.ToValidUTF8(t.fields[next].name, "\ufffd")), ':')
		s.value(t.fields[next].id, depth+1)
		open = ","
	}
	if open == "{" {
		s.text(open)
	}
	s.text("}")
}

// dynamic shows the content of an interface.
func (s *shower) dynamic(depth int) {
	name := s.counted()
	if len(name) == 0 {
		s.text("null")
		return
	}
	id := typeID(s.int())
	inner := shower{reader: reader{b: s.counted()}, types: s.types, out: s.out, most: s.most}
	if s.bad || id < idBool || id >= idInterface && s.types.types[id] == nil {
		s.fail()
		return
	}
	inner.text(`{"type":`)
	inner.out = append(explain.AppendString(inner.out, string(name)), `,"value":`...)
	inner.alone(id, depth+1)
	inner.text("}")
	s.out = inner.out
	if inner.err != nil {
		s.stop(inner.err)
	}
	if inner.bad || len(inner.b) > 0 {
		s.fail()
	}
}
