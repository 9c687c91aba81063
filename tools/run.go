// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// command is a program to run, in a folder and with variables added to the environment.
type command struct {
	dir  string // "" is the root
	env  []string
	args []string
}

// run runs a program in the root.
func run(args ...string) error { return command{args: args}.run() }

// run prints the command and runs it; its output is shown as it comes.
func (c command) run() error {
	fmt.Println("$", c)
	cmd := c.cmd()
	cmd.Stdout = os.Stdout
	return c.wrap(cmd.Run())
}

// show is run, and also returns the output.
func (c command) show() (string, error) {
	fmt.Println("$", c)
	var out strings.Builder
	cmd := c.cmd()
	cmd.Stdout = io.MultiWriter(os.Stdout, &out)
	err := cmd.Run()
	return out.String(), c.wrap(err)
}

// output runs the command and returns what it printed.
func (c command) output() (string, error) {
	out, err := c.cmd().Output()
	return string(out), c.wrap(err)
}

func (c command) cmd() *exec.Cmd {
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stderr = os.Stderr
	return cmd
}

func (c command) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	return nil
}

// String formats the command the way it would be typed.
func (c command) String() string {
	line := strings.Join(append(c.env[:len(c.env):len(c.env)], c.args...), " ")
	if c.dir != "" {
		line = fmt.Sprintf("(cd %s && %s)", c.dir, line)
	}
	return line
}
