// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// program is a block of Go that is complete: it can be run or, if it has tests, be tested.
type program struct {
	block
	tests  bool
	prints string // what the document says that it prints
	says   bool   // whether it says so
}

// Programs runs every complete program in the Markdown files of the repository at root, each in an
// empty folder. The document must say what it prints, in a block without a language before the
// next program. A block with tests is tested.
func Programs(root string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	programs, err := programsIn(os.DirFS(root))
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "programs")
	if err != nil {
		return err
	}
	errs := []error{nil}
	for n, p := range programs {
		dir := filepath.Join(temp, fmt.Sprint(n))
		if err := p.try(dir, root); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", p.file, p.line, err))
		}
	}
	return errors.Join(append(errs, os.RemoveAll(temp))...)
}

func programsIn(repo fs.FS) (programs []program, err error) {
	err = walk(repo, func(name string) error {
		if path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(repo, name)
		if err == nil {
			programs = append(programs, programsOf(name, string(text))...)
		}
		return err
	})
	return programs, err
}

// programsOf returns the programs of a document: a main package, or a file with tests.
func programsOf(name, text string) (programs []program) {
	fence, current := "", block{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		trimmed := strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(trimmed, "```"):
			fence, current = trimmed, block{name, n + 1, ""}
		case fence != "" && trimmed == "```":
			programs = withBlock(programs, fence, current)
			fence = ""
		case fence != "":
			current.text += line
		}
	}
	return programs
}

func withBlock(programs []program, fence string, b block) []program {
	last := len(programs) - 1
	switch {
	case fence == "```go" && strings.HasPrefix(b.text, "package main\n"):
		return append(programs, program{block: b})
	case fence == "```go" && strings.HasPrefix(b.text, "package ") && strings.Contains(b.text, "\nfunc Test"):
		return append(programs, program{block: b, tests: true})
	case fence == "```" && last >= 0 && !programs[last].says:
		programs[last].prints, programs[last].says = b.text, true
	}
	return programs
}

// try builds a program with the modules of the repository, all of which the tools require, and
// runs it in dir.
func (p program) try(dir, root string) error {
	empty := filepath.Join(dir, "empty")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		return err
	}
	file, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "main.exe")
	build := []string{"build", "-o", binary, file}
	if p.tests {
		file = filepath.Join(dir, "main_test.go")
		build = []string{"test", "-c", "-o", binary, file}
	}
	if err := os.WriteFile(file, []byte(p.text), 0o644); err != nil {
		return err
	}
	cmd := exec.Command("go", build...)
	cmd.Dir = filepath.Join(root, "tools")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	cmd = exec.Command(binary)
	cmd.Dir = empty
	out, err := cmd.CombinedOutput()
	return p.judge(string(out), err)
}

func (p program) judge(out string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%w\n%s", err, out)
	case p.tests:
		return nil
	case !p.says:
		return errors.New("the document does not say what the program prints")
	case out != p.prints:
		return fmt.Errorf("the program prints\n%s\nand the document says\n%s", out, p.prints)
	}
	return nil
}
