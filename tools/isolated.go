// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/tools/typecheck"
)

// platforms are those that the types of published modules are checked for, tests included, and
// their APIs compared on. That finds what does not compile: a system call that is missing, a
// constant that is too large for an int.
var platforms = []string{"darwin/arm64", "linux/386", "linux/arm", "windows/amd64"}

// Isolated looks at each module alone, with the versions that its own go.mod picks instead of
// the workspace's, and on other platforms. The module of the tools itself is only built: it
// requires all the others, so the workspace's tests already ran it as it is.
func Isolated() error {
	published, err := Published()
	if err != nil {
		return err
	}
	var others []string
	for _, dir := range published {
		other, failed := isolated(dir)
		if other {
			others = append(others, dir)
		}
		err = errors.Join(err, failed)
	}
	tested := make(chan error, 1)
	go func() { tested <- testAlone(others) }()
	for _, platform := range platforms {
		err = errors.Join(err, compiles(platform, published))
	}
	return errors.Join(err, tidy("tools"), tidy("tools/lint"), tidy("tools/etcd"),
		alone("tools", "build", "./..."), <-tested)
}

// isolated builds a module alone, and vets it if it is built of other versions than in the
// workspace, which other reports. Lint and Test looked at it with those, so if they are the same
// there is nothing else to prove. If not, the news is how the module gets along with the versions
// of its own go.mod: that its short tests tell.
func isolated(dir string) (other bool, err error) {
	err = errors.Join(tidy(dir), alone(dir, "build", "./..."))
	own, errOwn := selected(dir, "GOWORK=off")
	workspace, errWorkspace := selected(dir)
	if errOwn == nil && errWorkspace == nil && slices.Equal(own, workspace) {
		fmt.Printf("%s is built of the same versions as in the workspace, where its tests ran\n",
			dir)
		return false, err
	}
	return true, errors.Join(err, errOwn, errWorkspace, alone(dir, "vet", "./..."))
}

// testAlone runs the short tests of modules, each alone, some beside each other: those of servers
// mostly wait. Without -shuffle, so that results in the test cache count.
func testAlone(dirs []string) error {
	turns := make(chan struct{}, max(3, runtime.NumCPU()))
	errs := make([]error, len(dirs))
	var all sync.WaitGroup
	for i, dir := range dirs {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			errs[i] = alone(dir, "test", "-vet=off", "-short", "./...")
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// selected returns the modules that a module and its tests are built of, each with its version,
// without those of this repository.
func selected(dir string, env ...string) ([]string, error) {
	const format = `{{with .Module}}{{.Path}} {{.Version}}{{with .Replace}} => {{.Path}} {{.Version}}{{end}}{{end}}`
	out, err := command{
		env:  env,
		args: []string{"go", "-C", dir, "list", "-deps", "-test", "-f", format, "./..."},
	}.output()
	if err != nil {
		return nil, err
	}
	lines := slices.DeleteFunc(strings.Split(out, "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "github.com/guardkv/guardkv/")
	})
	slices.Sort(lines)
	return slices.Compact(lines), nil
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
func alone(dir string, args ...string) error {
	return command{
		env:  []string{"GOWORK=off"},
		args: append([]string{"go", "-C", dir}, args...),
	}.run()
}
