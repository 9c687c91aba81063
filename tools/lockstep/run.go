// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Backend is a backend that programs run on.
type Backend struct {
	Name string
	New  func() core.Backend // a fresh one for each run
}

// Failure is a program that showed a difference.
type Failure struct {
	Seed    uint64
	Program Program // shortened
	Err     error   // the difference
}

// Error shows all that is needed to look into it.
func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d: %v\nthe program, shortened to %d operations:\n%s",
		f.Seed, f.Err, len(f.Program), f.Program)
}

// Unwrap returns the difference.
func (f *Failure) Unwrap() error { return f.Err }

// Verify makes a program of n operations from a seed and runs it on all backends and the model. It
// returns a *Failure if they differ.
func Verify(seed uint64, n int, backends []Backend) error {
	p := Generate(seed, n)
	if p.Run(backends) == nil {
		return nil
	}
	p = p.Shrink(func(p Program) bool { return p.Run(backends) != nil })
	err := p.Run(backends)
	if err == nil {
		err = errors.New("it failed only sometimes")
	}
	return &Failure{seed, p, err}
}

// Run runs a program on all backends and the model, operation by operation, and returns the
// first difference.
func (p Program) Run(backends []Backend) (err error) {
	dir, err := os.MkdirTemp("", "lockstep-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var machines []*machine
	defer func() {
		for _, m := range machines {
			m.abandon()
		}
	}()
	for _, b := range backends {
		m := &machine{name: b.Name, backend: b.New(), place: filepath.Join(dir, b.Name)}
		machines = append(machines, m)
		if err := m.open(false); err != nil {
			return fmt.Errorf("%s: %w", b.Name, err)
		}
	}
	plain := newModel()
	for i, o := range append(p[:len(p):len(p)], Op{Verb: Check}, Op{Verb: Reopen}) {
		if err := step(o, plain, machines); err != nil {
			return fmt.Errorf("operation %d, %s: %w", i, o, err)
		}
	}
	return nil
}

// step runs one operation everywhere.
func step(o Op, plain *model, machines []*machine) error {
	want, err := show(o, plain)
	if err != nil {
		return fmt.Errorf("the model: %w", err)
	}
	for _, m := range machines {
		if err := m.swap(); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		got, err := show(o, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if got != want {
			return fmt.Errorf("%s differs from the model:\n%s", m.name, difference(got, want))
		}
		if !bytes.Equal(m.saved, machines[0].saved) {
			return fmt.Errorf("the backups of %s and %s differ", m.name, machines[0].name)
		}
	}
	return nil
}

// show runs an operation in a world and returns what it shows.
func show(o Op, w world) (text string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	in := interpreter{world: w}
	return in.run(o), nil
}

// difference shows the first lines that differ.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	return fmt.Sprintf("\tline %d\n\tgot  %s\n\twant %s", i, line(g, i), line(w, i))
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// Text runs a program on one backend alone and returns all that it shows.
func (p Program) Text(b Backend) (string, error) {
	dir, err := os.MkdirTemp("", "lockstep-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	m := &machine{name: b.Name, backend: b.New(), place: filepath.Join(dir, b.Name)}
	defer m.abandon()
	if err := m.open(false); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, o := range p {
		text, err := show(o, m)
		if err != nil {
			return out.String(), err
		}
		fmt.Fprintf(&out, "%s\n%s", o, text)
	}
	return out.String(), nil
}
