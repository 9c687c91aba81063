// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modproxy

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository writes the files of a small repository, name and text in turn, and returns its root.
func repository(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for file := range slices.Chunk(append(files, "LICENSE", "the license\n"), 2) {
		name := filepath.Join(root, file[0])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(file[1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func TestPack(t *testing.T) {
	root := repository(t,
		"b/go.mod",
		"module example.test/Upper/b\n\ngo 1.26\n\nrequire example.test/Upper/a v0.1.0\n\nreplace example.test/Upper/a => ../a\n",
		"b/b.go", "package b\n",
		"b/testdata/seed", "0",
		"b/nested/go.mod", "module example.test/Upper/b/nested\n",
		"b/nested/n.go", "package nested\n")
	proxy := t.TempDir()
	for _, version := range []string{"v0.1.0", "v0.2.0"} {
		mod, err := Pack(proxy, root, "b", version, nil)
		if err != nil || mod.String() != "example.test/Upper/b@"+version {
			t.Fatalf("got %v, %v", mod, err)
		}
	}

	versions := filepath.Join(proxy, "example.test", "!upper", "b", "@v")
	if got := read(t, versions, "list"); got != "v0.1.0\nv0.2.0\n" {
		t.Errorf("list is %q", got)
	}
	if got := read(t, versions,
		"v0.2.0.info"); got != `{"Version":"v0.2.0","Time":"1970-01-01T00:00:00Z"}` {
		t.Errorf("info is %s", got)
	}
	wantMod := "module example.test/Upper/b\n\ngo 1.26\n\nrequire example.test/Upper/a v0.1.0\n"
	if got := read(t, versions, "v0.1.0.mod"); got != wantMod {
		t.Errorf("mod is %q, want %q", got, wantMod)
	}
	want := map[string]string{
		"LICENSE": "the license\n", "b.go": "package b\n",
		"go.mod": wantMod, "testdata/seed": "0",
	}
	got := unzip(t, filepath.Join(versions, "v0.1.0.zip"), "example.test/Upper/b@v0.1.0/")
	if len(got) != len(want) {
		t.Errorf("zip holds %v, want %v", got, want)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s is %q, want %q", name, got[name], text)
		}
	}
}

// unzip returns the files of a module's zip, whose names must all start with prefix.
func unzip(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{}
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			t.Errorf("%s is not below %s", f.Name, prefix)
		}
		text, err := fs.ReadFile(z, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return files
}

func TestPackKeepsTheModulesOwnLicense(t *testing.T) {
	root := repository(t, "a/go.mod", "module example.test/a\n", "a/LICENSE", "another\n")
	proxy := t.TempDir()
	if _, err := Pack(proxy, root, "a", "v0.1.0", nil); err != nil {
		t.Fatal(err)
	}
	files := unzip(t, filepath.Join(proxy, "example.test/a/@v/v0.1.0.zip"),
		"example.test/a@v0.1.0/")
	if files["LICENSE"] != "another\n" {
		t.Errorf("LICENSE is %q", files["LICENSE"])
	}
}

func TestPackRefuses(t *testing.T) {
	root := repository(t,
		"bad/go.mod", "modul example.test/bad\n",
		"a/go.mod", "module example.test/a\n",
		"name/go.mod", "module example.test/name\n", "name/it's.go", "package name\n")
	tests := []struct{ name, dir, version, want string }{
		{"no module", "absent", "v0.1.0", "absent"},
		{"no go.mod", ".", "v0.1.0", "go.mod"},
		{"unreadable go.mod", "bad", "v0.1.0", "unknown directive: modul"},
		{"a version that does not fit the path", "a", "v2.0.0", "v2"},
		{"no version", "a", "latest", "latest"},
		{"a name that no module may hold", "name", "v0.1.0", "it's.go"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Pack(t.TempDir(), root, test.dir, test.version, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestPackRequiresWhatIsPackedWithIt(t *testing.T) {
	root := repository(t, "b/go.mod",
		"module example.test/b\n\ngo 1.26\n\nrequire (\n\texample.test/a v0.1.0\n\texample.test/other v1.0.0\n)\n\nreplace example.test/a => ../a\n")
	proxy := t.TempDir()
	own := map[string]string{
		"example.test/a": "v0.3.0", "example.test/b": "v0.2.0",
		"example.test/unused": "v0.9.0",
	}
	if _, err := Pack(proxy, root, "b", "v0.2.0", own); err != nil {
		t.Fatal(err)
	}
	want := "module example.test/b\n\ngo 1.26\n\nrequire (\n\texample.test/a v0.3.0\n\texample.test/other v1.0.0\n)\n"
	if got := read(t, proxy, "example.test/b/@v/v0.2.0.mod"); got != want {
		t.Errorf("mod is %q, want %q", got, want)
	}
}

// The sums are those that the go command computes; it says so itself in the tests of package
// release.
func TestSums(t *testing.T) {
	root := repository(t, "a/go.mod", "module example.test/a\n\ngo 1.26\n", "a/a.go", "package a\n")
	proxy := t.TempDir()
	if _, err := Pack(proxy, root, "a", "v0.1.0", nil); err != nil {
		t.Fatal(err)
	}
	got, err := Sums(proxy, "example.test/a", "v0.1.0")
	lines := strings.Split(got, "\n")
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[0], "example.test/a v0.1.0 h1:") ||
		!strings.HasPrefix(lines[1], "example.test/a v0.1.0/go.mod h1:") {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := Sums(proxy, "example.test/a", "v0.2.0"); err == nil {
		t.Errorf("a version that is not packed has the sums %q", got)
	}
}
