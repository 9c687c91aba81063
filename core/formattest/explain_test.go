// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"errors"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
)

// An Explain that is wrong in one of these ways takes an inspector down, or shows what was
// never stored.
func TestExplainFindsMistakes(t *testing.T) {
	fine := values.Explain
	shows := func(show func(dst, key, value []byte) ([]byte, error)) core.Explainer {
		return func(t core.TableInfo) (core.Explanation, error) {
			e, err := fine(t)
			e.AppendJSON = show
			return e, err
		}
	}
	for name, wrong := range map[string]core.Explainer{
		"knows everything": func(t core.TableInfo) (core.Explanation, error) {
			t.ValueFormat = "string"
			return fine(t)
		},
		"no JSON": shows(func(dst, _, value []byte) ([]byte, error) {
			return append(dst, value...), nil
		}),
		"forgets dst": shows(func(_, _, _ []byte) ([]byte, error) { return []byte("null"), nil }),
		"fails": shows(func(_, _, _ []byte) ([]byte, error) {
			return nil, errors.ErrUnsupported
		}),
		"panics":      shows(func(_, _, value []byte) ([]byte, error) { panic("no") }),
		"no function": shows(nil),
		"two lines": shows(func(dst, _, _ []byte) ([]byte, error) {
			return append(dst, "[\n]"...), nil
		}),
		"changes them": shows(func(dst, _, value []byte) ([]byte, error) {
			value[0]++
			return append(dst, "null"...), nil
		}),
	} {
		t.Run(name, func(t *testing.T) {
			err := safely(func() error {
				return testExplainer(values.String(), wrong, []string{"text"})
			})
			if err == nil {
				t.Error("the mistake is not found")
			}
		})
	}
	Explain(t, values.String(), fine, "", "text", "\xff")
}
