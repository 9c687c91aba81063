// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"slices"
	"testing"
)

func TestFuzzTargets(t *testing.T) {
	const events = `{"Action":"start","Package":"example.test/a"}
{"Action":"output","Package":"example.test/a","Output":"FuzzOne\n"}
{"Action":"output","Package":"example.test/a","Output":"FuzzTwo\n"}
{"Action":"output","Package":"example.test/a","Output":"ok  \texample.test/a\t0.002s\n"}
{"Action":"pass","Package":"example.test/a","Elapsed":0.002}
{"Action":"output","Package":"example.test/b","Output":"?   \texample.test/b\t[no test files]\n"}
{"Action":"output","Package":"example.test/c","Output":"FuzzOne\n"}
`
	got, err := fuzzTargets(events)
	want := []fuzzTarget{{"example.test/a", "FuzzOne"}, {"example.test/a", "FuzzTwo"}, {"example.test/c", "FuzzOne"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "{}\n", "ok example.test/a\n"} {
		if got, err := fuzzTargets(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}
