// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A program that was changed may no longer fit the tables that it wrote. Opening a table finds
// that out, but it also changes what is recorded, and a deployment would rather know before. So
// this file asks the same questions and changes nothing: it says what would be recorded,
// whether the table would be refused, and in which lines the two schemas differ.

// TableComparison says what [OpenTable] would do with a table that is there.
type TableComparison struct {
	// Stored is the table as it is recorded. Its rows are not counted.
	Stored TableInfo
	// Opened is what would be recorded when the table has been opened; if it would not be, what
	// a new table of the same name would have. Rows of both are the same.
	Opened TableInfo
	// Refused is why the table would not be opened, ErrFormatMismatch or ErrCorrupt as a rule;
	// nil if it would be.
	Refused error
}

// Changes reports whether opening the table would change what is recorded of it.
func (c *TableComparison) Changes() bool {
	return c.Refused == nil && !slices.Equal(c.Stored.Meta, c.Opened.Meta)
}

// Diff returns the words of both schemas, as explainers have them, line by line: those that
// only the stored one has begin with "- ", those that only the program has with "+ ", and
// others with two spaces. It is "" if both are the same.
func (c *TableComparison) Diff(explainers ...Explainer) (string, error) {
	stored, err := c.Stored.Explain(explainers...)
	if err != nil {
		return "", err
	}
	opened, err := c.Opened.Explain(explainers...)
	if err != nil || stored.Schema == opened.Schema {
		return "", err
	}
	return diffLines(strings.Split(stored.Schema, "\n"), strings.Split(opened.Schema, "\n")), nil
}

// diffLines is the shortest way from one text to the other, for texts of a size that is worth it.
func diffLines(old, now []string) string {
	const most = 2000
	if len(old) > most || len(now) > most {
		return "- " + strings.Join(old, "\n- ") + "\n+ " + strings.Join(now, "\n+ ")
	}
	common := make([][]int, len(old)+1) // the lines that old[i:] and now[j:] have in common
	for i := range common {
		common[i] = make([]int, len(now)+1)
	}
	for i, a := range slices.Backward(old) {
		for j, b := range slices.Backward(now) {
			if a == b {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []string
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case i < len(old) && j < len(now) && old[i] == now[j]:
			lines = append(lines, "  "+old[i])
			i, j = i+1, j+1
		case j == len(now) || i < len(old) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+old[i])
			i++
		default:
			lines = append(lines, "+ "+now[j])
			j++
		}
	}
	return strings.Join(lines, "\n")
}

// CompareTable says what [OpenTable] would do with the same arguments, and does nothing: the
// table is not opened, set aside or created, and nothing is written, also if the storage may
// be. So a program, or its tests, can ask before a release whether a type that was changed
// still fits what is stored, and what the difference is. It returns ErrNotFound if there is no
// such table.
//
// Of a format that does not keep metadata it compares the IDs, as OpenTable does; rows are not
// looked at.
func CompareTable[K, V, W any](
	ctx context.Context, s *Storage, name string, key KeyFormat[K], value ValueFormat[V, W], opts ...TableOption,
) (*TableComparison, error) {
	o := tableOpener[K, V, W]{storage: s, name: name, key: key, value: value}
	if err := o.take(ctx, opts); err != nil {
		return nil, &Error{Op: "compare table", Table: name, Err: err}
	}
	var c *TableComparison
	err := s.counted("call", func() (err error) {
		c, err = o.comparison()
		return err
	})
	if err != nil {
		return nil, s.fail("compare table", name, nil, err)
	}
	return c, nil
}

func (o *tableOpener[K, V, W]) comparison() (*TableComparison, error) {
	state := o.storage.catalog.find(o.name)
	if state == nil {
		return nil, fmt.Errorf("%w: there is no such table", ErrNotFound)
	}
	r := *state.record.Load()
	c := &TableComparison{Stored: r.tableInfo(o.name)}
	c.Opened = TableInfo{
		Name: o.name, KeyFormat: o.key.ID(), ValueFormat: o.value.ID(), ID: c.Stored.ID,
		Rows: -1, Bytes: -1,
		Checksums: r.Checksums || o.options.checksums,
	}
	if c.Refused = o.check(); c.Refused != nil {
		return c, nil
	}
	if c.Refused = o.compare(r); c.Refused == nil {
		c.Opened.Meta, c.Refused = o.rebound(r)
	}
	if c.Refused != nil {
		_, c.Opened.Meta, _ = o.bindValue(nil) // there is a reason already
	}
	c.Opened.Meta = slices.Clone(c.Opened.Meta)
	return c, nil
}

// rebound returns the metadata that the table would have when it is open.
func (o *tableOpener[K, V, W]) rebound(r tableRecord) ([]byte, error) {
	value, meta, err := o.bindValue(slices.Clone(r.Meta))
	if err != nil {
		return nil, err
	}
	_, err = o.bindRows(value, r.ID)
	return meta, err
}
