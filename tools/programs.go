// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"time"
)

// Demo runs the demonstration program. A nil argument leaves the choice to the program.
func Demo(backend, format, keep *string) error {
	args := []string{"go", "run", "./tools/cmd/demo"}
	args = appendFlag(args, "backend", backend)
	args = appendFlag(args, "format", format)
	return run(appendFlag(args, "keep", keep)...)
}

// Bench runs the benchmark program. A nil argument leaves the choice to the program.
func Bench(short *bool, only, dir *string) error {
	args := []string{"go", "run", "./tools/cmd/bench"}
	args = appendFlag(args, "short", short)
	args = appendFlag(args, "run", only)
	return run(appendFlag(args, "dir", dir)...)
}

// Soak runs random programs on all backends for the given time. A nil argument leaves the choice to the program.
func Soak(length *time.Duration) error {
	return run(appendFlag([]string{"go", "run", "./tools/cmd/soak"}, "time", length)...)
}

// appendFlag appends -name=value if a value was given.
func appendFlag[T any](args []string, name string, value *T) []string {
	if value == nil {
		return args
	}
	return append(args, fmt.Sprintf("-%s=%v", name, *value))
}
