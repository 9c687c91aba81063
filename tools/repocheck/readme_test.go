// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Until the modules are published, a workspace is all that a reader has. The command must name
// every module of ours that the program needs, and the new module must lack nothing.
func TestProgramRunsInTheWorkspaceThatTheReadmeSays(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	clone, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^go work init (.*)$`).FindStringSubmatch(text)
	programs := programsOf("README.md", text)
	if line == nil || len(programs) == 0 {
		t.Fatal("the README does not say how to make a workspace, or has no program")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(programs[0].text),
		0o644); err != nil {
		t.Fatal(err)
	}
	var printed []byte
	for _, args := range [][]string{
		{"mod", "init", "example.org/people"},
		append([]string{"work", "init"},
			strings.Fields(strings.ReplaceAll(line[1], "../guardkv", clone))...),
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
	if string(printed) != programs[0].prints {
		t.Errorf("the program printed\n%s\nand the README says\n%s", printed, programs[0].prints)
	}
}
