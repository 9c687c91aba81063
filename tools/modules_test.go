// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/tools/consumer"
	"github.com/guardkv/guardkv/tools/release"
)

// A module that go.work does not name would be tested by nobody.
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
		if dir := path.Dir(name); path.Base(name) == "go.mod" && dir != "tools/lint" { // see buildLinters
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
	for _, dir := range published {
		uses := func(c consumer.Combination) bool { return slices.Contains(c.Links, dir) }
		if !slices.ContainsFunc(consumer.Combinations, uses) {
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
	if got := slices.Sorted(maps.Keys(versions)); err != nil || !slices.Equal(got, slices.Sorted(slices.Values(published))) {
		t.Errorf("%s names %v, the workspace has %v (error %v)", release.VersionsFile, got, published, err)
	}
}
