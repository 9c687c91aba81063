// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// Every package is raced but for those named, and those share nothing.
func TestRacedPackages(t *testing.T) {
	packages, err := racedPackages()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"core", "core/backendtest", "backends/pebble", "formats/gob"} {
		if !slices.Contains(packages, "github.com/guardkv/guardkv/"+want) {
			t.Errorf("%s is not raced", want)
		}
	}
	for _, dir := range single {
		files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(dir), "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has the files %v, %v", dir, files, err)
		}
		for _, file := range files {
			if what := shares(t, file); what != "" {
				t.Errorf("%s has %s, and is not raced", file, what)
			}
		}
	}
}

// What would have to be raced is seen.
func TestShares(t *testing.T) {
	for file, want := range map[string]string{
		"../core/writer.go":    `"sync"`,
		"../core/keys/text.go": `"unsafe"`,
		"race.go":              "",
	} {
		if got := shares(t, file); got != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

// shares returns what shows that goroutines may share something in a file, or that it knows
// unsafe pointers, "" if nothing does.
func shares(t *testing.T, file string) (what string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range parsed.Imports {
		if slices.Contains([]string{`"sync"`, `"sync/atomic"`, `"unsafe"`}, i.Path.Value) {
			return i.Path.Value
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			what = "a go statement"
		case *ast.SelectorExpr:
			if n.Sel.Name == "Parallel" {
				what = "parallel tests"
			}
		}
		return what == ""
	})
	return what
}
