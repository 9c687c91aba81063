// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// New returns a format that stores messages of type M, a pointer to a message type that
// protoc-gen-go generated in any of its APIs:
//
//	protobuf.New[*pb.Person]()
//
// If a message type cannot be stored, [core.OpenTable] and writes return an error that says
// which part of the type is to blame: see the package documentation.
func New[M proto.Message](opts ...Option) core.ValueFormat[M, M] {
	typ, err := typeOf[M]()
	if err != nil {
		return &format[M]{
			name:  reflect.TypeFor[M]().String(),
			unfit: fmt.Errorf("protobuf of %v: %w", reflect.TypeFor[M](), err),
		}
	}
	return newFormat[M](typ, opts)
}

// Dynamic returns a format for messages of which the program has a descriptor but no generated
// code. It shares its tables with [New]: both write the same bytes, and store the same
// descriptor. [Descriptor] returns the descriptor of a table.
func Dynamic(
	m protoreflect.MessageDescriptor, opts ...Option,
) core.ValueFormat[*dynamicpb.Message, *dynamicpb.Message] {
	return newFormat[*dynamicpb.Message](dynamicpb.NewMessageType(m), opts)
}

type format[M proto.Message] struct {
	name     string
	options  options
	typ      protoreflect.MessageType
	schema   *schema // of this program
	estimate *estimator
	unfit    error // why nothing can be done
}

var _ core.ValueFormat[proto.Message, proto.Message] = (*format[proto.Message])(nil)

var errNoType = errors.New("it is not the type of one message: use a pointer to what " +
	"protoc-gen-go has generated, or Dynamic")

// typeOf returns the message type of M. The methods of some types, such as interfaces, panic
// when there is no value.
func typeOf[M proto.Message]() (t protoreflect.MessageType, err error) {
	defer func() {
		if recover() != nil {
			t, err = nil, errNoType
		}
	}()
	var none M
	t = none.ProtoReflect().Type()
	if _, ok := t.New().Interface().(M); !ok {
		return nil, errNoType
	}
	return t, nil
}

func newFormat[M proto.Message](typ protoreflect.MessageType, opts []Option) *format[M] {
	f := &format[M]{name: string(typ.Descriptor().FullName()), options: newOptions(opts), typ: typ}
	var err error
	if f.schema, err = schemaOf(typ.Descriptor()); err != nil {
		f.unfit = fmt.Errorf("protobuf of %s: %w", f.name, err)
		return f
	}
	f.estimate = newEstimator(typ)
	return f
}

const id = "protobuf/1"

// ID returns "protobuf/1".
func (f *format[M]) ID() string { return id }

// Powers returns that the format keeps its descriptor with the table, and knows whether it fits M.
func (f *format[M]) Powers() core.FormatPowers[M, M] {
	return core.FormatPowers[M, M]{CheckValue: f.CheckValue, Bind: f.Bind}
}

// CheckValue returns an error if messages of this type could not be stored and read again.
func (f *format[M]) CheckValue() error { return f.unfit }

// Append appends the encoding of m. The arguments may be reused when the call returns.
func (f *format[M]) Append(dst []byte, m M) ([]byte, error) {
	if f.unfit != nil { // nobody may have asked CheckValue
		return nil, f.unfit
	}
	if err := f.writable(m); err != nil {
		return nil, f.cannotEncode(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
	if err == nil {
		err = f.estimate.check(b[len(dst):], f.options.limits)
	}
	if err != nil {
		return nil, f.cannotEncode(err)
	}
	return b, nil
}

// writable returns an error if m cannot be given to the library.
func (f *format[M]) writable(m M) error {
	if v := reflect.ValueOf(m); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return errNil
	}
	r := m.ProtoReflect()
	switch d := r.Descriptor(); {
	case !r.IsValid():
		return errNil
	case d != f.typ.Descriptor():
		return fmt.Errorf("it is a %s of another descriptor: use one of the descriptor that "+
			"Dynamic was given", d.FullName())
	case !within(r, f.estimate.plan, f.options.nesting):
		return errTooDeep
	}
	return nil
}

// View decodes b. The message is a copy and may be kept.
//
// There is no ViewInto. It would save only the allocation of the message itself, not of what it
// refers to, and a program that keeps the pointer would see the next row in it.
func (f *format[M]) View(b []byte) (M, error) {
	var none M
	if f.unfit != nil {
		return none, f.unfit
	}
	if err := f.estimate.check(b, f.options.limits); err != nil {
		return none, f.cannotDecode(err)
	}
	m := f.typ.New().Interface()
	// it is new: there is nothing to reset
	o := proto.UnmarshalOptions{Merge: true, RecursionLimit: f.options.nesting}
	if err := f.estimate.unmarshal(o, b, m); err != nil {
		return none, f.cannotDecode(err)
	}
	return m.(M), nil
}

// Bind compares the stored descriptor with the program's, and makes the table remember both.
func (f *format[M]) Bind(stored []byte) (core.ValueFormat[M, M], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	all := f.schema
	if stored != nil {
		old, err := decodeSchema(stored)
		if err == nil {
			old, err = f.options.renames.apply(old)
		}
		if err == nil {
			all, err = f.schema.merge(old)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	meta, err := all.encode()
	if err != nil {
		return nil, nil,
			fmt.Errorf("protobuf of %s: %w: the descriptors of the programs that have opened the "+
				"table do not fit together: %w",
				f.name, core.ErrFormatMismatch, err)
	}
	return f, meta, nil
}
