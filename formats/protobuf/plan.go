// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"math"
	"reflect"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// plan says what decoding messages of one type costs. The plans of a recursive type form a
// cycle.
type plan struct {
	dense  [64]*fieldPlan // by number, those that are that small
	others map[protowire.Number]*fieldPlan
	nests  []*fieldPlan // those with messages in them
	// levels of nested messages, this one included; endless if there is no bound
	levels int
}

const endless = math.MaxInt

// fieldPlan says what one occurrence of a field costs.
type fieldPlan struct {
	number   protowire.Number
	wire     protowire.Type
	cost     int64 // of an element, in addition to its content
	perByte  int64 // of a list that is packed
	packable bool
	entry    bool  // of a map
	sub      *plan // nil if it is not a message
}

// Numbers of the fields of a map's entry.
const keyNumber, valueNumber = 1, 2

func (p *plan) field(n protowire.Number) *fieldPlan {
	if n < protowire.Number(len(p.dense)) {
		return p.dense[n]
	}
	return p.others[n]
}

// What parts cost, in bytes of memory. Costs are never less than half of what is allocated:
// appending to a list copies it several times.
const (
	boxCost     = 48  // a part that is allocated by itself, in addition to its size
	growth      = 3   // for each byte of a list, or of what is unknown
	entryCost   = 96  // an entry of a map, besides twice its parts
	dynamicCost = 192 // a field of a message without a Go type, which is an entry of a map
	packedCost  = 16  // a byte that may be an int64 of a list
)

// planner makes each plan once.
type planner struct {
	made        map[protoreflect.FullName]*plan
	worst       int64 // what a byte may cost
	dynamicMaps bool  // messages without generated code have maps in them
}

// newPlan returns the plan of a type, and what the planner met.
func newPlan(t protoreflect.MessageType) (planner, *plan) {
	p := planner{made: make(map[protoreflect.FullName]*plan), worst: packedCost}
	root := p.plan(t.New())
	measure(root, make(map[*plan]bool))
	return p, root
}

// plan makes the plan from an empty message.
func (p *planner) plan(m protoreflect.Message) *plan {
	d := m.Descriptor()
	if made := p.made[d.FullName()]; made != nil {
		return made
	}
	made := &plan{others: make(map[protowire.Number]*fieldPlan)}
	p.made[d.FullName()] = made
	for i := range d.Fields().Len() {
		p.add(made, p.field(m, d.Fields().Get(i)))
	}
	return made
}

func (p *planner) add(to *plan, f *fieldPlan) {
	if f.number < protowire.Number(len(to.dense)) {
		to.dense[f.number] = f
	} else {
		to.others[f.number] = f
	}
	if f.sub != nil {
		to.nests = append(to.nests, f)
	}
	p.worst = max(p.worst, f.cost/int64(protowire.SizeTag(f.number)+1)+1)
}

func (p *planner) field(m protoreflect.Message, fd protoreflect.FieldDescriptor) *fieldPlan {
	f := &fieldPlan{number: fd.Number(), wire: wireType(fd.Kind())}
	size := sizeOf(fd.Kind())
	var inside protoreflect.Message // an empty message of those in the field
	switch {
	case fd.IsMap():
		return p.mapField(m, fd)
	case fd.IsList():
		f.packable = f.wire != protowire.BytesType && f.wire != protowire.StartGroupType
		f.perByte, f.cost = packedCost, growth*size
		if fd.Message() != nil {
			inside = m.NewField(fd).List().NewElement().Message()
		}
	case fd.Message() != nil:
		inside = m.NewField(fd).Message()
	}
	if o := fd.ContainingOneof(); o != nil || fd.HasPresence() {
		f.cost += boxCost
	}
	if f.wire == protowire.BytesType {
		f.cost += boxCost
	}
	if inside != nil {
		f.cost += structSize(inside) + boxCost
		f.sub = p.plan(inside)
	}
	if isDynamic(m) {
		f.cost += dynamicCost + 2*int64(len(fd.Name()))
	}
	return f
}

// mapField plans an entry as a message of two fields, which the library never makes.
func (p *planner) mapField(m protoreflect.Message, fd protoreflect.FieldDescriptor) *fieldPlan {
	key, value := fd.MapKey(), fd.MapValue()
	f := &fieldPlan{
		number: fd.Number(), wire: protowire.BytesType, entry: true, sub: &plan{},
		cost: entryCost + boxCost + 2*(sizeOf(key.Kind())+sizeOf(value.Kind())),
	}
	k := &fieldPlan{number: keyNumber, wire: wireType(key.Kind())}
	v := &fieldPlan{number: valueNumber, wire: wireType(value.Kind())}
	for _, part := range []*fieldPlan{k, v} {
		if part.wire == protowire.BytesType {
			part.cost = boxCost
		}
	}
	if value.Message() != nil {
		inside := m.NewField(fd).Map().NewValue().Message()
		f.cost += structSize(inside) + boxCost // it is made even if the entry has no value
		v.cost, v.sub = structSize(inside)+boxCost, p.plan(inside)
	}
	if isDynamic(m) {
		p.dynamicMaps = true
		f.cost += 2 * dynamicCost
	}
	p.add(f.sub, k)
	p.add(f.sub, v)
	return f
}

func isDynamic(m protoreflect.Message) bool {
	_, ok := m.Interface().(*dynamicpb.Message)
	return ok
}

// structSize returns the size of the Go struct of a message. An unknown size counts as big.
func structSize(m protoreflect.Message) int64 {
	const unknown = 1024
	if t := reflect.TypeOf(m.Interface()); t.Kind() == reflect.Pointer {
		return int64(t.Elem().Size())
	}
	return unknown
}

// sizeOf returns the size of a value in a field or list.
func sizeOf(k protoreflect.Kind) int64 {
	switch k {
	case protoreflect.BoolKind:
		return 1
	case protoreflect.StringKind:
		return 16
	case protoreflect.BytesKind:
		return 24
	default:
		return 8
	}
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	default:
		return protowire.VarintType
	}
}

// measure sets the levels of a plan and of all plans below it, and returns the levels of this
// one. above holds the plans on the way here. A plan that leads into a cycle is endless too, so
// no plan is measured twice.
func measure(p *plan, above map[*plan]bool) int {
	if p.levels != 0 {
		return p.levels
	}
	if above[p] {
		return endless
	}
	above[p] = true
	deepest := 0
	for _, f := range p.nests {
		deepest = max(deepest, measure(f.sub, above))
	}
	delete(above, p)
	p.levels = deepest
	if deepest != endless {
		p.levels++
	}
	return p.levels
}
