// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Explain tests the Explainer of a format: that it shows each sample as valid JSON behind what
// is there already, the same every time, without changing what it is given; that damaged values
// and metadata are errors or other JSON, and never a panic; and that tables of other formats
// are [errors.ErrUnsupported].
func Explain[V, W any](
	t *testing.T, f core.ValueFormat[V, W], explain core.Explainer, samples ...V,
) {
	t.Helper()
	if err := safely(func() error { return testExplainer(f, explain, samples) }); err != nil {
		t.Error(err)
	}
}

func testExplainer[V, W any](f core.ValueFormat[V, W], explain core.Explainer, samples []V) error {
	bound, info := f, core.TableInfo{
		Name: "samples", ValueFormat: f.ID(), KeyFormat: "bytes",
		Rows: -1, Bytes: -1,
	}
	if bind := core.PowersOf(f).Bind; bind != nil {
		var err error
		if bound, info.Meta, err = bind(nil); err != nil {
			return fmt.Errorf("a new table: %w", err)
		}
	}
	id := core.TableID{1, 2, 3}
	if core.PowersOf(bound).BindRows != nil {
		info.ID = id[:]
	}
	rows, err := core.RowFormatOf(bound, id)
	if err != nil {
		return err
	}
	if err := refusesOthers(explain, info); err != nil {
		return err
	}
	e, err := explain(info)
	if err != nil || e.AppendJSON == nil {
		return fmt.Errorf("a table of the format is not explained: %w", err)
	}
	if strings.HasSuffix(e.Schema, "\n") {
		return errors.New("the schema ends with a newline")
	}
	key := []byte("key")
	for _, v := range samples {
		b, err := rows.Append(nil, key, v)
		if err != nil {
			return fmt.Errorf("%s cannot be encoded: %w", showValue(v), err)
		}
		if err := showsValue(e, key, b); err != nil {
			return fmt.Errorf("%s: %w", showValue(v), err)
		}
		if err := survivesDamage(explain, info, e, key, b); err != nil {
			return fmt.Errorf("%s: %w", showValue(v), err)
		}
	}
	return nil
}

func refusesOthers(explain core.Explainer, info core.TableInfo) error {
	for _, id := range []string{"", "other", info.ValueFormat + "0", "x" + info.ValueFormat} {
		other := info
		other.ValueFormat = id
		if _, err := explain(other); !errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("a table in %q: the error is %v, want one that is "+
				"errors.ErrUnsupported", id, err)
		}
	}
	return nil
}

func showsValue(e core.Explanation, key, value []byte) error {
	was := bytes.Clone(value)
	first, err := e.AppendJSON([]byte("dst"), key, value)
	if err != nil {
		return fmt.Errorf("it is not shown: %w", err)
	}
	shown, ok := bytes.CutPrefix(first, []byte("dst"))
	switch {
	case !ok:
		return fmt.Errorf("what was in dst is %s", show(first))
	case !json.Valid(shown) || bytes.Contains(shown, []byte("\n")):
		return fmt.Errorf("it is shown as %s, which is no JSON on one line", show(shown))
	case !bytes.Equal(value, was):
		return errors.New("showing it changes the bytes")
	}
	again, err := e.AppendJSON(nil, key, slices.Clip(value))
	if err != nil || !bytes.Equal(again, shown) {
		return fmt.Errorf("it is shown as %s, and then as %s (error %w)",
			show(shown), show(again), err)
	}
	return nil
}

// survivesDamage shows bytes that were cut or changed, and has metadata explained that were.
func survivesDamage(
	explain core.Explainer, info core.TableInfo, e core.Explanation, key, value []byte,
) error {
	const most = 256
	for at := range min(len(value), most) {
		changed := bytes.Clone(value)
		changed[at] ^= 1 << (at % 8)
		for _, b := range [][]byte{slices.Clip(value[:at]), changed} {
			shown, err := e.AppendJSON(nil, key, b)
			if err != nil && shown != nil {
				return fmt.Errorf("%s, which is damaged, is an error, and bytes too", show(b))
			}
			if err == nil && !json.Valid(shown) {
				return fmt.Errorf("%s, which is damaged, is shown as %s, which is no JSON",
					show(b), show(shown))
			}
		}
	}
	for at := range min(len(info.Meta), most) {
		damaged := info
		damaged.Meta = bytes.Clone(info.Meta)
		damaged.Meta[at] ^= 1 << (at % 8)
		changed, err := explain(damaged)
		if err != nil {
			continue
		}
		if shown, err := changed.AppendJSON(nil, key, value); err == nil && !json.Valid(shown) {
			return fmt.Errorf("with damaged metadata it is shown as %s, which is no JSON",
				show(shown))
		}
	}
	return nil
}
