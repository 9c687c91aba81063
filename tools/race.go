// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
)

// raced are the packages of the tools in which goroutines share something. The others run
// commands and read files, one after the other: Test is enough for them.
var raced = []string{
	"./tools/bench", "./tools/demo", "./tools/lockstep", "./tools/wrapped",
}

// single are the packages of published modules that share nothing between goroutines and know no
// unsafe pointers, which the race detector checks too. Test is enough for them as well.
var single = []string{
	"core/explain",
	"core/internal/names",
	"core/shape",
	"core/shape/shapetest",
	"formats/archive/cmd/guardkv-archive",
	"formats/archive/internal/generate",
	"formats/archive/internal/generations",
	"formats/archive/internal/generations/gen1",
	"formats/archive/internal/generations/gen2",
	"formats/archive/internal/generations/gen3",
	"formats/archive/internal/schema",
}

// emulated are the packages whose tests need the emulator of Cloud Spanner. Without it they would
// only be compiled, with a client that takes the compiler longer than any engine.
var emulated = []string{"backends/spanner", "backends/spanner/spannertest"}

// hasEmulator reports whether the emulator is on PATH, or named in the environment.
func hasEmulator() bool {
	_, err := exec.LookPath("emulator_main")
	return err == nil || os.Getenv("GUARDKV_SPANNER_EMULATOR") != ""
}

// Race runs the tests of the published modules, and of what runs them in many goroutines, under
// the race detector, which makes them ten times slower. All of them are built of the versions of
// the workspace. -short leaves out what one goroutine does alone and Test has run: repetitions,
// damage of many kinds, and what core promises once more behind a backend that spoils its bytes.
// It leaves out backends/spanner unless the emulator is on PATH or in GUARDKV_SPANNER_EMULATOR.
// Files with the build constraint !race hold tests of one goroutine too, whose many types take the
// compiler long, and those that count allocations.
func Race() error {
	packages, err := racedPackages()
	if err != nil {
		return err
	}
	args := []string{
		"go", "test", "-vet=off", "-race", "-short", "-shuffle=on", "-timeout=20m", beside(),
	}
	return run(append(args, packages...)...)
}

// racedPackages returns the packages that Race tests, as arguments of go test.
func racedPackages() ([]string, error) {
	published, err := Published()
	if err != nil {
		return nil, err
	}
	list := []string{"go", "list"}
	for _, dir := range published {
		list = append(list, "./"+dir+"/...")
	}
	root, err := Root()
	if err != nil {
		return nil, err
	}
	out, err := command{dir: root, args: list}.output()
	if err != nil {
		return nil, err
	}
	packages, without := strings.Fields(out), single
	if !hasEmulator() {
		without = slices.Concat(single, emulated)
	}
	for _, dir := range without {
		i := slices.Index(packages, path.Join("github.com/guardkv/guardkv", dir))
		if i < 0 {
			return nil, fmt.Errorf("there is no package %s, which is not to be raced", dir)
		}
		packages = slices.Delete(packages, i, i+1)
	}
	// the tools first: one of them at the end would use one processor alone
	return slices.Concat(raced, packages), nil
}

// beside has at least four packages tested beside each other, because the tests of servers
// mostly wait.
func beside() string { return fmt.Sprintf("-p=%d", max(4, runtime.NumCPU())) }
