// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// One command that fails neither stops the others nor goes unnoticed.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) command {
		return command{
			dir: dir, args: []string{"go", "env", "-w", "GOPRIVATE=" + name},
			env: []string{"GOENV=" + filepath.Join(dir, name)},
		}
	}
	var commands []command
	var names []string
	for _, name := range strings.Split("abcdefgh", "") {
		commands, names = append(commands, write(name)), append(names, name)
	}
	broken := []command{
		{args: []string{"go", "no-such-command"}}, {args: []string{"go", "no-other-command"}},
	}
	err := together(slices.Insert(commands, 1, broken...))
	for _, c := range broken {
		if err == nil || !strings.Contains(err.Error(), c.String()) {
			t.Errorf("got error %v, want one that names %s", err, c)
		}
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s did not run: %v", name, err)
		}
	}
	if err := together(commands); err != nil {
		t.Error(err)
	}
}

// A module is tested with the versions that its users get.
func TestTestAlone(t *testing.T) {
	c := testAlone("backends/etcd")
	if !slices.Contains(c.env, "GOWORK=off") || !slices.Contains(c.args, "backends/etcd") ||
		!slices.Contains(c.args, "./...") {
		t.Errorf("backends/etcd is tested by %s", c)
	}
}
