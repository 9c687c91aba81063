// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// fuzzed is a package with fuzz targets.
type fuzzed struct {
	ImportPath, Dir           string
	TestGoFiles, XTestGoFiles []string
	targets                   []string
	program                   string // its tests, built for the fuzzer
	err                       error  // of building it
}

// Fuzz runs every fuzz target of all published modules one after another, each for the given
// time, 30s if nil. It builds the test program of a package once for all of its targets, where
// go test would do so for each of them, and builds the next program meanwhile. In less than
// five seconds a target runs its seeds, what was found before, and random changes of them,
// unguided by coverage. The targets of the tools are left out. They were generated for the
// tools' records, as they are for other records of formats/archive, and with them every engine
// would be compiled for the fuzzer.
func Fuzz(each *time.Duration) error {
	fuzztime := 30 * time.Second
	if each != nil {
		fuzztime = *each
	}
	published, err := Published()
	if err != nil {
		return err
	}
	args := []string{"go", "list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"}
	for _, dir := range published {
		args = append(args, "./"+dir+"/...")
	}
	list, err := command{args: args}.output()
	if err != nil {
		return err
	}
	packages, err := findFuzzed(list)
	if err != nil {
		return err
	}
	cache, err := command{args: []string{"go", "env", "GOCACHE"}}.output()
	if err != nil {
		return err
	}
	bin, err := os.MkdirTemp("", "guardkv-fuzz-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	for p := range built(packages, bin, fuzztime) {
		err = errors.Join(err, p.err)
		if p.err == nil {
			found := filepath.Join(strings.TrimSpace(cache), "fuzz")
			err = errors.Join(err, p.run(found, fuzztime), os.Remove(p.program))
		}
	}
	return err
}

// built builds the test programs in a folder, one after the other and one ahead of what is
// received.
func built(packages []fuzzed, bin string, each time.Duration) <-chan *fuzzed {
	ready := make(chan *fuzzed)
	go func() {
		defer close(ready)
		for i := range packages {
			p := &packages[i]
			p.program = filepath.Join(bin, fmt.Sprintf("test%d.exe", i))
			p.err = command{
				// alone, as Test does: so the tests are compiled already
				dir: p.Dir, env: []string{"GOWORK=off"},
				args: buildArgs(p.ImportPath, p.program, each),
			}.run()
			ready <- p
		}
	}()
	return ready
}

// guided is the least time for which guiding a target by what its inputs reach is worth it. For
// that, everything it imports is compiled once more, which takes minutes.
const guided = 5 * time.Second

// buildArgs returns the command that builds the test program of a package.
func buildArgs(pkg, program string, each time.Duration) []string {
	args := []string{"go", "test", "-vet=off", "-c", "-o", program}
	if each >= guided {
		args = append(args, "-fuzz=.")
	}
	return append(args, pkg)
}

// minimize limits the effort of making an input smaller. Without it, a target that does not
// take the same path each time, such as one that reads files, spends all of its time on that.
const minimize = "-test.fuzzminimizetime=10x"

// run runs the targets of a package, up to the first that fails. What they find interesting is
// where go test looks for it.
func (p *fuzzed) run(cache string, each time.Duration) error {
	for _, target := range p.targets {
		c := command{dir: p.Dir, args: []string{
			p.program, "-test.paniconexit0", "-test.run=^$", "-test.fuzz=^" + target + "$",
			"-test.fuzztime=" + each.String(), minimize,
			"-test.fuzzcachedir=" + filepath.Join(cache, filepath.FromSlash(p.ImportPath)),
		}}
		out, err := c.show()
		for tries := 1; err != nil && ranOut(out) && tries < 3; tries++ {
			out, err = c.show()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ranOut reports whether a target failed only because its time was over, which go test before
// 1.27 now and then takes for a failure (https://go.dev/issue/75804). Such a target gets
// two more tries.
func ranOut(out string) bool {
	_, after, failed := strings.Cut(out, "--- FAIL: ")
	_, after, _ = strings.Cut(after, "\n")
	return failed && after == "    context deadline exceeded\nFAIL\n"
}

// findFuzzed finds the targets in the packages that go list -json printed. Finding none is an
// error: a check that looks at nothing must not pass.
func findFuzzed(list string) ([]fuzzed, error) {
	var all []fuzzed
	for d := json.NewDecoder(strings.NewReader(list)); ; {
		var p fuzzed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF) && len(all) == 0:
			return nil, errors.New("no fuzz target found")
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("go list -json: %w", err)
		}
		if err := p.find(); err != nil {
			return nil, err
		}
		if len(p.targets) > 0 {
			all = append(all, p)
		}
	}
}

// find looks for targets in the sources: to ask the test programs, all of them would have to be
// linked.
func (p *fuzzed) find() error {
	for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil,
			parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && isTarget(f.Name.Name) {
				p.targets = append(p.targets, f.Name.Name)
			}
		}
	}
	return nil
}

// isTarget reports whether go test takes a function of this name for a fuzz target.
func isTarget(name string) bool {
	rest, ok := strings.CutPrefix(name, "Fuzz")
	first, _ := utf8.DecodeRuneInString(rest)
	return ok && (rest == "" || !unicode.IsLower(first))
}
