// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The repository of these tests, before its first release: what core and a backend are to ours.
var fixture = map[string]string{
	"LICENSE":                     "the license\n",
	VersionsFile:                  "module example.test/kv/tools\n\ngo 1.26\n\nrequire example.test/kv/core v0.1.0\n\nrequire example.test/kv/backends/one v0.1.0\n\nreplace example.test/kv/core => ../core\n\nreplace example.test/kv/backends/one => ../backends/one\n",
	"core/go.mod":                 "module example.test/kv/core\n\ngo 1.26\n",
	"core/CHANGELOG.md":           "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- All of it.\n",
	"core/core.go":                "package core\n\n// Name names it.\nfunc Name() string { return \"core\" }\n\n// Old is not used by the backend.\nfunc Old() {}\n",
	"core/core_test.go":           "package core\n",
	"core/core_windows.go":        "package core\n\n// Handle is of Windows.\ntype Handle uintptr\n",
	"core/core_386.go":            "package core\n\n// Half is of 386.\nfunc Half() {}\n",
	"backends/one/go.mod":         "module example.test/kv/backends/one\n\ngo 1.26\n\nrequire example.test/kv/core v0.1.0\n\nreplace example.test/kv/core => ../../core\n",
	"backends/one/one_windows.go": "package one\n\nimport \"example.test/kv/core\"\n\nvar _ core.Handle\n",
	"backends/one/CHANGELOG.md":   "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- The backend.\n",
	"backends/one/one.go":         "package one\n\nimport \"example.test/kv/core\"\n\n// Name names both.\nfunc Name() string { return \"one on \" + core.Name() }\n",
}

// platforms are those on which these tests compare APIs, besides the platform they run on. There
// are two, so that at least one of them differs from that.
var platforms = []string{"linux/386", "windows/amd64"}

var (
	apidiff string // the program, built for these tests
	seed    string // the fixture after its first release; tests work in clones of it
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		tmp, err := os.MkdirTemp("", "release-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(tmp)
		for name, value := range map[string]string{
			"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
			"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.test",
			"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.test",
			"GOFLAGS": "", "GOWORK": "off", // the tools' module is built, not the fixture
		} {
			os.Setenv(name, value)
		}
		if err := build(tmp); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		os.Setenv("GOPROXY", "off") // the network is not needed from here on
		if err := plant(tmp); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// build builds the version of apidiff that the linters' module pins.
func build(tmp string) error {
	apidiff = filepath.Join(tmp, "apidiff.exe")
	_, err := output(exec.Command("go", "-C", filepath.Join("..", "lint"), "build", "-o",
		apidiff, "golang.org/x/exp/cmd/apidiff"))
	return err
}

// plant makes the fixture and releases it for the first time.
func plant(tmp string) error {
	seed = filepath.Join(tmp, "seed")
	for name, text := range fixture {
		name = filepath.Join(seed, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "."},
		{"commit", "--quiet", "--message=first"},
	} {
		if _, err := (git{seed}).run(args...); err != nil {
			return err
		}
	}
	var out strings.Builder
	err := Release{Root: seed, Apidiff: apidiff, Date: "2026-01-02", Do: true, Out: &out}.Run()
	if want := "git push --atomic origin HEAD core/v0.1.0 backends/one/v0.1.0\n"; err == nil &&
		!strings.HasSuffix(out.String(), want) {
		err = fmt.Errorf("the first release says\n%s", out.String())
	}
	return err
}

// repo is a clone of the fixture.
type repo struct {
	*testing.T
	git
}

func clone(t *testing.T) repo {
	t.Helper()
	r := repo{t, git{filepath.Join(t.TempDir(), "clone")}}
	if _, err := (git{t.TempDir()}).run("clone", "--quiet", seed, r.root); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r repo) do(args ...string) string {
	r.Helper()
	out, err := r.run(args...)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// commit replaces parts of files, name, old and new in turn, and commits.
func (r repo) commit(edits ...string) {
	r.Helper()
	for i := 0; i < len(edits); i += 3 {
		name := filepath.Join(r.root, filepath.FromSlash(edits[i]))
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), edits[i+1]) {
			r.Fatalf("%s holds no %q: %s, %v", edits[i], edits[i+1], text, err)
		}
		if err := os.WriteFile(name,
			[]byte(strings.Replace(string(text), edits[i+1], edits[i+2], 1)), 0o644); err != nil {
			r.Fatal(err)
		}
	}
	r.do("commit", "--quiet", "--all", "--message=change")
}

// release returns what Run prints.
func (r repo) release(do bool) (string, error) {
	var out strings.Builder
	err := Release{
		Root: r.root, Apidiff: apidiff, Platforms: platforms, Date: "2026-02-03",
		Do: do, Out: &out,
	}.Run()
	return out.String(), err
}
