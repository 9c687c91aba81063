// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// documented requires a comment on every name that other modules can use: types, functions,
// methods, constants, variables, and the fields and methods inside types. A name that the comment
// of its type explains needs none of its own, nor does the only method of an interface that has a
// comment.
func documented(_ fs.FS, name string, text []byte) []complaint {
	if !isPublished(name) || isGenerated(text) {
		return nil
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil // the compiler says so
	}
	var found []complaint
	for _, n := range undocumented(file) {
		found = append(found, complaint{
			fset.Position(n.Pos()).Line,
			fmt.Sprintf("exported and without a comment: %s", n.Name),
		})
	}
	return found
}

// isPublished reports whether other modules can use what a file declares.
func isPublished(name string) bool {
	folders := strings.Split(path.Dir(name), "/")
	if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
		return false
	}
	return folders[0] != "tools" && folders[0] != "." && !slices.Contains(folders,
		"internal") && !slices.Contains(folders, "testdata")
}

func undocumented(file *ast.File) (names []*ast.Ident) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Doc == nil && decl.Name.IsExported() && (decl.Recv == nil ||
				ast.IsExported(receiver(decl))) {
				names = append(names, decl.Name)
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				names = append(names, undocumentedIn(spec, decl.Doc)...)
			}
		}
	}
	return names
}

// receiver returns the name of the type that a method belongs to.
func receiver(method *ast.FuncDecl) (name string) {
	ast.Inspect(method.Recv.List[0].Type, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}

// undocumentedIn looks at one type, or one line of constants or variables. The comment of a
// group counts for all of it.
func undocumentedIn(spec ast.Spec, group *ast.CommentGroup) (names []*ast.Ident) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		doc := firstOf(spec.Doc, spec.Comment, group)
		if !spec.Name.IsExported() {
			return nil
		}
		if doc == nil {
			names = append(names, spec.Name)
		}
		return append(names, undocumentedFields(spec.Type, doc.Text())...)
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && firstOf(spec.Doc, spec.Comment, group) == nil {
				names = append(names, name)
			}
		}
	}
	return names
}

func undocumentedFields(t ast.Expr, doc string) (names []*ast.Ident) {
	var fields []*ast.Field
	switch t := t.(type) {
	case *ast.StructType:
		fields = t.Fields.List
	case *ast.InterfaceType:
		if doc != "" && methods(t) == 1 {
			return nil
		}
		fields = t.Methods.List
	}
	for _, field := range fields {
		for _, name := range field.Names {
			if name.IsExported() && firstOf(field.Doc,
				field.Comment) == nil && !strings.Contains(doc, name.Name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func methods(t *ast.InterfaceType) (n int) {
	for _, field := range t.Methods.List {
		n += len(field.Names)
	}
	return n
}

func firstOf(comments ...*ast.CommentGroup) *ast.CommentGroup {
	for _, c := range comments {
		if c != nil {
			return c
		}
	}
	return nil
}
