// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
	"github.com/guardkv/guardkv/core"
)

func cannotDecode[T any](err error) error {
	return fmt.Errorf("cbor of %v: %w: %w; %s",
		reflect.TypeFor[T](), core.ErrCorrupt, err, advice(err))
}

func cannotEncode[T any](err error) error {
	if tooBig(err) {
		err = fmt.Errorf("%w: %w; %s", core.ErrTooLarge, err, advice(err))
	}
	return fmt.Errorf("cbor of %v: %w", reflect.TypeFor[T](), err)
}

func tooBig(err error) bool {
	return is[*cbor.MaxArrayElementsError](err) || is[*cbor.MaxMapPairsError](err) ||
		is[*cbor.MaxNestedLevelError](err) || errors.Is(err,
		errTooMuch) || errors.Is(err, errTooDeep)
}

func advice(err error) string {
	switch {
	case is[*cbor.MaxNestedLevelError](err), errors.Is(err, errTooDeep):
		return "if it is meant to be nested so deeply, use WithMaxNesting wherever the table is " +
			"opened"
	case errors.Is(err, errTooMuch):
		return "if it is meant to be so big, use WithMaxMemory wherever the table is opened"
	case tooBig(err):
		return "if it is meant to have so many elements, use WithMaxElements wherever the table " +
			"is opened"
	case is[*cbor.UnmarshalTypeError](err), errors.Is(err, errOther):
		return "it was stored as another type: give a changed field a new name or number"
	}
	return "it is damaged: restore it from a backup, or delete it"
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
