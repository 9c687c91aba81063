// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package repocheck finds in the files of a repository what no compiler or linter looks for:
// missing license headers, dead links between Markdown files, code in them that does not compile
// or does not print what the document says, exported names without comments, and unfinished work.
package repocheck

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// check looks at one file of the repository. Its complaints start with the line.
type check func(repo fs.FS, name string, text []byte) []complaint

type complaint struct {
	line int
	text string
}

// Check returns everything that is wrong with the files of the repository, one error for each
// complaint.
func Check(repo fs.FS) error {
	var errs []error
	err := walk(repo, func(name string) error {
		text, err := fs.ReadFile(repo, name)
		if err != nil {
			return err
		}
		for _, check := range []check{header, links, unfinished, documented} {
			for _, c := range check(repo, name, text) {
				errs = append(errs, fmt.Errorf("%s:%d: %s", name, c.line, c.text))
			}
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// GoFiles returns the names of all Go files that people write: generated ones are left out.
func GoFiles(repo fs.FS) ([]string, error) {
	var names []string
	err := walk(repo, func(name string) error {
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(repo, name)
		if err == nil && !isGenerated(text) {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// walk calls visit for every file, except in folders that are not part of the repository's text.
func walk(repo fs.FS, visit func(name string) error) error {
	return fs.WalkDir(repo, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "bin"):
			return fs.SkipDir
		case entry.Type().IsRegular():
			return visit(name)
		}
		return nil
	})
}
