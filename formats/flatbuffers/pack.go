// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"fmt"
	"reflect"
	"sync"

	flatbuffers "github.com/google/flatbuffers/go"
)

// packer packs objects without allocating: the object, whose method needs a pointer to it, and
// the builder are pooled.
type packer[T any, P Object[T]] struct {
	pool    sync.Pool
	objects *objects
}

type scratch[T any] struct {
	value   T
	builder *flatbuffers.Builder
}

func newPacker[T any, P Object[T]]() *packer[T, P] {
	return &packer[T, P]{pool: sync.Pool{New: func() any {
		return &scratch[T]{builder: flatbuffers.NewBuilder(1024)}
	}}}
}

func (p *packer[T, P]) append(dst []byte, v T, identifier string) ([]byte, error) {
	s := p.pool.Get().(*scratch[T])
	s.value = v
	if p.objects.needed() {
		if err := p.objects.check(reflect.ValueOf(&s.value).Elem(), false); err != nil {
			return nil, err
		}
	}
	if err := pack(P(&s.value), s.builder, identifier); err != nil {
		return nil, err // the state of the builder is not known, so it is not reused
	}
	dst = append(dst, s.builder.FinishedBytes()...)
	var none T
	s.value = none // the pool must not keep the value alive, nor strings that it shares
	s.builder.Reset()
	p.pool.Put(s)
	return dst, nil
}

func (p *packer[T, P]) prepare(s *schema, depth int) {
	p.objects = newObjects(s, reflect.TypeFor[T](), depth)
}

func (p *packer[T, P]) explain(v T, err error) error {
	if named := p.objects.check(reflect.ValueOf(&v).Elem(), true); named != nil {
		return named
	}
	return err
}

// pack calls generated code, which panics if it is misused, or if a record grows beyond 2 GiB.
func pack[T any, P Object[T]](v P, b *flatbuffers.Builder, identifier string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("packing panicked: %v", r)
		}
	}()
	root := v.Pack(b)
	if identifier == "" {
		b.Finish(root)
	} else {
		b.FinishWithFileIdentifier(root, []byte(identifier))
	}
	return nil
}

// finished is the encoder of records that are finished already.
type finished struct{}

func (finished) prepare(*schema, int) {}

func (finished) explain(_ []byte, err error) error { return err }

func (finished) append(dst, v []byte, _ string) ([]byte, error) { return append(dst, v...), nil }
