// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// shows returns an Explainer of tables whose values are in the format id.
func shows(id, schema string) core.Explainer {
	return func(t core.TableInfo) (core.Explanation, error) {
		if t.ValueFormat != id {
			return core.Explanation{}, errors.ErrUnsupported
		}
		return core.Explanation{
			Schema:     schema,
			AppendJSON: func(dst, _, _ []byte) ([]byte, error) { return dst, nil },
		}, nil
	}
}

// The first Explainer that knows the format answers. One that knows it and fails must not be
// passed over for one that would show the table as something else.
func TestExplainAsksInTurn(t *testing.T) {
	broken := errors.New("broken")
	fails := func(core.TableInfo) (core.Explanation, error) { return core.Explanation{}, broken }
	empty := func(core.TableInfo) (core.Explanation, error) { return core.Explanation{}, nil }
	info := core.TableInfo{Name: "people", ValueFormat: "b"}
	tests := []struct {
		name       string
		explainers []core.Explainer
		want       string // the schema, or what the error says
		is         error
	}{
		{"second", []core.Explainer{shows("a", "A"), shows("b", "B"), shows("b", "C")}, "B", nil},
		{
			"none",
			[]core.Explainer{shows("a", "A")},
			"table people: its values are in b",
			errors.ErrUnsupported,
		},
		{"no explainer", nil, "table people: its values are in b", errors.ErrUnsupported},
		{
			"fails",
			[]core.Explainer{shows("a", "A"), fails, shows("b", "B")},
			"table people: broken", broken,
		},
		{"nil", []core.Explainer{shows("a", "A"), nil}, "explainer 2 is nil", nil},
		{
			"shows nothing",
			[]core.Explainer{empty},
			"explainer 1 gives no function to show values in b", nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := info.Explain(test.explainers...)
			got := e.Schema
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %q, %v; want %q, %v", e.Schema, err, test.want, test.is)
			}
		})
	}
}

func TestExplainKeysAsksInTurn(t *testing.T) {
	broken := errors.New("broken")
	knows := func(want string) core.KeyExplainer {
		return func(id string) (core.KeyExplanation, error) {
			if id != want {
				return core.KeyExplanation{}, errors.ErrUnsupported
			}
			return core.KeyExplanation{AppendJSON: func(dst, _ []byte) ([]byte, error) {
				return append(dst, want...), nil
			}}, nil
		}
	}
	fails := func(string) (core.KeyExplanation, error) { return core.KeyExplanation{}, broken }
	empty := func(string) (core.KeyExplanation, error) { return core.KeyExplanation{}, nil }
	info := core.TableInfo{Name: "people", KeyFormat: "b"}
	tests := []struct {
		name       string
		explainers []core.KeyExplainer
		want       string
		is         error
	}{
		{"second", []core.KeyExplainer{knows("a"), knows("b"), fails}, "b", nil},
		{
			"none",
			[]core.KeyExplainer{knows("a")},
			"table people: its keys are in b",
			errors.ErrUnsupported,
		},
		{
			"fails",
			[]core.KeyExplainer{knows("a"), fails, knows("b")},
			"table people: broken", broken,
		},
		{"nil", []core.KeyExplainer{nil}, "key explainer 1 is nil", nil},
		{
			"shows nothing",
			[]core.KeyExplainer{empty},
			"key explainer 1 gives no function to show keys in b", nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := info.ExplainKeys(test.explainers...)
			got := ""
			if err != nil {
				got = err.Error()
			} else if shown, err := e.AppendJSON(nil, nil); err == nil {
				got = string(shown)
			}
			if !strings.Contains(got, test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.is)
			}
		})
	}
}
