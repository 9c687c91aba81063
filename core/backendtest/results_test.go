// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// TestReport: when many subtests failed, the one to fix first was somewhere among those that rest
// on it. Here the checks run from the last to the first.
func TestReport(t *testing.T) {
	for _, c := range []struct{ breaks, first, also string }{
		{"stale get", "bare/get/fresh", "bare/values/empty"},
		{"order", "bare/cursor/ranges", "bare/snapshot/unchanging"},
		{"set mark", "bare/open/set mark", ""},
		{"", "", ""},
	} {
		var v results
		for i, p := range slices.Backward(contract.Promises()) {
			if !slices.Contains([]string{
				"get/fresh", "values/empty", "cursor/ranges", "snapshot/unchanging",
				"open/set mark",
			}, p.Name) {
				continue
			}
			tr := kit.NewTrial(&recorder{T: t}, &p,
				kit.Target{Backend: newPlain(c.breaks), Path: "place"}, false)
			v.run(tr, i, &p, false)
		}
		got := v.report()
		_, listed, _ := strings.Cut(got, "Fix these first:\n\t")
		if !strings.HasPrefix(listed, c.first) || (c.first == "") != (got == "") {
			t.Errorf("%q: the report is %q; want %q first", c.breaks, got, c.first)
		}
		if _, others, _ := strings.Cut(got, "The others"); !strings.Contains(others, c.also) {
			t.Errorf("%q: the report is %q; want %q among the others", c.breaks, got, c.also)
		}
	}
}

// TestReportQuotes: a value of a megabyte, or one with line breaks, made the report unreadable.
func TestReportQuotes(t *testing.T) {
	p := kit.Promise{Name: "get/it", Explanation: "it is so", Check: func(t *kit.Trial) {
		t.Errorf("Get = %s", kit.Brief(strings.Repeat("\x00\n", 1<<20)))
	}}
	var v results
	v.run(kit.NewTrial(&recorder{T: t}, &p, kit.Target{Backend: newPlain(""), Path: "place"}, true),
		0, &p, true)
	want := "1 of 1 checks failed. Fix these first:\n\tspoiled/get/it: Get = " +
		kit.Brief(strings.Repeat("\x00\n", 1<<20)) + "\n\t\tpromise: it is so\n"
	if got := v.report(); got != want || len(got) > 300 {
		t.Errorf("the report is %q; want %q", got, want)
	}
}
