// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"errors"
	"strings"
)

// platforms are those that published modules are vetted for, and their APIs compared on. Vetting type-checks everything,
// tests included, and so finds what does not compile: a system call that is missing, a constant that is too large for an
// int.
var platforms = []string{"darwin/arm64", "linux/386", "linux/arm", "windows/amd64"}

// Isolated looks at each module alone, with the versions that its own go.mod picks instead of the workspace's,
// and on other platforms. The module of the tools itself is only built: it requires all the others, so the
// workspace's tests already ran it as it is.
func Isolated() error {
	published, err := Published()
	if err != nil {
		return err
	}
	for _, dir := range published {
		err = errors.Join(err, isolated(dir))
	}
	return errors.Join(err, tidy("tools"), tidy("tools/lint"), alone("tools", nil, "build", "./..."))
}

// isolated runs the short tests: Test ran all of them, and the only news here is how they get along with other
// versions. Without -shuffle, so that results in the test cache count.
func isolated(dir string) error {
	err := errors.Join(
		tidy(dir),
		alone(dir, nil, "build", "./..."),
		alone(dir, nil, "vet", "./..."),
		alone(dir, nil, "test", "-short", "./..."),
	)
	for _, platform := range platforms {
		goos, goarch, _ := strings.Cut(platform, "/")
		err = errors.Join(err, alone(dir, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "vet", "./..."))
	}
	return err
}

// tidy fails if go mod tidy would change go.mod or go.sum.
func tidy(dir string) error { return alone(dir, nil, "mod", "tidy", "-diff") }

// alone runs a go command in a module, outside the workspace.
func alone(dir string, env []string, args ...string) error {
	return command{env: append([]string{"GOWORK=off"}, env...), args: append([]string{"go", "-C", dir}, args...)}.run()
}
