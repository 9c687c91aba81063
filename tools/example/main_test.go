// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readme returns the README's first Go program.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```go\n")
	program, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no Go program")
	}
	return program
}

func TestReadmeShowsThisProgram(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(source), "package main\n")
	if got := readme(t); got != "package main\n"+program {
		t.Errorf("the README's program is not that of main.go:\n%s", got)
	}
}

func TestProgramPrintsWhatTheReadmeSays(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	out := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stdout := os.Stdout
	os.Stdout = f
	err = run(t.Context())
	os.Stdout = stdout
	if err != nil {
		t.Fatal(err)
	}
	printed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "```\n"+string(printed)+"```") {
		t.Errorf("the README does not show what the program prints:\n%s", printed)
	}
}

// Until the modules are published, a workspace is all that a reader has. The command must name every module of ours that
// the program needs, and nothing may be missing in the new module.
func TestProgramRunsInTheWorkspaceThatTheReadmeSays(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	clone, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^go work init (.*)$`).FindStringSubmatch(string(text))
	if line == nil {
		t.Fatal("the README does not say how to make a workspace")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(readme(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	var printed []byte
	for _, args := range [][]string{
		{"mod", "init", "example.org/people"},
		append([]string{"work", "init"}, strings.Fields(strings.ReplaceAll(line[1], "../guardkv", clone))...),
		{"run", "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=")
		var complaints strings.Builder
		cmd.Stderr = &complaints
		if printed, err = cmd.Output(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
		}
	}
	if !strings.Contains(string(text), "```\n"+string(printed)+"```") {
		t.Errorf("the program printed\n%s", printed)
	}
}
