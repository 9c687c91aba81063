// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/tools/repocheck"
)

// Lint vets and lints all modules and the magefile, and checks the files of the repository and
// the code in its documents. It goes on after a complaint, to return all of them.
func Lint() error {
	root, err := Root()
	if err != nil {
		return err
	}
	bin := filepath.Join(root, "bin")
	if err := buildLinters(bin); err != nil {
		return err
	}
	staticcheck := filepath.Join(bin, "staticcheck")
	return errors.Join(
		repocheck.Check(os.DirFS(root)),
		repocheck.Code(root),
		formatted(filepath.Join(bin, "gofumpt"), root),
		run("go", "vet", "work"),
		run("go", "vet", "-tags=mage", "./magefile.go"),
		run(staticcheck, "work"),
		run(staticcheck, "-tags=mage", "./magefile.go"),
	)
}

// buildLinters builds the versions that tools/lint/go.mod pins. That module is not part of the
// workspace, or the linters' requirements would choose versions for everything else.
func buildLinters(bin string) error {
	return command{
		env:  []string{"GOWORK=off", "GOBIN=" + bin},
		args: []string{"go", "-C", "tools/lint", "install", "tool"},
	}.run()
}

// formatted passes the files by name: gofumpt leaves testdata out of the folders it walks.
func formatted(gofumpt, root string) error {
	files, err := repocheck.GoFiles(os.DirFS(root))
	if err != nil {
		return err
	}
	c := command{dir: root, args: append([]string{gofumpt, "-l"}, files...)}
	out, err := c.output()
	if err == nil && out != "" {
		err = fmt.Errorf("gofumpt would change:\n%s", out)
	}
	return err
}
