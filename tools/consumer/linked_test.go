// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinked(t *testing.T) {
	results := []result{
		{name: "a", linked: linked{modules: []string{"x", "y"}}, size: 3 << 20, listed: true},
		{name: "tests", linked: linked{modules: []string{"x"}}, size: 1 << 20},
	}
	const right = "| program | modules | binary |\n|---|---|---|\n| a | 2 | 3.0 MiB |\n"
	tests := []struct {
		name, table string
		ok          bool
	}{
		{"right", right, true},
		{"a little larger", strings.Replace(right, "3.0", "3.1", 1), true},
		{"other number", strings.Replace(right, "| 2 |", "| 3 |", 1), false},
		{"other name", strings.Replace(right, "| a |", "| b |", 1), false},
		{"a row too many", right + "| b | 2 | 3.0 MiB |\n", false},
		{"empty", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := Linked{File: filepath.Join(t.TempDir(), "D.md")}
			text := "before\n" + linkedBegin + test.table + linkedEnd + "after\n"
			if err := os.WriteFile(l.File, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := l.check(results); (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
			l.Write = true
			if err := l.check(results); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(l.File)
			if want := "before\n" + linkedBegin + right + linkedEnd + "after\n"; err != nil ||
				string(got) != want {
				t.Errorf("written: %q, %v", got, err)
			}
		})
	}
}

// The document must name every program, with the number of its modules. Only builds can tell
// whether the numbers are true.
func TestDocumentListsEveryProgram(t *testing.T) {
	var want []result
	all, err := Combinations("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		want = append(want,
			result{name: c.Name, linked: linked{modules: c.Links}, listed: c.listed()})
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "choosing.md"))
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, row := range linkedRow.FindAllStringSubmatch(string(text), -1) {
		have = append(have, row[1]+" "+row[2])
	}
	var wanted []string
	for _, row := range linkedRow.FindAllStringSubmatch(Linked{}.table(want), -1) {
		wanted = append(wanted, row[1]+" "+row[2])
	}
	if strings.Join(have, ", ") != strings.Join(wanted, ", ") {
		t.Errorf("docs/choosing.md lists %v, the combinations are %v: run go tool mage consumer -write", have, wanted)
	}
}
