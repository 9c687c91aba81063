// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whoever adds a sentinel has to explain in the guide what it asks of the caller, and whoever
// removes one has to remove the explanation.
func TestTheGuideExplainsEverySentinel(t *testing.T) {
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(Err[A-Z]\\w*)` \\|").FindAllStringSubmatch(string(text), -1) {
		explained = append(explained, match[1])
	}
	slices.Sort(explained)
	if want := sentinels(t, "../../core"); !slices.Equal(explained, want) {
		t.Errorf("docs/errors.md explains\n%v\nand core exports\n%v", explained, want)
	}
}

// sentinels returns the names of the exported errors that the files of a package declare, sorted.
func sentinels(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, name := range declared(group) {
				if strings.HasPrefix(name, "Err") {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}
