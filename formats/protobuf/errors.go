// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

func (f *format[M]) cannotDecode(err error) error {
	return fmt.Errorf("protobuf of %s: %w: %w; %s", f.name, core.ErrCorrupt, err, advice(err))
}

func (f *format[M]) cannotEncode(err error) error {
	if errors.Is(err, errTooMuch) || errors.Is(err, errTooDeep) {
		err = fmt.Errorf("%w: %w; %s", core.ErrTooLarge, err, advice(err))
	}
	return fmt.Errorf("protobuf of %s: %w", f.name, err)
}

func advice(err error) string {
	switch {
	case errors.Is(err, errTooDeep):
		return "if it is meant to be nested so deeply, use WithMaxNesting wherever the table is " +
			"opened"
	case errors.Is(err, errTooMuch):
		return "if it is meant to be so big, use WithMaxMemory wherever the table is opened"
	}
	return "it is damaged: restore it from a backup, or delete it"
}

var errNil = errors.New("a nil message cannot be stored, because it would be read as an empty " +
	"one: delete the row, or put an empty message")
