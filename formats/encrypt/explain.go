// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Explain returns an explainer for tables of encrypted values, given that of the inner format and
// keys that read the table. With other keys the explainer returns ErrKey.
//
//	explain := encrypt.Explain(compress.Explain(cbor.Explain), keys)
func Explain(inner core.Explainer, keys *Keys) core.Explainer {
	return func(t core.TableInfo) (core.Explanation, error) {
		id, ok := strings.CutPrefix(t.ValueFormat, formatID+"(")
		id, closed := strings.CutSuffix(id, ")")
		switch {
		case !ok || !closed:
			return core.Explanation{}, fmt.Errorf("values in %q are not in %s: %w",
				t.ValueFormat, formatID, errors.ErrUnsupported)
		case inner == nil:
			return core.Explanation{}, errNoExplainer
		case keys == nil || keys.current == nil:
			return core.Explanation{}, errNoKeys
		case len(t.ID) != len(core.TableID{}):
			return core.Explanation{},
				fmt.Errorf("%w: a table of encrypted values has an ID of %d bytes",
					core.ErrCorrupt, len(t.ID))
		}
		m, err := openMetadata(t.Meta, t.ValueFormat, keys)
		if err != nil {
			return core.Explanation{}, err
		}
		begin := dataOfTable(t.ValueFormat, core.TableID(t.ID))
		t.ValueFormat, t.Meta = id, m.inner
		e, err := inner(t)
		if err != nil {
			return core.Explanation{}, err
		}
		if show := e.AppendJSON; show != nil {
			e.AppendJSON = func(dst, key, value []byte) ([]byte, error) {
				return appendDecrypted(keys, begin, show, dst, key, value)
			}
		}
		return e, nil
	}
}

var errNoExplainer = errors.New("encrypt.Explain was given no Explainer for the values inside")

// appendDecrypted shows the content of a row, and clears the decrypted bytes afterwards.
func appendDecrypted(
	keys *Keys, begin []byte, show func(dst, key, value []byte) ([]byte, error), dst, key, b []byte,
) ([]byte, error) {
	k, err := rowKeyOf(keys, b)
	if err != nil {
		return nil, err
	}
	buf := newBuffer(len(b) - least)
	defer buf.Release()
	if buf.b, err = openRow(k, begin, buf.b, key, b); err != nil {
		return nil, err
	}
	return show(dst, key, clipped(buf.b))
}
