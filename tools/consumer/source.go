// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing/fstest"
)

// source is the files of a program, and what the program prints.
type source struct {
	files  fs.FS
	prints string
}

func (s source) copyTo(dir string) error { return os.CopyFS(dir, s.files) }

// source finds the program of a combination.
func (r Repository) source(c Combination) (source, error) {
	if c.Document == "" {
		return source{os.DirFS(filepath.Join(r.Programs, c.Name)), c.Prints}, nil
	}
	text, err := os.ReadFile(filepath.Join(r.Root, c.Document))
	if err != nil {
		return source{}, err
	}
	return documented(c, string(text))
}

var (
	goBlock    = regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n")
	plainBlock = regexp.MustCompile("(?s)\n```\n(.*?)```\n")
	goGet      = regexp.MustCompile(`(?m)^go get (.*)$`)
)

// documented takes a program out of a document. Users copy all of it, so the commands must be
// right too.
func documented(c Combination, text string) (source, error) {
	program := goBlock.FindStringSubmatchIndex(text)
	if program == nil {
		return source{}, fmt.Errorf("%s has no Go program", c.Document)
	}
	printed := plainBlock.FindStringSubmatch(text[program[1]-1:])
	command := goGet.FindStringSubmatch(text)
	if printed == nil || command == nil {
		return source{}, fmt.Errorf("%s lacks what its program prints, or the line with go get",
			c.Document)
	}
	wanted := strings.Fields(command[1])
	if len(wanted) != len(c.Requires) {
		return source{}, fmt.Errorf("%s says %q, which does not get %v",
			c.Document, command[0], c.Requires)
	}
	for i, dir := range c.Requires {
		if !strings.HasSuffix(wanted[i], "/"+dir) {
			return source{}, fmt.Errorf("%s says %q, which does not get %v",
				c.Document, command[0], c.Requires)
		}
	}
	main := []byte(text[program[2]:program[3]] + "\n")
	return source{fstest.MapFS{"main.go": {Data: main, Mode: 0o644}}, printed[1]}, nil
}
