// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
	"google.golang.org/protobuf/proto"
)

// New returns a format that stores messages of type M, a pointer to what protoc-gen-go has generated:
//
//	protobuf.New[*pb.Person]()
func New[M proto.Message]() core.ValueFormat[M, M] { return format[M]{} }

type format[M proto.Message] struct{}

// ID returns "protobuf/1".
func (format[M]) ID() string { return "protobuf/1" }

// Append appends the encoding of m. The arguments may be reused when the call returns.
func (format[M]) Append(dst []byte, m M) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
	if err != nil {
		return nil, fmt.Errorf("protobuf of %v: %w", reflect.TypeFor[M](), err)
	}
	return b, nil
}

// View decodes b. The message is a copy and may be kept.
func (format[M]) View(b []byte) (M, error) {
	var none M
	m := none.ProtoReflect().New().Interface().(M)
	if err := proto.Unmarshal(b, m); err != nil {
		return none, fmt.Errorf("protobuf of %v: %w: %w", reflect.TypeFor[M](), core.ErrCorrupt, err)
	}
	return m, nil
}
