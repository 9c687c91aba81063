// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/tools/modules"
)

// formatTable is a table of characters in any format.
type formatTable struct{ format modules.Format }

func formatRows(f modules.Format) func() []table {
	return func() []table { return []table{formatTable{f}} }
}

var formatChars = []modules.Char{
	{},
	{Name: "LATIN SMALL LETTER A", Category: "Ll", Script: "Latin", Upper: 'A', Title: 'A'},
	{Name: "λ\x00", Lower: math.MaxUint32, Properties: []string{"", "Alphabetic", "λ"}},
}

func (formatTable) name() string { return "chars" }

func (t formatTable) write(ctx context.Context, s *core.Storage) error {
	chars, err := t.format.Open(ctx, s, t.name())
	if err != nil {
		return err
	}
	for i, c := range slices.Backward(formatChars) {
		err = errors.Join(err, chars.Put(ctx, modules.CodePoint(i*300), c))
	}
	return err
}

func (t formatTable) compare(ctx context.Context, s *core.Storage) error {
	chars, err := t.format.Open(ctx, s, t.name())
	if err != nil {
		return err
	}
	var got []modules.Char
	err = chars.Stream(ctx, 0, math.MaxUint32-1, false,
		func(rows iter.Seq2[modules.CodePoint, modules.Fields]) error {
			for key, row := range rows {
				if want := modules.CodePoint(len(got) * 300); key != want {
					return fmt.Errorf("row %d has the key %v, want %v", len(got), key, want)
				}
				got = append(got, row.Char())
			}
			return nil
		})
	if err == nil && !slices.EqualFunc(got, formatChars, modules.Char.Equal) {
		err = fmt.Errorf("the rows are %+v, want %+v", got, formatChars)
	}
	return err
}
