// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

// failures counts the errors of a test that is expected to fail.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.n++ }

// TestOutcomes: a document may say more than a test met, if not all is asked for, but never less,
// and the table that is written is the one that is compared.
func TestOutcomes(t *testing.T) {
	said := backendtest.Outcomes{
		Name: "damage", Of: "damage to", Damages: []string{"cut", "flip"},
		Parts: []string{"log", "table"},
		Met:   [][][]string{{{"none", "found", "none"}, {"found"}}, {nil, {"found"}}},
	}
	const want = "| damage to | cut | flip |\n|---|---|---|\n" +
		"| log | found or none | found |\n| table | - | found |\n"
	if got := said.String(); got != want {
		t.Fatalf("the table is\n%swant\n%s", got, want)
	}
	file := filepath.Join(t.TempDir(), "README.md")
	const before, after = "# Engine\n\n<!-- damage -->\n", "<!-- end of damage -->\n\nMore.\n"
	if err := os.WriteFile(file, []byte(before+"old\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	said.Compare(t, file, true, true)
	if got, err := os.ReadFile(file); err != nil || string(got) != before+want+after {
		t.Fatalf("the document is\n%s%v", got, err)
	}
	for _, test := range []struct {
		what        string
		parts       []string
		met         [][][]string
		least, most int // failures, if not all is asked for, and if it is
	}{
		{"the same", said.Parts, said.Met, 0, 0},
		{"less", said.Parts, [][][]string{{{"none"}, {"found"}}, {nil, {"found"}}}, 0, 1},
		{"more", said.Parts, [][][]string{{{"lost"}, {"found"}}, {nil, {"lost"}}}, 2, 2},
		{"a part less", said.Parts[:1], said.Met[:1], 1, 1},
		{"another part", []string{"log", "mark"}, said.Met, 1, 1},
	} {
		o := said
		o.Parts, o.Met = test.parts, test.met
		for all, want := range map[bool]int{false: test.least, true: test.most} {
			f := &failures{TB: t}
			o.Compare(f, file, all, false)
			if min(f.n, want) != want || (f.n == 0) != (want == 0) {
				t.Errorf("%s, all %t: %d lines differ; want %d", test.what, all, f.n, want)
			}
		}
	}
}
