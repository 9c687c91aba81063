// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package generate makes views, encoders and schemas from Go types.
package generate

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is the package that code is generated for.
type source struct {
	fset       *token.FileSet
	pkg        *types.Package
	directives map[string][]string // of types: the text after //archive:, such as "oneof A B"
	broken     []error
}

// load reads the package in a folder, without the generated files: they may be missing, or
// belong to an earlier version of the types.
func load(dir string, generated ...string) (*source, error) {
	list, err := listed(dir)
	if err != nil {
		return nil, err
	}
	s := &source{fset: token.NewFileSet(), directives: make(map[string][]string)}
	var files []*ast.File
	for _, name := range list.files {
		if isOneOf(name, generated) {
			continue
		}
		f, err := parser.ParseFile(s.fset, filepath.Join(dir, name), nil,
			parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		s.readDirectives(f)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no Go files", dir)
	}
	conf := types.Config{
		Importer:         importer.ForCompiler(s.fset, "gc", list.open),
		IgnoreFuncBodies: true,
		// The generated code is left out, so errors are expected. They matter only if a type
		// that is archived is broken.
		Error: func(err error) { s.broken = append(s.broken, err) },
	}
	s.pkg, _ = conf.Check(list.path, s.fset, files, nil)
	return s, nil
}

func isOneOf(name string, names []string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// listing is what the go command says about a package.
type listing struct {
	path    string
	files   []string
	exports map[string]string // of packages: files with what they export
}

func listed(dir string) (*listing, error) {
	const format = "{{if .DepOnly}}dep{{else}}own{{end}}\t{{.ImportPath}}\t{{.Export}}\t{{range .GoFiles}}{{.}}|{{end}}{{range .CgoFiles}}{{.}}|{{end}}"
	cmd := exec.Command("go", "list", "-e", "-deps", "-export", "-f", format, ".")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	l := &listing{exports: make(map[string]string)}
	for line := range strings.Lines(string(out)) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(words) != 4 {
			continue
		}
		if words[0] == "own" {
			l.path, l.files = words[1], strings.FieldsFunc(words[3],
				func(r rune) bool { return r == '|' })
			continue
		}
		l.exports[words[1]] = words[2]
	}
	if l.path == "" {
		return nil, errors.New("go list: no package")
	}
	return l, nil
}

func (l *listing) open(path string) (io.ReadCloser, error) {
	file := l.exports[path]
	if file == "" {
		return nil, fmt.Errorf("package %s does not compile", path)
	}
	return os.Open(file)
}

const directive = "//archive:"

func (s *source) readDirectives(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, spec := range g.Specs {
			t := spec.(*ast.TypeSpec)
			docs := []*ast.CommentGroup{t.Doc}
			if !g.Lparen.IsValid() {
				docs = append(docs, g.Doc)
			}
			for _, doc := range docs {
				s.addDirectives(t.Name.Name, doc)
			}
		}
	}
}

func (s *source) addDirectives(name string, doc *ast.CommentGroup) {
	if doc == nil {
		return
	}
	for _, c := range doc.List {
		if text, ok := strings.CutPrefix(c.Text, directive); ok {
			s.directives[name] = append(s.directives[name], strings.TrimSpace(text))
		}
	}
}

// directive returns the words after a directive of a type.
func (s *source) directive(typ, word string) ([]string, bool) {
	for _, text := range s.directives[typ] {
		words := strings.Fields(text)
		if len(words) > 0 && words[0] == word {
			return words[1:], true
		}
	}
	return nil, false
}

// problem returns an error at a place in the source.
func (s *source) problem(pos token.Pos, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if !pos.IsValid() {
		return err
	}
	p := s.fset.Position(pos)
	return fmt.Errorf("%s:%d: %w", filepath.Base(p.Filename), p.Line, err)
}
