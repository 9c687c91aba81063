// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The repository of these tests: what core, a backend and two programs are to ours.
var files = map[string]string{
	"LICENSE":      "the license\n",
	"go.work":      "go 1.26\n\nuse (\n\t./core\n\t./extra\n)\n",
	"core/go.mod":  "module example.test/kv/core\n\ngo 1.26\n",
	"core/core.go": "package core\n\nfunc Name() string { return \"core\" }\n",

	"extra/go.mod":         "module example.test/kv/extra\n\ngo 1.26\n\nrequire example.test/kv/core v0.1.0\n\nreplace example.test/kv/core => ../core\n",
	"extra/extra.go":       "package extra\n\nimport \"example.test/kv/core\"\n\nfunc Name() string { return core.Name() + \" and more\" }\n",
	"extra/unused/code.go": "package unused\n\nimport _ \"encoding/gob\"\n",

	"programs/plain/main.go":     "package main\n\nimport \"example.test/kv/core\"\n\nfunc main() { print(core.Name()) }\n",
	"programs/more/main.go":      "package main\n\nimport (\n\t\"os\"\n\n\t\"example.test/kv/extra\"\n)\n\nfunc main() { os.Stdout.WriteString(extra.Name()) }\n",
	"programs/broken/main.go":    "package main\n\nfunc main() { undefined() }\n",
	"programs/fails/main.go":     "package main\n\nimport \"os\"\n\nfunc main() { println(\"out of luck\"); os.Exit(3) }\n",
	"programs/author/p.go":       "package author\n\nimport \"example.test/kv/core\"\n\nvar Name = core.Name()\n",
	"programs/author/p_test.go":  "package author\n\nimport \"testing\"\n\nfunc TestName(t *testing.T) {\n\tif Name != \"core\" {\n\t\tt.Fatal(Name)\n\t}\n}\n",
	"programs/wrong/p.go":        "package wrong\n",
	"programs/wrong/p_test.go":   "package wrong\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) { t.Error(\"the promise\") }\n",
	"programs/unvetted/main.go":  "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Printf(\"%d\", \"x\") }\n",
	"needy/go.mod":               "module example.test/kv/needy\n\ngo 1.26\n\nrequire example.test/kv/core v0.1.0\n\nreplace example.test/kv/core => ../core\n",
	"needy/needy.go":             "package needy\n",
	"needy/needy_test.go":        "package needy\n\nimport _ \"example.test/kv/core\"\n",
	"programs/plain/testdata/it": "",
}

func repository(t *testing.T) Repository {
	t.Helper()
	root := t.TempDir()
	// Nothing that a developer may have set must reach the programs. GOPROXY=off, because the
	// network is not needed.
	t.Setenv("GOFLAGS", "-mod=readonly")
	t.Setenv("GOMODCACHE", filepath.Join(root, "modcache"))
	t.Setenv("GOPRIVATE", "example.test")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", filepath.Join(root, "go.work"))
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Repository{
		Root: root, Versions: map[string]string{"core": "v0.3.0", "extra": "v0.1.0"},
		Programs: filepath.Join(root, "programs"),
	}
}

func TestCheck(t *testing.T) {
	var out strings.Builder
	repo := repository(t)
	err := repo.Check([]Combination{
		{
			Name: "more", Requires: []string{"extra"}, Prints: "core and more",
			Links: []string{"extra", "core"}, Denied: []string{"gob"},
		},
		{
			Name: "author", Requires: []string{"core"}, Tests: true, Links: []string{"core"},
			Denied: []string{"extra"},
		},
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"core, extra\n", "author"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	// A v0.1.0 that stays in the developer's module cache would hide all later ones.
	if left, err := filepath.Glob(filepath.Join(repo.Root, "modcache", "*")); len(left) != 0 ||
		err != nil {
		t.Errorf("left in the module cache: %v (error %v)", left, err)
	}
}

// A check that cannot fail is worth nothing: each of these cases has one expectation that is not
// met.
func TestCheckFails(t *testing.T) {
	core, both := []string{"core"}, []string{"core", "extra"}
	tests := []struct {
		name string
		Combination
		want string
	}{
		{"denied package", Combination{
			Name: "more", Requires: both, Prints: "core and more",
			Links: both, Denied: []string{"extra"},
		}, `"extra" is denied`},
		{"too much linked", Combination{
			Name: "more", Requires: both, Prints: "core and more",
			Links: core,
		}, "module example.test/kv/extra is linked"},
		{
			"too little linked",
			Combination{Name: "author", Requires: both, Tests: true, Links: both},
			"module example.test/kv/extra is not linked",
		},
		{
			"other output",
			Combination{Name: "more", Requires: both, Prints: "core", Links: both},
			`printed "core and more"`,
		},
		{"does not compile", Combination{Name: "broken"}, "undefined: undefined"},
		{"does not vet", Combination{Name: "unvetted", Prints: "%!d(string=x)"}, "wrong type"},
		{"exit status", Combination{Name: "fails"}, "exit status 3\nout of luck"},
		{"failing test", Combination{Name: "wrong", Tests: true}, "the promise"},
		{"module not required", Combination{Name: "plain"}, "example.test/kv/core"},
		{
			"no such module",
			Combination{Name: "plain", Requires: []string{"example.test/kv/gone"}},
			"example.test/kv/gone",
		},
		{"no such program", Combination{Name: "gone"}, "gone"},
	}
	if testing.Short() {
		tests = tests[:3]
	}
	repo := repository(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			err := repo.Check([]Combination{test.Combination}, &out)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestStdOnly(t *testing.T) {
	repo := repository(t)
	if err := StdOnly(filepath.Join(repo.Root, "core")); err != nil {
		t.Error(err)
	}
	err := StdOnly(filepath.Join(repo.Root, "needy"))
	if err == nil || !strings.Contains(err.Error(), "imports module example.test/kv/core") {
		t.Errorf("got %v, want an error: a test imports another module", err)
	}
}

func TestInspect(t *testing.T) {
	this, err := os.Executable() // a test, in which no modules are recorded
	if err != nil {
		t.Fatal(err)
	}
	if err := inspect(this, linked{}); err != nil {
		t.Error(err)
	}
	if err := inspect(this, linked{modules: []string{"example.test/kv/core"}}); err == nil {
		t.Error("a module that the binary does not note was accepted")
	}
}

func TestProgramOfADocument(t *testing.T) {
	const text = "# Title\n\n```sh\ngo get example.test/kv/extra\n```\n\n```go\npackage main\n\nimport (\n\t\"os\"\n\n\t\"example.test/kv/extra\"\n)\n\n" +
		"func main() { os.Stdout.WriteString(extra.Name() + \"\\n\") }\n```\n\nprints\n\n```\ncore and more\n```\n"
	both := []string{"core", "extra"}
	tests := []struct{ name, text, want string }{
		{"as it is", text, ""},
		{"no program", strings.Replace(text, "```go", "```text", 1), "no Go program"},
		{
			"other output", strings.Replace(text, "\ncore and more", "\ncore and less", 1),
			`printed "core and more\n"`,
		},
		{
			"no output", strings.Replace(text, "```\ncore", "```text\ncore", 1),
			"lacks what its program prints",
		},
		{"another module", strings.Replace(text, "get example.test/kv/extra",
			"get example.test/kv/core", 1), "which does not get [extra]"},
		{"one module more", strings.Replace(text, "kv/extra\n", "kv/extra example.test/kv/core\n",
			1), "which does not get [extra]"},
	}
	if testing.Short() {
		tests = tests[:2]
	}
	repo := repository(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(repo.Root, "D.md"), []byte(test.text),
				0o644); err != nil {
				t.Fatal(err)
			}
			err := repo.Check([]Combination{{
				Name: "document", Document: "D.md",
				Requires: both[1:], Links: both,
			}}, new(strings.Builder))
			if test.want == "" && err != nil || test.want != "" && (err == nil ||
				!strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
