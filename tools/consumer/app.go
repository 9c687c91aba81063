// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/guardkv/guardkv/tools/modproxy"
)

// app is a module outside the workspace: a folder, and the environment in which go finds the
// packed modules.
type app struct {
	dir string
	env []string
}

// newApp makes a module of a copy of the program. Its go.sum starts with the sums of the
// repository: what is downloaded for it must be what the modules were tested with.
func newApp(dir string, program source, p packed) (app, error) {
	a := app{dir: filepath.Join(dir, "app")}
	var err error
	if a.env, err = modproxy.Environment(p.proxy, filepath.Join(dir, "modcache"),
		p.own()); err != nil {
		return a, err
	}
	if err := program.copyTo(a.dir); err != nil {
		return a, err
	}
	if _, err := a.command("go", "mod", "init", "outside.test/"+filepath.Base(dir)); err != nil {
		return a, err
	}
	return a, os.WriteFile(filepath.Join(a.dir, "go.sum"), p.sums, 0o644)
}

// require adds the modules to go.mod.
func (a app) require(versions []string) error {
	_, err := a.command(append([]string{"go", "get"}, versions...)...)
	return err
}

// build builds the program, or the tests of the package. It returns the size of the binary, and
// the time it took.
func (a app) build(tests bool) (size int64, took time.Duration, err error) {
	args := []string{"go", "build", "-o", a.binary(), "."}
	if tests {
		args = []string{"go", "test", "-c", "-o", a.binary(), "."}
	}
	start := time.Now()
	if _, err := a.command(args...); err != nil {
		return 0, 0, err
	}
	took = time.Since(start)
	binary, err := os.Stat(a.binary())
	if err != nil {
		return 0, 0, err
	}
	return binary.Size(), took, nil
}

// vet vets the program and its tests.
func (a app) vet() error {
	_, err := a.command("go", "vet", ".")
	return err
}

// run runs the tests in their folder, or the program in an empty one, and compares what it prints.
func (a app) run(tests bool, prints string) error {
	if tests {
		_, err := a.command(a.binary())
		return err
	}
	elsewhere := app{dir: a.dir + "-run", env: a.env}
	if err := os.Mkdir(elsewhere.dir, 0o755); err != nil {
		return err
	}
	out, err := elsewhere.command(a.binary())
	if err == nil && out != prints {
		err = fmt.Errorf("it printed %q, not %q", out, prints)
	}
	return err
}

// linked is what a binary consists of, besides its own module.
type linked struct {
	modules  []string // paths, sorted
	packages []string // import paths, those of the standard library included
}

// linked asks go list what the program, or the tests of the package, consist of.
func (a app) linked(tests bool) (linked, error) {
	const format = "{{.ImportPath}}\t{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}"
	out, err := a.command("go", "list", "-deps", fmt.Sprintf("-test=%t", tests), "-f", format, ".")
	var l linked
	for line := range strings.Lines(out) {
		pkg, mod, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		l.packages = append(l.packages, pkg)
		if mod != "" {
			l.modules = append(l.modules, mod)
		}
	}
	slices.Sort(l.modules)
	l.modules = slices.Compact(l.modules)
	return l, err
}

// inspect compares what go list said of a program with what its binary says, which is what go
// version -m prints.
func inspect(binary string, l linked) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	var noted []string
	for _, mod := range info.Deps {
		noted = append(noted, mod.Path)
	}
	slices.Sort(noted)
	if !slices.Equal(noted, l.modules) {
		return fmt.Errorf("the binary records the modules %v, but go list -deps says %v",
			noted, l.modules)
	}
	return nil
}

func (a app) binary() string { return filepath.Join(a.dir, "app.exe") }

// command runs a command in the folder and returns what it printed. What it complains about is
// in the error.
func (a app) command(args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), a.env...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w\n%s%s", err, out, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
