// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import "strings"

// platforms are those that published modules are vetted for. Vetting type-checks everything, tests included, and
// so finds what does not compile: a system call that is missing, a constant that is too large for an int.
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
		if err := isolated(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{"tools", "tools/lint"} {
		if err := tidy(dir); err != nil {
			return err
		}
	}
	return alone("tools", nil, "build", "./...")
}

// isolated tests without -shuffle, so that a result in the test cache counts: what changed is run, once.
func isolated(dir string) error {
	if err := tidy(dir); err != nil {
		return err
	}
	for _, verb := range []string{"build", "vet", "test"} {
		if err := alone(dir, nil, verb, "./..."); err != nil {
			return err
		}
	}
	for _, platform := range platforms {
		goos, goarch, _ := strings.Cut(platform, "/")
		if err := alone(dir, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "vet", "./..."); err != nil {
			return err
		}
	}
	return nil
}

// tidy fails if go mod tidy would change go.mod or go.sum.
func tidy(dir string) error { return alone(dir, nil, "mod", "tidy", "-diff") }

// alone runs a go command in a module, outside the workspace.
func alone(dir string, env []string, args ...string) error {
	return command{env: append([]string{"GOWORK=off"}, env...), args: append([]string{"go", "-C", dir}, args...)}.run()
}
