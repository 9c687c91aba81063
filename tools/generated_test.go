// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The code that the generator of formats/archive made for the tools is committed, so it has to be
// made again when the generator or a type changes. The generator's own module checks its own.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	const generator = "github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive"
	program := filepath.Join(t.TempDir(), "guardkv-archive.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, generator)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	directive := regexp.MustCompile(`(?m)^//go:generate go run ` + generator + ` -type (\S+)$`)
	checked := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "testdata" && d.IsDir() {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, types := range directive.FindAllStringSubmatch(string(source), -1) {
			checked++
			check := exec.CommandContext(t.Context(), program,
				"-check", "-dir", filepath.Dir(path), "-type", types[1])
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", path, err, out)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked == 0 {
		t.Error("nothing was checked")
	}
}
