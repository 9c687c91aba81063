// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	_ "embed"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/tools/modules"
)

// sketch is the visible mark of the only blocks of Go that are not checked: their first line is
// a comment that starts with it and says why.
const sketch = "// Sketch: "

// given declares what fragments may use without declaring it themselves.
//
//go:embed given.txt
var given string

// block is a block of Go in a Markdown file.
type block struct {
	file string
	line int // of its first line
	text string
}

// Code type-checks every block of Go in the Markdown files of the repository at root. A complete
// program is checked as it is, and a package together with all of its blocks in the document. A
// fragment is checked as declarations, or as statements of a function that returns an error; it
// may use what given.txt and earlier fragments of the same document declare.
func Code(root string) error {
	blocks, err := goBlocks(os.DirFS(root))
	if err != nil {
		return err
	}
	imports := map[string]bool{}
	var units []unit
	var errs []error
	scopes := map[string]*scope{}
	for _, b := range blocks {
		s := scopes[b.file]
		if s == nil {
			s = newScope()
			scopes[b.file] = s
		}
		u, err := s.unit(b)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", b.file, b.line, err))
			continue
		}
		for _, spec := range u.file.Imports {
			imports[strings.Trim(spec.Path.Value, `"`)] = true
		}
		if first := s.joins(u, len(units)); first >= 0 {
			units[first].more = append(units[first].more, u.file)
		} else {
			units = append(units, u)
		}
	}
	exports, err := exportFiles(root, slices.Sorted(maps.Keys(imports)))
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, u := range units {
		errs = append(errs, u.check(exports))
	}
	return errors.Join(errs...)
}

// goBlocks returns the blocks of Go in all Markdown files, sketches left out.
func goBlocks(repo fs.FS) (blocks []block, err error) {
	err = walk(repo, func(name string) error {
		if path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(repo, name)
		if err == nil {
			blocks = append(blocks, blocksIn(name, string(text))...)
		}
		return err
	})
	return blocks, err
}

// looksLikeGo finds code that would escape the check under the name of another language.
var looksLikeGo = regexp.MustCompile(`(?m)^(func [\w(]|package \w+$|import \()`)

func blocksIn(name, text string) (blocks []block) {
	var b *block
	isGo, indent := false, ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimSpace(line)
		switch {
		case b == nil && strings.HasPrefix(trimmed, "```") && len(trimmed) > 3:
			indent = line[:strings.Index(line, "`")]
			b = &block{name, n + 1, ""}
			isGo = strings.Fields(trimmed[3:])[0] == "go"
		case b == nil && trimmed == "```":
			b, isGo = &block{name, n + 1, ""}, false
		case trimmed == "```":
			if (isGo || looksLikeGo.MatchString(b.text)) && !strings.HasPrefix(b.text, sketch) {
				blocks = append(blocks, *b)
			}
			b = nil
		case b != nil:
			b.text += strings.TrimPrefix(line, indent)
		}
	}
	return blocks
}

// unit is a block as the type checker gets it.
type unit struct {
	block
	fset     *token.FileSet
	file     *ast.File
	more     []*ast.File // those of later blocks of the same package
	fragment bool
}

// check type-checks a block. In fragments, complaints about unused variables and imports do not
// matter.
func (u unit) check(exports map[string]string) error {
	open := func(path string) (io.ReadCloser, error) {
		file, ok := exports[path]
		if !ok {
			return nil, fmt.Errorf("no package %s", path)
		}
		return os.Open(file)
	}
	var errs []error
	config := types.Config{
		Importer: importer.ForCompiler(u.fset, "gc", open),
		Error: func(err error) {
			var e types.Error
			if errors.As(err, &e) && (!u.fragment || !e.Soft) {
				errs = append(errs, fmt.Errorf("%s: %s", u.fset.Position(e.Pos), e.Msg))
			}
		},
	}
	// errors go to config.Error
	config.Check("p", u.fset, append([]*ast.File{u.file}, u.more...), nil)
	return errors.Join(errs...)
}

// scope is what a fragment of a document may use without declaring it: declarations by name.
type scope struct {
	decls    map[string]string
	fset     *token.FileSet // of the packages that the document shows
	packages map[string]int // which unit began a package
}

// joins returns the number of the unit that began the package of u: a document may show a package
// in several blocks, each a file of it. It returns -1 if u begins a package, and notes that next
// is its number, and for programs and fragments, which stand alone.
func (s *scope) joins(u unit, next int) int {
	name := u.file.Name.Name
	if u.fragment || name == "main" {
		return -1
	}
	if first, ok := s.packages[name]; ok {
		return first
	}
	s.packages[name] = next
	return -1
}

func newScope() *scope {
	s := &scope{map[string]string{}, token.NewFileSet(), map[string]int{}}
	if err := s.declare("package p\n" + given); err != nil {
		panic(err) // given.txt is part of this program
	}
	return s
}

// declare adds the declarations of a file.
func (s *scope) declare(source string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		text := source[fset.Position(decl.Pos()).Offset:fset.Position(decl.End()).Offset]
		for _, name := range declared(decl) {
			s.decls[name] = text
		}
	}
	return nil
}

func declared(decl ast.Decl) (names []string) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			return []string{decl.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// unit parses a block, and gives a fragment what it lacks.
func (s *scope) unit(b block) (unit, error) {
	u := unit{block: b, fset: token.NewFileSet()}
	if strings.HasPrefix(b.text, "package ") || strings.Contains(b.text, "\npackage ") {
		var err error
		u.fset = s.fset
		u.file, err = parser.ParseFile(u.fset, "",
			fmt.Sprintf("//line %s:%d\n%s", b.file, b.line, b.text), 0)
		return u, err
	}
	u.fragment = true
	imports, text := splitImports(b.text)
	line := fmt.Sprintf("//line %s:%d\n", b.file, b.line+strings.Count(imports, "\n"))
	body := line + text
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+body, 0); err == nil {
		if err := s.declare("package p\n" + text); err != nil {
			return u, err
		}
	} else {
		body = "func _() error {\n" + body + "\npanic(0)\n}\n"
	}
	return s.complete(u, imports, body)
}

// splitImports cuts a fragment behind its import declarations.
func splitImports(text string) (imports, rest string) {
	for {
		end := strings.Index(text, "\n") + 1
		if strings.HasPrefix(text, "import (") {
			end = strings.Index(text, "\n)\n") + 3
		} else if !strings.HasPrefix(text, "import ") &&
			!(imports != "" && strings.HasPrefix(text, "\n")) {
			return imports, text
		}
		imports, text = imports+text[:end], text[end:]
	}
}

// complete adds imports and declarations until every name of the fragment that the scope knows is
// declared.
func (s *scope) complete(u unit, own, body string) (unit, error) {
	imports, decls := map[string]bool{}, map[string]bool{}
	for {
		var source strings.Builder
		source.WriteString("package p\n" + own)
		for _, path := range slices.Sorted(maps.Keys(imports)) {
			fmt.Fprintf(&source, "import %q\n", path)
		}
		source.WriteString(body + "\n//line given.txt:1\n")
		for _, decl := range slices.Sorted(maps.Keys(decls)) {
			source.WriteString(decl + "\n")
		}
		u.fset = token.NewFileSet()
		var err error
		if u.file, err = parser.ParseFile(u.fset, "", source.String(), 0); err != nil {
			return u, err
		}
		before := len(imports) + len(decls)
		for _, name := range u.file.Unresolved {
			if decl, ok := s.decls[name.Name]; ok && !strings.Contains(body, decl) {
				decls[decl] = true
			} else if path, ok := importable[name.Name]; ok &&
				!strings.Contains(own, "/"+name.Name+"\"") && !strings.Contains(own,
				"\""+path+"\"") {
				imports[path] = true
			}
		}
		if len(imports)+len(decls) == before {
			standIn(u.file)
			return u, nil
		}
	}
}

// standIn replaces packages of users, whose paths start with example.com, with packages of ours.
func standIn(file *ast.File) {
	for _, spec := range file.Imports {
		importPath := strings.Trim(spec.Path.Value, `"`)
		if path, ok := importable[path.Base(importPath)]; ok && strings.HasPrefix(importPath,
			"example.com/") {
			spec.Path.Value = strconv.Quote(path)
		}
	}
}

const repository = "github.com/guardkv/guardkv/"

// importable are the packages that fragments use without importing them.
var importable = func() map[string]string {
	all := map[string]string{
		"context": "context", "errors": "errors", "fmt": "fmt", "io": "io", "iter": "iter",
		"log": "log", "os": "os", "filepath": "path/filepath", "http": "net/http",
		"slices": "slices", "slog": "log/slog", "strings": "strings", "testing": "testing",
		"time": "time",

		"core": repository + "core",
		"fb":   repository + "tools/demo/fb", "pb": repository + "tools/demo/pb",
	}
	for _, name := range []string{
		"backendtest", "directory", "formattest", "keys", "memory", "values",
	} {
		all[name] = repository + "core/" + name
	}
	for _, e := range modules.Engines {
		if all[e.Name] == "" {
			all[e.Name] = repository + "backends/" + e.Name
		}
	}
	for _, s := range modules.Servers {
		all[s.Name] = repository + "backends/" + s.Name
	}
	for _, name := range modules.Apart {
		all[name] = repository + "backends/" + name
	}
	for _, f := range modules.Formats {
		all[f.Name] = repository + "formats/" + f.Name
	}
	for _, name := range modules.Wrappers {
		all[name] = repository + "formats/" + name
	}
	delete(all, "json") // part of values
	return all
}()

// exportFiles lets go build the packages and all that they import, and returns the file with the
// export data of each.
func exportFiles(root string, packages []string) (map[string]string, error) {
	if len(packages) == 0 { // go list would take the folder's
		return nil, nil
	}
	cmd := exec.Command("go", append([]string{
		"list", "-export", "-deps", "-f",
		"{{.ImportPath}}\t{{.Export}}",
	}, packages...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w\n%s", err, exit.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		files[path] = file
	}
	return files, nil
}
