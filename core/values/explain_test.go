// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/values"
)

func TestExplain(t *testing.T) {
	for _, test := range []struct{ id, value, want string }{
		{"bytes", "\x00\xff", `"AP8="`},
		{"string", "a\"b", `"a\"b"`},
		{"string", "\xff", `{"base64":"/w=="}`},
		{"json", " {\"a\" : [1, 2.50, \"x y\"]}\n", `{"a":[1,2.50,"x y"]}`},
		{"json", "\"\xff\"", "\"\ufffd\""},
		{
			"json",
			`[18446744073709551615,-9223372036854775808,18446744073709551616,-9223372036854775809,1e400]`,
			`[18446744073709551615,-9223372036854775808,"18446744073709551616","-9223372036854775809",1e400]`,
		},
		{
			"json", `{"99999999999999999999":"99999999999999999999 \" 99999999999999999999"}`,
			`{"99999999999999999999":"99999999999999999999 \" 99999999999999999999"}`,
		},
		{"json", `99999999999999999999`, `"99999999999999999999"`},
	} {
		e, err := values.Explain(core.TableInfo{ValueFormat: test.id})
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.AppendJSON([]byte("x"), nil, []byte(test.value))
		if string(got) != "x"+test.want || err != nil || !json.Valid(got[1:]) {
			t.Errorf("%s: %q is shown as %s, %v; want x%s",
				test.id, test.value, got, err, test.want)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	if _, err := values.Explain(core.TableInfo{ValueFormat: "json/2"}); !errors.Is(err,
		errors.ErrUnsupported) {
		t.Errorf("another format: %v", err)
	}
	if _, err := values.Explain(core.TableInfo{
		ValueFormat: "json",
		Meta:        []byte("x"),
	}); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("damaged metadata: %v", err)
	}
	e, err := values.Explain(core.TableInfo{ValueFormat: "json"})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"", "{", "1 2", "nul", strings.Repeat("[", 1e5)} {
		if got, err := e.AppendJSON(nil, nil, []byte(value)); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%.20q is shown as %s, %v", value, got, err)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(`{"a":[1,-0.5e10,"x\u0000\"99999999999999999999",99999999999999999999,null,true]}`))
	e, err := values.Explain(core.TableInfo{ValueFormat: "json"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		shown, err := e.AppendJSON(nil, nil, b)
		if err == nil && !json.Valid(shown) || err == nil != json.Valid(b) {
			t.Errorf("%q is shown as %q, %v", b, shown, err)
		}
	})
}

func TestExplainers(t *testing.T) {
	formattest.Explain(t, values.Bytes(), values.Explain, byteSamples...)
	formattest.Explain(t, values.String(), values.Explain, stringSamples...)
	formattest.Explain(t, values.JSON[address](), values.Explain, jsonSamples...)
}
