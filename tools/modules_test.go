// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/guardkv/guardkv/tools/consumer"
	"github.com/guardkv/guardkv/tools/modules"
	"github.com/guardkv/guardkv/tools/release"
)

// No test would run in a module that go.work does not name.
func TestModulesAreAllOfThem(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		dir := path.Dir(name)
		outside := dir == "tools/lint" || dir == "tools/etcd" // see buildLinters and Servers
		if path.Base(name) == "go.mod" && !outside {
			want = append(want, dir)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Modules()
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the workspace has the modules %v, the repository %v (error %v)", got, want, err)
	}
}

func TestEveryPublishedModuleHasAConsumer(t *testing.T) {
	published, err := Published()
	if err != nil || slices.Contains(published, "tools") {
		t.Fatalf("got %v, %v", published, err)
	}
	all, err := consumer.Combinations(filepath.Join("consumer", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range published {
		uses := func(c consumer.Combination) bool { return slices.Contains(c.Links, dir) }
		if !slices.ContainsFunc(all, uses) {
			t.Errorf("no combination in tools/consumer links %s", dir)
		}
	}
}

func TestEveryPublishedModuleHasAVersion(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	published, err := Published()
	if err != nil {
		t.Fatal(err)
	}
	versions, err := release.ReadVersions(root)
	if got := slices.Sorted(maps.Keys(versions)); err != nil || !slices.Equal(got,
		slices.Sorted(slices.Values(published))) {
		t.Errorf("%s names %v, the workspace has %v (error %v)",
			release.VersionsFile, got, published, err)
	}
}

// The demonstration, the benchmarks and the tests in lockstep take all engines and formats from
// one table. A module that is missing there would be missing in all of them, without a failing
// test.
func TestEveryModuleIsInTheTable(t *testing.T) {
	var table []string
	for _, e := range modules.Engines {
		table = append(table, "backends/"+e.Name)
	}
	for _, s := range modules.Servers {
		table = append(table, "backends/"+s.Name)
	}
	for _, name := range modules.Apart {
		table = append(table, "backends/"+name)
	}
	for _, f := range modules.Formats {
		table = append(table, "formats/"+f.Name)
	}
	for _, name := range modules.Wrappers {
		table = append(table, "formats/"+name)
	}
	published, err := Published()
	if err != nil {
		t.Fatal(err)
	}
	choosing, err := os.ReadFile(filepath.Join("..", "docs", "choosing.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range published {
		if !strings.HasPrefix(dir, "backends/") && !strings.HasPrefix(dir, "formats/") {
			continue
		}
		if !slices.Contains(table, dir) {
			t.Errorf("tools/modules has no row for %s", dir)
		}
		if !strings.Contains(string(choosing), "(../"+dir+"/README.md") {
			t.Errorf("docs/choosing.md does not link the README of %s", dir)
		}
	}
}

// The table in the README is written by hand: it must name every module, and every module that one
// requires.
func TestReadmeListsModulesAndWhatTheyRequire(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	published, err := Published()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range published {
		row := ""
		for line := range strings.Lines(string(readme)) {
			if strings.HasPrefix(line, "| `"+dir+"` |") {
				row = line
			}
		}
		text, err := os.ReadFile(filepath.Join(root, dir, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		mod, err := modfile.Parse("go.mod", text, nil)
		if err != nil {
			t.Fatal(err)
		}
		own := strings.TrimSuffix(mod.Module.Mod.Path, "/"+dir)
		var needs []string
		for _, r := range mod.Require {
			if !r.Indirect && !strings.HasPrefix(r.Mod.Path, own+"/") {
				needs = append(needs, strings.TrimPrefix(r.Mod.Path, "github.com/"))
			}
		}
		if len(needs) == 0 {
			needs = []string{"the standard library only"}
		}
		for _, need := range needs {
			if !strings.Contains(row, need) {
				t.Errorf("the row of %s in the README, %q, does not say %q", dir, row, need)
			}
		}
	}
}
