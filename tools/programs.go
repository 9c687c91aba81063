// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"time"
)

// Demo runs the demonstration program. A nil argument leaves the choice to the program.
func Demo(backend, format, keep, url *string) error {
	args := []string{"go", "run", "./tools/cmd/demo"}
	args = appendFlag(args, "backend", backend)
	args = appendFlag(args, "url", url)
	args = appendFlag(args, "format", format)
	return run(appendFlag(args, "keep", keep)...)
}

// BenchFlags are the flags of the benchmark program. A nil one leaves the choice to the program.
type BenchFlags struct {
	Short             *bool
	Run, Dir          *string
	JSON, HTML        *string
	Size, Rows, Reads *int
}

// Bench runs the benchmark program.
func Bench(f BenchFlags) error {
	args := []string{"go", "run", "./tools/cmd/bench"}
	args = appendFlag(args, "short", f.Short)
	args = appendFlag(args, "run", f.Run)
	args = appendFlag(args, "dir", f.Dir)
	args = appendFlag(args, "json", f.JSON)
	args = appendFlag(args, "html", f.HTML)
	args = appendFlag(args, "size", f.Size)
	args = appendFlag(args, "rows", f.Rows)
	return run(appendFlag(args, "reads", f.Reads)...)
}

// Gate fails if an operation allocates more than it did, or takes far longer beside the engine
// by hand.
func Gate() error { return run("go", "run", "./tools/cmd/bench", "-gate") }

// Soak runs random programs on all backends for the given time. A nil argument leaves the
// choice to the program.
func Soak(length *time.Duration) error {
	return run(appendFlag([]string{"go", "run", "./tools/cmd/soak"}, "time", length)...)
}

// Histories checks random histories of shared storages for the given time. A nil argument leaves
// the choice to the program.
func Histories(length *time.Duration) error {
	return run(appendFlag([]string{"go", "run", "./tools/cmd/histories"}, "time", length)...)
}

// Cluster makes servers of the engines fail for the given time, and checks what their clients were
// told. A nil argument leaves the choice to the program.
func Cluster(length *time.Duration, engine *string) error {
	args := appendFlag([]string{"go", "run", "./tools/cmd/cluster"}, "time", length)
	return run(appendFlag(args, "engine", engine)...)
}

// appendFlag appends -name=value if a value was given.
func appendFlag[T any](args []string, name string, value *T) []string {
	if value == nil {
		return args
	}
	return append(args, fmt.Sprintf("-%s=%v", name, *value))
}
