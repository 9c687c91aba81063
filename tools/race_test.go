// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// TestRacedEmulator: what needs the emulator is raced only with it.
func TestRacedEmulator(t *testing.T) {
	t.Setenv("PATH", filepath.Dir(goTool(t))) // go itself is still found
	for program, want := range map[string]bool{"": false, "/some/emulator": true} {
		t.Setenv("GUARDKV_SPANNER_EMULATOR", program)
		packages, err := racedPackages()
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range emulated {
			got := slices.Contains(packages, "github.com/guardkv/guardkv/"+dir)
			if got != want {
				t.Errorf("with the emulator %q: %s is raced: %v", program, dir, got)
			}
		}
	}
}

func goTool(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// The race detector does not see what is built without it, so that must share nothing either.
func TestFilesWithoutRace(t *testing.T) {
	n := 0
	err := filepath.WalkDir("..", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), "\n//go:build !race\n") {
			return err
		}
		n++
		if what := goes(parsed(t, file)); what != "" {
			t.Errorf("%s has %s, and is built without the race detector", file, what)
		}
		return nil
	})
	if err != nil || n < 10 {
		t.Errorf("found %d files, error %v", n, err)
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
func shares(t *testing.T, file string) string {
	t.Helper()
	f := parsed(t, file)
	for _, i := range f.Imports {
		if slices.Contains([]string{`"sync"`, `"sync/atomic"`, `"unsafe"`}, i.Path.Value) {
			return i.Path.Value
		}
	}
	return goes(f)
}

// goes returns how a file starts goroutines, "" if it does not.
func goes(f *ast.File) (how string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			how = "a go statement"
		case *ast.CallExpr: // of a method
			f, ok := n.Fun.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"Go", "Parallel", "RunParallel"}, f.Sel.Name) {
				how = "a call of " + f.Sel.Name
			}
		}
		return how == ""
	})
	return how
}

func parsed(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
