// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The code that users copy out of our documents must compile.
func TestCodeOfThisRepository(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles all code in all documents, as the linters' step does")
	}
	if err := Code(filepath.Join("..", "..")); err != nil {
		t.Error(err)
	}
}

func TestCode(t *testing.T) {
	const open, end = "```go\n", "```\n"
	tests := []struct {
		name, text string
		want       string // "" for no complaint
	}{
		{
			"program",
			open + "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n" + end, "",
		},
		{
			"statements",
			open + "p, err := people.Load(ctx, \"ada\")\nif err != nil {\n\treturn err\n}\n" + end,
			"",
		},
		{
			"declarations",
			open + "type ID uint64\n\nfunc f(db *core.Storage) error { return db.Check(ctx) }\n" + end, "",
		},
		{"declared before", open + "type ID uint64\n" + end + open + "var id ID\n" + end, ""},
		{"with an import", open + "import \"time\"\n\nnow := time.Now()\n" + end, ""},
		{
			"of a user's package",
			open + "import \"example.com/x/fb\"\n\nc := fb.CharT{}\n" + end, "",
		},
		{"sketch", open + "// Sketch: of a test.\nnone.of(this)\n" + end, ""},
		{"other language", "```text\nnone of this\n```\n" + "```\nnor this\n```\n", ""},
		{"in a list", "1. It is\n\n   ```go\n   var x int = 1\n   ```\n", ""},

		{
			"package in two blocks",
			open + "package p\n\ntype A int\n" + end + open + "package p\n\nvar B A\n" + end, "",
		},
		{
			"two programs",
			open + "package main\n\nfunc main() {}\n" + end + open + "package main\n\nfunc main() {}\n" + end, "",
		},
		{
			"package in two blocks, wrong",
			open + "package p\n\ntype A int\n" + end + open + "package p\n\nvar B C\n" + end,
			"a.md:9: undefined: C",
		},

		{
			"undefined",
			"# Title\n\n" + open + "people.Gone()\n" + end, "a.md:4: people.Gone undefined",
		},
		{"second line", open + "x := 1\ny := x + \"\"\n" + end, "a.md:3: "},
		{"syntax", open + "x := := 1\n" + end, "a.md:2: "},
		{"type", open + "type T struct{ f Undefined }\n" + end, "a.md:2: undefined: Undefined"},
		{
			"program with an unused variable", open + "package main\n\nfunc main() { x := 1 }\n" + end,
			"a.md:4: declared and not used: x",
		},
		{
			"behind imports",
			open + "import \"time\"\n\ntime.Gone()\n" + end, "a.md:4: undefined: time.Gone",
		},
		{
			"in a list, wrong", "1. It is\n\n   ```go\n   var x int = \"\"\n   ```\n",
			"a.md:4: cannot use",
		},
		{"called text", "```text\nfunc f() { g() }\n```\n", "a.md:2: undefined: g"},
		{"called nothing", "```\nfunc f() { g() }\n```\n", "a.md:2: undefined: g"},
		{
			"sketch in the middle",
			open + "x()\n// Sketch: of nothing\n" + end, "a.md:2: undefined: x",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			work, err := filepath.Abs(filepath.Join("..", "..", "go.work"))
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("GOWORK", work)
			if err := os.WriteFile(filepath.Join(root, "a.md"), []byte(test.text),
				0o644); err != nil {
				t.Fatal(err)
			}
			err = Code(root)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("complaint about nothing: %v", err)
			case test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
