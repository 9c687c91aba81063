// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A program in a document can compile and still not do what the document says.
func TestProgramsOfThisRepository(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs all programs in all documents")
	}
	if err := Programs(filepath.Join("..", "..")); err != nil {
		t.Error(err)
	}
}

func TestPrograms(t *testing.T) {
	const (
		hello = "```go\npackage main\n\nfunc main() { println() }\n```\n"
		print = "```go\npackage main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(1) }\n```\n"
		fails = "```go\npackage main\n\nimport \"os\"\n\nfunc main() { os.Exit(3) }\n```\n"
		test  = "```go\npackage p\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) {}\n```\n"
		part  = "```go\npackage p\n\nfunc F() {}\n```\n"
	)
	tests := []struct {
		name, text string
		want       string // "" for no complaint
	}{
		{"right", print + "It prints:\n\n```\n1\n```\n", ""},
		{"two, both right", print + "```\n1\n```\n" + print + "```\n1\n```\n", ""},
		{"tests", test, ""},
		{"no program", part, ""},
		{"other output", "# A\n\n" + print + "```\n2\n```\n", "a.md:4: the program prints\n1\n"},
		{"output before", "```\n1\n```\n" + print, "a.md:5: the document does not say"},
		{"output of another", print + hello + "```\n1\n```\n", "a.md:2: the document does not say"},
		{"fails", fails + "```\n```\n", "a.md:2: exit status 3"},
		{"does not compile", strings.Replace(print, "1", "x", 1), "a.md:2: exit status 1\n"},
		{"test fails", strings.Replace(test, "{}", "{ t.Fail() }", 1), "a.md:2: exit status 1\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "tools"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("GOWORK", "off")
			t.Setenv("GOFLAGS", "-mod=mod")
			if err := os.WriteFile(filepath.Join(root, "a.md"), []byte(test.text),
				0o644); err != nil {
				t.Fatal(err)
			}
			err := Programs(root)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("complaint about nothing: %v", err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
