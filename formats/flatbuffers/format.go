// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"fmt"
	"reflect"
	"unsafe"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/guardkv/guardkv/core"
)

// Object is a type that flatc generates with --gen-object-api for a table.
type Object[T any] interface {
	*T
	Pack(*flatbuffers.Builder) flatbuffers.UOffsetT
}

// Accessor is the type that flatc generates for reading a table in place.
type Accessor[W any] interface {
	*W
	Init(buf []byte, i flatbuffers.UOffsetT)
}

// ObjectAccessor is an [Accessor] of the table whose object is T.
type ObjectAccessor[T, W any] interface {
	Accessor[W]
	UnPack() *T
}

// New returns a format that packs values of type T, the object type that flatc generated for a
// table, and reads them through W, the accessor type of the same table. schema is the compiled
// binary schema, made from the same file:
//
//	flatbuffers.New[zoo.AnimalT, zoo.Animal](zoo.Schema)
//
// The other type parameters are inferred. The table is found in the schema by the name of W. If
// schema and code do not fit together, opening a table says why.
func New[T, W any, P Object[T],
	A ObjectAccessor[T, W]](schema []byte, opts ...Option) core.ValueFormat[T, W] {
	return newFormat[T, W](schema, opts, newPacker[T, P]())
}

// Raw returns a format whose values are put as finished bytes, made by a builder in any
// language, and read through W. It shares its tables with [New]: both write the same bytes. W
// needs no object type; but if none was generated, fields that the code has and the schema
// lacks go unnoticed.
func Raw[W any, A Accessor[W]](schema []byte, opts ...Option) core.ValueFormat[[]byte, W] {
	return newFormat[[]byte, W](schema, opts, finished{})
}

// format implements both formats, which differ only in how the bytes are made.
type format[V, W any] struct {
	encoder encoder[V]
	options options
	schema  *schema  // of this program
	program *program // of all rows that the table may hold
	unfit   error    // why nothing can be done
}

// encoder makes records. They need not be valid.
type encoder[V any] interface {
	append(dst []byte, v V, identifier string) ([]byte, error)
	// prepare is called once, before the others.
	prepare(s *schema, depth int)
	// explain returns an error that names the part of v that made the record impossible or
	// invalid. It returns err if it finds no such part.
	explain(v V, err error) error
}

var _ core.ValueFormat[[]byte, flatbuffers.Table] = (*format[[]byte, flatbuffers.Table])(nil)

func newFormat[V, W any](bfbs []byte, opts []Option, e encoder[V]) *format[V, W] {
	f := &format[V, W]{encoder: e, options: newOptions(opts)}
	view := reflect.TypeFor[W]()
	all, err := readSchema(bfbs)
	if err == nil {
		f.schema, err = all.find(view)
	}
	if err == nil {
		f.program, err = f.schema.compile()
	}
	if err == nil {
		err = f.schema.fitsView(view)
	}
	if err != nil {
		f.unfit = fmt.Errorf("flatbuffers: the schema for %v: %w", view, err)
		return f
	}
	e.prepare(f.schema, f.options.depth)
	return f
}

// formatID names the encoding.
const formatID = "flatbuffers/1"

// ID returns "flatbuffers/1".
func (f *format[V, W]) ID() string { return formatID }

// Powers returns that the format keeps its schema with the table, and can do without validation.
func (f *format[V, W]) Powers() core.FormatPowers[V, W] {
	return core.FormatPowers[V, W]{Bind: f.Bind, ViewTrusted: f.ViewTrusted}
}

// Append appends the encoding of v, and verifies it. The arguments may be reused when the call
// returns.
func (f *format[V, W]) Append(dst []byte, v V) ([]byte, error) {
	if f.unfit != nil {
		return nil, f.unfit
	}
	result, err := f.encoder.append(dst, v, f.program.identifier)
	if err != nil {
		return nil, fmt.Errorf("flatbuffers of %v: %w",
			reflect.TypeFor[V](), f.encoder.explain(v, err))
	}
	if _, err := f.program.verify(result[len(dst):], f.options.limits, true); err != nil {
		if named := f.encoder.explain(v, nil); named != nil {
			return nil, fmt.Errorf("flatbuffers of %v: %w", reflect.TypeFor[V](), named)
		}
		return nil, f.cannotEncode(err)
	}
	return result, nil
}

func (f *format[V, W]) cannotEncode(err error) error {
	if tooBig(err) {
		err = fmt.Errorf("%w: %w", core.ErrTooLarge, err)
	}
	return fmt.Errorf("flatbuffers of %s: it could not be read again: %w", f.schema.root, err)
}

// View verifies b and returns an accessor of it, without a copy. The accessor refers to b
// itself.
func (f *format[V, W]) View(b []byte) (W, error) {
	var none W
	if f.unfit != nil {
		return none, f.unfit
	}
	if f.options.trusted {
		return f.ViewTrusted(b)
	}
	root, err := f.program.verify(b, f.options.limits, false)
	if err != nil {
		return none, f.corrupt(err)
	}
	return at[W](b, root), nil
}

// ViewTrusted is View for bytes that are known to be what Append made: it reads only the first
// four.
func (f *format[V, W]) ViewTrusted(b []byte) (W, error) {
	var none W
	if f.unfit != nil {
		return none, f.unfit
	}
	v := verifier{b: b}
	root, ok := v.follow(0)
	if !ok {
		v.badOffset(0)
		return none, f.corrupt(v.err())
	}
	return at[W](b, flatbuffers.UOffsetT(root)), nil
}

func (f *format[V, W]) corrupt(err error) error {
	return fmt.Errorf("flatbuffers of %s: %w: %w; if it is damaged, restore it from a backup, or "+
		"delete it", f.schema.root, core.ErrCorrupt, err)
}

// at returns the accessor of the table at a position. The capacity of its bytes ends where b
// ends, because the runtime slices up to the capacity: otherwise a wrong length would show what
// lies after b.
//
// Init would do the same, but when it is called through a type parameter, the compiler must
// assume that it keeps its receiver, and allocates the receiver. fitsView made sure that W is a
// Table and nothing else.
func at[W any](b []byte, pos flatbuffers.UOffsetT) (w W) {
	*(*flatbuffers.Table)(unsafe.Pointer(&w)) = flatbuffers.Table{
		Bytes: b[:len(b):len(b)],
		Pos:   pos,
	}
	return w
}

// Bind compares the stored schema with the program's, and makes the table remember both.
func (f *format[V, W]) Bind(stored []byte) (core.ValueFormat[V, W], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	if stored == nil {
		return f, f.schema.encode(), nil
	}
	all, err := f.withStored(stored)
	if err != nil {
		return nil, nil, err
	}
	bound := *f
	if bound.program, err = all.compile(); err != nil {
		return nil, nil, fmt.Errorf("flatbuffers: %w: the stored schema of the table: %w",
			core.ErrCorrupt, err)
	}
	return &bound, all.encode(), nil
}

func (f *format[V, W]) withStored(stored []byte) (*schema, error) {
	old, err := decodeSchema(stored)
	if err != nil {
		return nil, err
	}
	if old, err = f.options.renames.apply(old); err != nil {
		return nil, err
	}
	return f.schema.merge(old)
}
