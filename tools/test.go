// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"errors"
	"runtime"
	"sync"
)

// Test runs the tests of all modules: of the published ones each alone, with the versions that
// its own go.mod picks and that users get, and of the tools in the workspace, where the others
// are built of the highest versions that any of them wants. Race runs the short tests of all
// with those. -shuffle keeps results out of the cache: the tests really run. What go test would
// vet, Lint vets, and more: for that, all that is imported is analyzed, once more for every way
// to build it.
func Test() error {
	published, err := Published()
	if err != nil {
		return err
	}
	// First what takes longest and mostly waits, for disks, for servers, and for processes that are
	// killed: the tools, and the backends, which lead the published modules.
	tests := []command{inWorkspace()}
	for _, dir := range published {
		tests = append(tests, testAlone(dir))
	}
	return together(tests)
}

// testArgs are the arguments of go test for one of the modules that are tested beside each other.
func testArgs(packages string) []string {
	return []string{"test", "-vet=off", "-shuffle=on", "-timeout=20m", "-p=2", packages}
}

// testAlone is the command that tests a module without the others.
func testAlone(dir string) command { return goAlone(dir, testArgs("./...")...) }

// inWorkspace is the command that tests the tools.
func inWorkspace() command {
	return command{args: append([]string{"go"}, testArgs("./tools/...")...)}
}

// together runs commands, some beside each other, and goes on after one that fails.
func together(commands []command) error {
	turns := make(chan struct{}, max(3, runtime.NumCPU()))
	errs := make([]error, len(commands))
	var all sync.WaitGroup
	for i, c := range commands {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			errs[i] = c.run()
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
