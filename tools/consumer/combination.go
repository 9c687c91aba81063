// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Combination is a program, or a package with tests, that uses some of the modules, and what
// may be linked into it.
type Combination struct {
	// Name is the folder below testdata that holds the source, unless Document is given.
	Name string
	// Document is a Markdown file of the repository. Its first block of Go is the program, the
	// block after that what the program prints, and it says "go get" and the modules of
	// Requires.
	Document string
	// Requires are the folders of the modules it gets.
	Requires []string
	// Tests says that it is a package of an outside author, and its tests are run. Otherwise it is
	// a program.
	Tests bool
	// Prints is what the program prints. It does not matter for tests.
	Prints string
	// Links are exactly the modules that must be linked: folders of our own, paths of other
	// modules.
	Links []string
	// Denied are words that may occur in no linked package's import path.
	Denied []string
}

// prints is what all programs print.
const prints = "Ada Lovelace, born 1815\n"

// Combinations returns what applications and outside authors do: the programs and packages in the
// folders of dir, and the program of the README. A folder has a file linked.txt. Its lines are the
// modules that must be linked, and "not" with words that no linked package may have in its path.
func Combinations(dir string) ([]Combination, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := []Combination{{
		Name: "readme", Document: "README.md", Requires: []string{"backends/bbolt", "formats/cbor"},
		Links: []string{
			"core", "backends/bbolt", "formats/cbor",
			"github.com/fxamacker/cbor/v2", "github.com/x448/float16", "go.etcd.io/bbolt",
			"golang.org/x/sys",
		},
	}}
	for _, e := range entries {
		c, err := combination(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all = append(all, c)
	}
	return all, nil
}

// combination reads the folder of a program, or of a package with tests. The combination requires
// the modules of this repository that are to be linked.
func combination(dir string) (Combination, error) {
	c := Combination{Name: filepath.Base(dir), Prints: prints}
	text, err := os.ReadFile(filepath.Join(dir, "linked.txt"))
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		word, denied := strings.CutPrefix(line, "not ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case denied:
			c.Denied = append(c.Denied, word)
		default:
			c.Links = append(c.Links, line)
			if first, _, _ := strings.Cut(line, "/"); !strings.Contains(first, ".") {
				c.Requires = append(c.Requires, line)
			}
		}
	}
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	c.Tests = len(tests) > 0
	return c, err
}

// verify compares what was linked with what must be. Links are paths of modules here.
func (c Combination) verify(l linked) error {
	var errs []error
	for _, want := range c.Links {
		if !slices.Contains(l.modules, want) {
			errs = append(errs, fmt.Errorf("module %s is not linked", want))
		}
	}
	for _, got := range l.modules {
		if !slices.Contains(c.Links, got) {
			errs = append(errs, fmt.Errorf("module %s is linked, but not expected", got))
		}
	}
	for _, word := range c.Denied {
		isDenied := func(pkg string) bool { return strings.Contains(pkg, word) }
		if i := slices.IndexFunc(l.packages, isDenied); i >= 0 {
			errs = append(errs,
				fmt.Errorf("package %s is linked, but %q is denied", l.packages[i], word))
		}
	}
	return errors.Join(errs...)
}
