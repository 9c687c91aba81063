// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

// Test runs the tests of all modules. -shuffle keeps results out of the cache: the tests really
// run. What go test would vet, Lint vets, and more: for that, all that is imported is analyzed,
// once more for every way to build it.
func Test() error { return run("go", "test", "-vet=off", "-shuffle=on", "work") }

// Race runs the tests of all modules under the race detector, which makes them ten times
// slower. -short takes fewer repetitions of what one goroutine does.
func Race() error {
	return run("go", "test", "-vet=off", "-race", "-short", "-shuffle=on", "-timeout=20m", "work")
}
