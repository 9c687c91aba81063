// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package consumer proves from outside that an application links only the modules it imports, and
// that others can write backends and formats. Nothing inside the workspace can prove that, because
// there every module finds all others. So it packs the modules as a release would, then builds and
// runs small programs in folders of their own, with an empty module cache and without the
// workspace, and looks at what was linked into them.
package consumer

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/guardkv/guardkv/tools/modproxy"
)

// Repository is what programs are built against.
type Repository struct {
	Root     string            // its folder
	Versions map[string]string // of its published modules, by folder
	Programs string            // the folder whose subfolders are the programs
	Linked   Linked            // the document that shows users what is linked; none if it has no File
}

// result is what the table shows of a combination.
type result struct {
	name   string
	linked linked
	size   int64         // of the binary
	took   time.Duration // to build it
	listed bool          // in the document for users
}

// Check builds and runs all combinations and prints a table of them. It goes on after a failure,
// and returns all of them.
func (r Repository) Check(combinations []Combination, out io.Writer) error {
	tmp, err := os.MkdirTemp("", "consumer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	packed, err := r.pack(filepath.Join(tmp, "proxy"))
	if err != nil {
		return err
	}
	var (
		results []result
		errs    []error
	)
	for _, c := range combinations {
		fmt.Fprintf(out, "%s: build and run\n", c.Name)
		result, err := r.try(c, filepath.Join(tmp, c.Name), packed)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
			continue
		}
		results = append(results, result)
	}
	errs = append(errs, printTable(out, results, packed))
	if err := errors.Join(errs...); err != nil || r.Linked.File == "" {
		return err
	}
	return r.Linked.check(results)
}

// pack packs all modules, each at its version and requiring the others at theirs.
func (r Repository) pack(proxy string) (packed, error) {
	p := packed{proxy: proxy, paths: map[string]string{}, versions: map[string]string{}}
	for dir, version := range r.Versions {
		text, err := os.ReadFile(filepath.Join(r.Root, dir, "go.mod"))
		if err != nil {
			return p, err
		}
		p.paths[dir] = modfile.ModulePath(text)
		p.versions[p.paths[dir]] = version
	}
	for _, dir := range slices.Sorted(maps.Keys(r.Versions)) {
		if _, err := modproxy.Pack(proxy, r.Root, dir, r.Versions[dir], p.versions); err != nil {
			return p, err
		}
		sums, err := os.ReadFile(filepath.Join(r.Root, dir, "go.sum"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return p, err
		}
		p.sums = append(p.sums, sums...)
	}
	return p, nil
}

// try builds and runs one combination in a new folder.
func (r Repository) try(c Combination, dir string, p packed) (result, error) {
	program, err := r.source(c)
	if err != nil {
		return result{}, err
	}
	a, err := newApp(dir, program, p)
	if err != nil {
		return result{}, err
	}
	if err := a.require(p.wanted(c.Requires)); err != nil {
		return result{}, err
	}
	built := result{name: c.Name, listed: c.listed()}
	if built.size, built.took, err = a.build(c.Tests); err != nil {
		return result{}, err
	}
	if err := errors.Join(a.vet(), a.run(c.Tests, program.prints)); err != nil {
		return result{}, err
	}
	if built.linked, err = a.linked(c.Tests); err != nil {
		return result{}, err
	}
	c.Links = p.resolve(c.Links)
	err = c.verify(built.linked)
	if !c.Tests { // the linker records no modules in tests
		err = errors.Join(err, inspect(a.binary(), built.linked))
	}
	return built, err
}
