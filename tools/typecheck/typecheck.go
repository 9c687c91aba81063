// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package typecheck finds out in seconds what does not compile on another platform. It checks the
// types of packages as they are there, from their sources alone. A compiler would have to compile
// the standard library and the engines for every platform first, which takes minutes for each.
package typecheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"path/filepath"
	"strings"
)

// Checker checks for one platform. It checks a package once, even if several modules need it.
type Checker struct {
	sizes types.Sizes
	fset  *token.FileSet
	done  map[string][]*checked // by import path
}

// checked is a package, and the imports it was checked with: in another module the same files may
// import other versions.
type checked struct {
	types   *types.Package
	dir     string
	imports map[string]*types.Package
}

// New returns a checker for an architecture such as 386.
func New(goarch string) (*Checker, error) {
	sizes := types.SizesFor("gc", goarch)
	if sizes == nil {
		return nil, fmt.Errorf("no architecture is called %q", goarch)
	}
	return &Checker{sizes: sizes, fset: token.NewFileSet(), done: map[string][]*checked{}}, nil
}

// listed is what go list prints about a package.
type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	ImportMap  map[string]string
	Standard   bool
	Module     *struct{ GoVersion string }
}

// Flags make go list print what [Checker.Check] reads: every package that is needed, each after
// those that it imports.
var Flags = []string{
	"-deps", "-test", "-json=ImportPath,Dir,GoFiles,CgoFiles,Imports,ImportMap,Standard,Module",
}

// Check checks the packages that go list printed, and returns how many of them are not part of the
// standard library.
func (c *Checker) Check(list io.Reader) (int, error) {
	n := 0
	var errs []error
	known := map[string]*types.Package{"unsafe": types.Unsafe}
	for d := json.NewDecoder(list); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return n, errors.Join(errs...)
		} else if err != nil {
			return n, fmt.Errorf("go list: %w", err)
		}
		// go test makes the main package
		if p.ImportPath == "unsafe" || strings.HasSuffix(p.ImportPath, ".test") {
			continue
		}
		if !p.Standard {
			n++
		}
		pkg, err := c.check(&p, known)
		if err != nil {
			errs = append(errs, err)
		}
		known[p.ImportPath] = pkg
	}
}

// check checks one package, whose imports are among the known ones.
func (c *Checker) check(p *listed, known map[string]*types.Package) (*types.Package, error) {
	imports, err := p.resolve(known)
	if err != nil {
		return nil, err
	}
	for _, d := range c.done[p.ImportPath] {
		if d.dir == p.Dir && same(d.imports, imports) {
			return d.types, nil
		}
	}
	files, err := c.parse(p)
	if err != nil {
		return nil, err
	}
	pkg, err := c.types(p, files, imports)
	if err == nil {
		c.done[p.ImportPath] = append(c.done[p.ImportPath], &checked{pkg, p.Dir, imports})
	}
	return pkg, err
}

// resolve returns the imported packages by the paths in the source.
func (p *listed) resolve(known map[string]*types.Package) (map[string]*types.Package, error) {
	if len(p.CgoFiles) > 0 {
		return nil, fmt.Errorf("%s needs cgo: list with CGO_ENABLED=0", p.ImportPath)
	}
	source := map[string]string{} // the paths in the source by those that they stand for
	for path, actual := range p.ImportMap {
		source[actual] = path
	}
	imports := map[string]*types.Package{}
	for _, actual := range p.Imports {
		pkg := known[actual]
		if pkg == nil {
			return nil, fmt.Errorf("%s is not checked, because %s is not", p.ImportPath, actual)
		}
		path := actual
		if s, ok := source[actual]; ok {
			path = s
		}
		imports[path] = pkg
	}
	return imports, nil
}

func (c *Checker) parse(p *listed) ([]*ast.File, error) {
	var files []*ast.File
	for _, name := range p.GoFiles {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		f, err := parser.ParseFile(c.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// types checks the types of a package. In the standard library it skips the bodies of functions.
func (c *Checker) types(
	p *listed, files []*ast.File, imports map[string]*types.Package,
) (*types.Package, error) {
	var errs []error
	config := types.Config{
		Importer:         importer(imports),
		Sizes:            c.sizes,
		IgnoreFuncBodies: p.Standard,
		Error:            func(err error) { errs = append(errs, err) },
	}
	if p.Module != nil && p.Module.GoVersion != "" {
		config.GoVersion = "go" + p.Module.GoVersion
	}
	path, _, _ := strings.Cut(p.ImportPath, " ") // "a [b.test]" is a, as it is in the test of b
	pkg, err := config.Check(path, c.fset, files, nil)
	if len(errs) > 0 {
		err = errors.Join(errs...)
	}
	return pkg, err
}

// importer finds packages by the path in the source.
type importer map[string]*types.Package

// Import implements [types.Importer].
func (i importer) Import(path string) (*types.Package, error) {
	if pkg := i[path]; pkg != nil {
		return pkg, nil
	}
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	return nil, fmt.Errorf("go list does not say that %q is imported", path)
}

func same(a, b map[string]*types.Package) bool {
	if len(a) != len(b) {
		return false
	}
	for path, pkg := range a {
		if b[path] != pkg {
			return false
		}
	}
	return true
}
