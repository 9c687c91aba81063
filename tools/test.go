// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"runtime"
)

// Test runs the tests of all modules. -shuffle keeps results out of the cache: the tests really
// run. What go test would vet, Lint vets, and more: for that, all that is imported is analyzed,
// once more for every way to build it.
func Test() error {
	return run("go", "test", "-vet=off", "-shuffle=on", "-timeout=20m", beside(), "work")
}

// beside has at least four packages tested beside each other, because the tests of servers
// mostly wait.
func beside() string { return fmt.Sprintf("-p=%d", max(4, runtime.NumCPU())) }

// raced are the packages of the tools in which goroutines share something. The others run
// commands and read files, one after the other: Test is enough for them.
var raced = []string{
	"./tools/bench", "./tools/demo", "./tools/lockstep", "./tools/wrapped",
}

// Race runs the tests of all published modules, and of what runs them in many goroutines, under
// the race detector, which makes them ten times slower. -short takes fewer repetitions of what
// one goroutine does.
func Race() error {
	args := []string{
		"go", "test", "-vet=off", "-race", "-short", "-shuffle=on", "-timeout=20m", beside(),
	}
	published, err := Published()
	if err != nil {
		return err
	}
	for _, dir := range published {
		args = append(args, "./"+dir+"/...")
	}
	return run(append(args, raced...)...)
}
