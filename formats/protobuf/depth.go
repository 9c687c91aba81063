// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"errors"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var errTooDeep = errors.New("it is nested too deeply, or contains itself")

// within reports whether the messages in m are nested at most levels deep. The library would
// follow a message that contains itself until the stack overflows. Only messages whose type
// does not bound their depth are checked.
func within(m protoreflect.Message, p *plan, levels int) bool {
	if p.levels <= levels {
		return true
	}
	if levels == 0 {
		return false
	}
	for _, f := range p.nests {
		fd := m.Descriptor().Fields().ByNumber(f.number)
		if fd == nil || !m.Has(fd) || f.sub.levels < levels {
			continue
		}
		if !f.within(m.Get(fd), fd, levels-1) {
			return false
		}
	}
	return true
}

// within checks the value of a field.
func (f *fieldPlan) within(v protoreflect.Value, fd protoreflect.FieldDescriptor, levels int) bool {
	switch {
	case fd.IsMap():
		return f.entriesWithin(v.Map(), levels-1) // an entry is a message around the value
	case fd.IsList():
		for i := range v.List().Len() {
			if !within(v.List().Get(i).Message(), f.sub, levels) {
				return false
			}
		}
		return true
	}
	return within(v.Message(), f.sub, levels)
}

func (f *fieldPlan) entriesWithin(entries protoreflect.Map, levels int) bool {
	value := f.sub.field(2)
	if levels < 0 {
		return false
	}
	if value.sub == nil {
		return true
	}
	ok := true
	entries.Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
		ok = within(v.Message(), value.sub, levels)
		return ok
	})
	return ok
}
