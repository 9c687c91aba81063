// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/tools/typecheck"
)

// platforms are those that the types of published modules are checked for, tests included, and
// their APIs compared on. That finds what does not compile: a system call that is missing, a
// constant that is too large for an int.
var platforms = []string{"darwin/arm64", "linux/386", "linux/arm", "windows/amd64"}

// Isolated builds each module alone, with the versions that its own go.mod picks instead of the
// workspace's, and checks its types on other platforms. Test runs its tests with those versions.
// The module of the tools itself is only built: it requires all the others, so it is the same
// within the workspace.
func Isolated() error {
	published, err := Published()
	if err != nil {
		return err
	}
	for _, dir := range published {
		err = errors.Join(err, tidy(dir), alone(dir, "build", "./..."))
	}
	for _, platform := range platforms {
		err = errors.Join(err, compiles(platform, published))
	}
	return errors.Join(err, tidy("tools"), tidy("tools/lint"), tidy("tools/etcd"),
		alone("tools", "build", "./..."))
}

// compiles returns an error if one of the modules, alone, does not compile on a platform.
func compiles(platform string, dirs []string) error {
	goos, goarch, _ := strings.Cut(platform, "/")
	checker, err := typecheck.New(goarch)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		err = errors.Join(err, compilesModule(checker, goos, goarch, dir))
	}
	return err
}

func compilesModule(checker *typecheck.Checker, goos, goarch, dir string) error {
	list := command{
		env:  []string{"GOWORK=off", "CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch},
		args: append(append([]string{"go", "-C", dir, "list"}, typecheck.Flags...), "./..."),
	}
	out, err := list.output()
	if err != nil {
		return err
	}
	n, err := checker.Check(strings.NewReader(out))
	if err == nil && n == 0 {
		err = errors.New("no package found") // a check that looks at nothing must not pass
	}
	if err != nil {
		return fmt.Errorf("%s on %s/%s: %w", dir, goos, goarch, err)
	}
	fmt.Printf("%s compiles on %s/%s: %d packages\n", dir, goos, goarch, n)
	return nil
}

// tidy fails if go mod tidy would change go.mod or go.sum.
func tidy(dir string) error { return alone(dir, "mod", "tidy", "-diff") }

// alone runs a go command in a module, outside the workspace.
func alone(dir string, args ...string) error { return goAlone(dir, args...).run() }

// goAlone is a go command in a module, outside the workspace.
func goAlone(dir string, args ...string) command {
	return command{
		env:  []string{"GOWORK=off"},
		args: append([]string{"go", "-C", dir}, args...),
	}
}
