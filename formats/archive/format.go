// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// Codec is what guardkv-archive generates for a type T and its view W.
type Codec[T, W any] struct {
	Type   string                         // the name of T in the schema
	Schema string                         // of all types that were generated with it
	Size   int                            // of the fixed part of T
	Encode func(e *Encoder, at int, v *T) // into a fixed part
	Value  func(W) T                      // makes a copy that lives forever
	Binary map[string]func([]byte) error  // checks what types encode themselves
}

// Archived is a view that was generated for T.
type Archived[T, W any] interface{ Archive() Codec[T, W] }

// New returns a format that stores values of T, and reads them through W, the view that
// guardkv-archive generated for T:
//
//	archive.New[CikData, CikDataView]()
func New[T any, W Archived[T, W]]() core.ValueFormat[T, W] { return newFormat[T, W]() }

type format[T any, W Archived[T, W]] struct {
	codec   Codec[T, W]
	schema  *schema.Schema // of this program
	program *program       // of all rows that the table may hold
	most    int            // bytes of a record
	scratch *sync.Pool     // of *scratch[T]
	unfit   error          // why nothing can be done
}

// scratch holds what encoding a value needs. The value lies here because Encode is a function
// value, which could keep its pointer, so a local value would be allocated in each call.
type scratch[T any] struct {
	encoder Encoder
	value   T
}

func newFormat[T any, W Archived[T, W]]() *format[T, W] {
	var view W
	f := &format[T, W]{codec: view.Archive(), most: maxSize, scratch: new(sync.Pool)}
	f.scratch.New = func() any { return new(scratch[T]) }
	if err := f.compile(); err != nil {
		f.unfit = fmt.Errorf("archive of %v: what was generated does not fit: %w; run go generate",
			reflect.TypeFor[T](), err)
	}
	return f
}

func (f *format[T, W]) compile() error {
	view := reflect.TypeFor[W]()
	if view.Kind() != reflect.Struct || view.NumField() != 1 ||
		view.Field(0).Type != reflect.TypeFor[Record]() {
		return fmt.Errorf("%v is no view", view)
	}
	all, err := schema.Parse(f.codec.Schema)
	if err != nil {
		return err
	}
	f.schema = all.Of(f.codec.Type)
	root := f.schema.Def(f.codec.Type)
	if root == nil || root.Oneof || root.Size() != f.codec.Size {
		return fmt.Errorf("its schema has no struct %s of %d bytes", f.codec.Type, f.codec.Size)
	}
	f.program = compile(f.schema, f.codec.Binary)
	return nil
}

// ID returns "archive/1".
func (f *format[T, W]) ID() string { return formatID }

const formatID = "archive/1"

// Powers returns that the format keeps its schema with the table, and can do without validation.
func (f *format[T, W]) Powers() core.FormatPowers[T, W] {
	return core.FormatPowers[T, W]{
		CheckValue: func() error { return f.unfit }, Bind: f.bind,
		ViewTrusted: trusting[W](f.codec.Type, f.unfit),
	}
}

// Append appends the encoding of v. The arguments may be reused when the call returns.
func (f *format[T, W]) Append(dst []byte, v T) ([]byte, error) {
	if f.unfit != nil {
		return nil, f.unfit
	}
	s := f.scratch.Get().(*scratch[T])
	s.value = v
	at := s.encoder.begin(dst, f.most, f.codec.Size)
	if s.encoder.err == nil {
		f.codec.Encode(&s.encoder, at, &s.value)
	}
	b, err := s.encoder.b, s.encoder.err
	*s = scratch[T]{}
	f.scratch.Put(s)
	if err != nil {
		return nil, fmt.Errorf("archive of %s: %w", f.codec.Type, err)
	}
	return b, nil
}

// View verifies b and returns a view of it, without a copy.
func (f *format[T, W]) View(b []byte) (w W, err error) {
	if f.unfit != nil {
		return w, f.unfit
	}
	if err := f.program.verify(b); err != nil {
		return w, corrupt(f.codec.Type, err)
	}
	return at[W](b), nil
}

// trusting returns the View for bytes that are known to be what Append made. It is a function
// rather than a method, because one call less saves a third of what one field of a trusted
// record costs.
func trusting[W any](root string, unfit error) func(b []byte) (W, error) {
	if unfit != nil {
		return func([]byte) (w W, err error) { return w, unfit }
	}
	return func(b []byte) (w W, err error) {
		if uint(len(b))-prefix > maxSize-prefix || prefix+int(le.Uint16(b)) > len(b) {
			return w, corrupt(root, &invalid{problem: badLength, where: root, size: len(b)})
		}
		// as at does
		*(*Record)(unsafe.Pointer(&w)) = Record{b[:len(b):len(b)], prefix, le.Uint16(b), 1}
		return w, nil
	}
}

// at returns the view of a record. compile made sure that W is a Record and nothing else, which
// Go's type system cannot express.
func at[W any](b []byte) (w W) {
	*(*Record)(unsafe.Pointer(&w)) = Record{b[:len(b):len(b)], prefix, le.Uint16(b), 1}
	return w
}

// bind compares the stored schema with that of the program, and has the table remember both.
func (f *format[T, W]) bind(stored []byte) (core.ValueFormat[T, W], []byte, error) {
	if f.unfit != nil {
		return nil, nil, f.unfit
	}
	if stored == nil {
		return f, []byte(f.schema.String()), nil
	}
	all, err := mergeStored(f.schema, stored)
	if err != nil {
		return nil, nil, fmt.Errorf("archive of %s: %w", f.codec.Type, err)
	}
	bound := *f
	bound.program = compile(all, f.codec.Binary)
	return &bound, []byte(all.String()), nil
}

func mergeStored(own *schema.Schema, stored []byte) (*schema.Schema, error) {
	old, err := parseStored(stored)
	if err != nil {
		return nil, err
	}
	all, err := schema.Merge(own, old)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrFormatMismatch, err)
	}
	return all, nil
}
