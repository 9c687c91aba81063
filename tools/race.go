// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"runtime"
)

// raced are the packages of the tools in which goroutines share something. The others run
// commands and read files, one after the other: Test is enough for them.
var raced = []string{
	"./tools/bench", "./tools/demo", "./tools/lockstep", "./tools/wrapped",
}

// Race runs the tests of all published modules, and of what runs them in many goroutines, under
// the race detector, which makes them ten times slower. All of them are built of the versions of
// the workspace. -short leaves out what one goroutine does alone and Test has run: repetitions,
// damage of many kinds, and what core promises once more behind a backend that spoils its bytes.
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

// beside has at least four packages tested beside each other, because the tests of servers
// mostly wait.
func beside() string { return fmt.Sprintf("-p=%d", max(4, runtime.NumCPU())) }
