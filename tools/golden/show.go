// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
	"github.com/guardkv/guardkv/tools/modules"
)

// explain knows every value format of the golden storages.
func explain(t core.TableInfo) (core.Explanation, error) {
	all := []core.Explainer{
		compress.Explain(explain), encrypt.Explain(explain, keyRing()), explainBound,
	}
	for _, f := range modules.Formats {
		all = append(all, f.Explain)
	}
	return t.Explain(all...)
}

// explainBound shows what bound stores: the inner format's values, without the checksums behind
// them.
func explainBound(t core.TableInfo) (core.Explanation, error) {
	inner, ok := strings.CutPrefix(t.ValueFormat, "bound(")
	if !ok {
		return core.Explanation{}, fmt.Errorf("%q is not bound: %w",
			t.ValueFormat, errors.ErrUnsupported)
	}
	t.ValueFormat = strings.TrimSuffix(inner, ")")
	e, err := explain(t)
	return core.Explanation{
		Schema: e.Schema,
		AppendJSON: func(dst, key, value []byte) ([]byte, error) {
			n := len(value) - crc32.Size
			if n < 0 {
				return nil, fmt.Errorf("%w: a value without a checksum", core.ErrCorrupt)
			}
			return e.AppendJSON(dst, key, value[:n])
		},
	}, err
}

// Show prints all tables of a golden storage as a tool would that has no Go type of any row.
func Show(ctx context.Context, path, name string, out io.Writer) error {
	k, err := kindNamed(name)
	if err != nil {
		return err
	}
	s, err := k.open(ctx, path)
	if err != nil {
		return err
	}
	tables, err := s.Tables(ctx)
	for _, t := range tables {
		err = errors.Join(err, showTable(ctx, s, t, out))
	}
	return errors.Join(err, s.Close())
}

func showTable(ctx context.Context, s *core.Storage, t core.TableInfo, out io.Writer) error {
	value, err := explain(t)
	if err != nil {
		return err
	}
	key, err := t.ExplainKeys(keys.Explain)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "table %q: %s, %s\n", t.Name, t.KeyFormat, t.ValueFormat)
	if value.Schema != "" {
		fmt.Fprintf(out, "\t%s\n", strings.ReplaceAll(value.Schema, "\n", "\n\t"))
	}
	raw, err := core.OpenRaw(ctx, s, t.Name)
	if err != nil {
		return err
	}
	for row, err := range raw.Scan().Rows(ctx) {
		if err != nil {
			return err
		}
		k, err := key.AppendJSON(nil, row.Key)
		if err != nil {
			return fmt.Errorf("table %s, key %x: %w", t.Name, row.Key, err)
		}
		found, err := key.AppendKey(nil, k)
		if err != nil || string(found) != string(row.Key) {
			return fmt.Errorf("table %s: the key %x is shown as %s, which is the key %x (error %w)",
				t.Name, row.Key, k, found, err)
		}
		v, err := value.AppendJSON(nil, row.Key, row.Value)
		if err != nil {
			return fmt.Errorf("table %s, row %s: %w", t.Name, k, err)
		}
		fmt.Fprintf(out, "%s %s\n", k, v)
	}
	return nil
}
