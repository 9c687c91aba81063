// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/tools/modproxy"
)

const (
	notes     = "## [Unreleased]\n"
	news      = notes + "\n- News.\n"
	coreName  = "return \"core\""
	coreNewer = "return \"newer core\""
)

// A release leaves the branch as developers need it, and tags as a module proxy serves them.
func TestFirstRelease(t *testing.T) {
	r := clone(t)
	if got := r.do("show", "HEAD:backends/one/go.mod"); !strings.Contains(got, "replace") {
		t.Errorf("the branch has lost the replace directive: %s", got)
	}
	want := "module example.test/kv/backends/one\n\ngo 1.26\n\nrequire example.test/kv/core v0.1.0"
	if got := r.do("show", "backends/one/v0.1.0:backends/one/go.mod"); got != want {
		t.Errorf("the tag has the go.mod %q, want %q", got, want)
	}
	if got := r.do("show", "backends/one/v0.1.0:backends/one/go.sum"); strings.Count(got,
		"example.test/kv/core v0.1.0") != 2 {
		t.Errorf("the tag has the go.sum %q", got)
	}
	want = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-02\n\n### Added\n\n- All of it."
	for _, commit := range []string{"HEAD", "core/v0.1.0"} {
		if got := r.do("show", commit+":core/CHANGELOG.md"); got != want {
			t.Errorf("%s has the changelog %q, want %q", commit, got, want)
		}
	}
	if got := r.do("rev-parse", "core/v0.1.0^{commit}~1"); got != r.do("rev-parse", "HEAD") {
		t.Errorf("the tag's parent is %s, not the release on the branch", got)
	}
	if got := r.do("status", "--porcelain"); got != "" {
		t.Errorf("left in the working tree: %s", got)
	}
}

func TestRelease(t *testing.T) {
	raised := func(dir, to string) []string {
		return []string{VersionsFile, dir + " v0.1.0", dir + " " + to}
	}
	join := func(parts ...[]string) (all []string) {
		for _, part := range parts {
			all = append(all, part...)
		}
		return all
	}
	tests := []struct {
		name  string
		slow  bool // left out of short runs
		edits []string
		says  string // in the plan, or in the error
		fails bool
		tags  string // new ones
	}{
		{
			name: "nothing changed", edits: []string{"LICENSE", "the license", "the other license"},
			says: "core stays at v0.1.0\nbackends/one stays at v0.1.0\n",
		},
		{name: "tests and text alone", edits: []string{
			"core/core_test.go", "package core",
			"package core_test", "core/CHANGELOG.md", notes, news,
		}, says: "core stays at v0.1.0\n"},
		{
			name: "core alone, additions in a patch",
			edits: join(raised("core", "v0.1.1"), []string{
				"core/CHANGELOG.md",
				notes, news, "core/core.go", "// Old", "// New is new.\nfunc New() {}\n\n// Old",
			}),
			says: "core: additions to the API since v0.1.0, core/v0.1.1\nbackends/one stays at v0.1.0\n", tags: "core/v0.1.1",
		},
		{
			name: "core alone, breaking what the old backend does not use", slow: true,
			edits: join(raised("core", "v0.2.0"), []string{
				"core/CHANGELOG.md",
				notes, news, "core/core.go", "func Old()", "func Old(int)",
			}),
			says: "core: breaking changes of the API since v0.1.0, core/v0.2.0\n",
			tags: "core/v0.2.0",
		},
		{
			name: "backend alone", slow: true,
			edits: join(raised("backends/one", "v0.1.1"), []string{
				"backends/one/CHANGELOG.md",
				notes, news, "backends/one/one.go", "one on", "the one on",
			}),
			says: "core stays at v0.1.0\nbackends/one: changed inside since v0.1.0, backends/one/v0.1.1\n", tags: "backends/one/v0.1.1",
		},
		{
			name: "both, and the backend requires the new core", slow: true,
			edits: join(raised("core", "v0.2.0"), raised("backends/one", "v0.1.1"), []string{
				"core/CHANGELOG.md", notes, news, "backends/one/CHANGELOG.md", notes, news,
				"core/core.go", "func Name() string", "func Name(int) string",
				"backends/one/one.go", "core.Name()", "core.Name(1)",
			}),
			says: "core: breaking", tags: "backends/one/v0.1.1 core/v0.2.0",
		},

		{
			name:  "changed without a new version",
			edits: []string{"core/core.go", coreName, coreNewer}, fails: true,
			says: "core: changed inside since v0.1.0 without a new version: make it at least v0.1.1",
		},
		{
			name: "breaking in a patch",
			edits: join(raised("core", "v0.1.1"),
				[]string{"core/core.go", "func Old()", "func Old(int)"}), fails: true,
			says: "version v0.1.1 does not say so, it must be at least v0.2.0",
		},
		{
			name: "the broken name",
			edits: join(raised("core", "v0.1.1"), []string{
				"core/core.go", "func Old()",
				"func Old(int)",
			}), fails: true, says: "Old: changed from func() to func(int)",
		},
		{
			// where this runs, only the inside of a file has changed
			name: "broken on another system",
			edits: join(raised("core", "v0.1.1"), []string{
				"core/CHANGELOG.md", notes, news,
				"core/core_windows.go", "// Handle is of Windows.\ntype Handle uintptr\n", "",
			}),
			fails: true,
			says:  "must be at least v0.2.0\n  files: core_windows.go\n  incompatible:\n    Handle: removed",
		},
		{
			name: "broken on another architecture",
			edits: join(raised("core", "v0.1.1"),
				[]string{
					"core/core_386.go", "func Half()", "func Half(int)", "core/core.go",
					"// Old", "// New is new.\nfunc New() {}\n\n// Old",
				}),
			fails: true, says: "Half: changed from func() to func(int)",
		},
		{
			name:  "lower version",
			edits: raised("core", "v0.0.9"), fails: true, says: "v0.0.9 is lower than v0.1.0",
		},
		{
			name: "v2 without a path", edits: raised("core", "v2.0.0"), fails: true,
			says: "should be v0 or v1, not v2",
		},
		{
			name:  "no notes",
			edits: join(raised("core", "v0.1.1"), []string{"core/core.go", coreName, coreNewer}),
			fails: true, says: "core: CHANGELOG.md: it says nothing under [Unreleased]",
		},
		{name: "does not compile", edits: join(raised("core", "v0.1.1"),
			[]string{"core/core.go", coreName, "return 1"}), fails: true, says: "cannot use 1"},
		{
			name: "core breaks the released backend", slow: true,
			edits: join(raised("core", "v0.2.0"), []string{
				"core/CHANGELOG.md", notes, news, "core/core.go", "func Name() string",
				"func Name(int) string",
				"backends/one/one.go", "core.Name()", "core.Name(1)", // it fits in the workspace
			}),
			fails: true, says: "backends/one: changed inside since v0.1.0 without a new version",
		},
		{
			name: "core breaks a released backend that is left behind",
			edits: join(raised("core", "v0.2.0"), []string{
				"core/CHANGELOG.md",
				notes, news, "core/core.go", "func Name() string", "func Name(int) string",
			}),
			fails: true, says: "the modules do not fit together",
		},
		{
			name: "core breaks a released backend on another system",
			edits: join(raised("core", "v0.2.0"), []string{
				"core/CHANGELOG.md", notes, news, "core/core_windows.go",
				"// Handle is of Windows.\ntype Handle uintptr\n", "",
			}),
			fails: true, says: "undefined: core.Handle",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.slow && testing.Short() {
				t.Skip("the short run has a test like this one")
			}
			t.Parallel()
			r := clone(t)
			r.commit(test.edits...)
			before := r.do("for-each-ref")
			if !test.fails {
				if _, err := r.release(false); err != nil {
					t.Fatal(err)
				}
				if after := r.do("for-each-ref") + r.do("status", "--porcelain"); after != before {
					t.Fatalf("a dry run changed the repository: %s", after)
				}
			}
			says, err := r.release(true)
			if test.fails {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, want an error with %q", err, test.says)
				}
				if after := r.do("for-each-ref") + r.do("status", "--porcelain"); after != before {
					t.Errorf("a refused release changed the repository: %s", after)
				}
				return
			}
			if err != nil || !strings.Contains(says, test.says) {
				t.Errorf("got %q, %v, want %q", says, err, test.says)
			}
			tags := strings.Fields(r.do("tag", "--list", "--no-contains", "core/v0.1.0",
				"--sort=refname", "core/v*", "backends/one/v*"))
			if got := strings.Join(tags, " "); got != test.tags {
				t.Errorf("new tags %q, want %q", got, test.tags)
			}
			if again, err := r.release(true); err != nil || strings.Contains(again, "git push") {
				t.Errorf("releasing again: %q, %v, want nothing to do", again, err)
			}
		})
	}
}

// The reasons must tell their reader if a change is on another platform than the one that makes
// the release.
func TestChangesElsewhereSayWhere(t *testing.T) {
	a := api{incompatible: []string{"Old: removed"}}
	a.add("linux/386", api{incompatible: []string{"Old: removed", "Half: removed"}})
	a.add("windows/amd64",
		api{incompatible: []string{"Handle: removed"}, compatible: []string{"Path: added"}})
	want := "Old: removed|Half: removed (on linux/386)|Handle: removed (on windows/amd64)"
	if got := strings.Join(a.incompatible, "|"); got != want {
		t.Errorf("incompatible are %q, want %q", got, want)
	}
	if got := strings.Join(a.compatible, "|"); got != "Path: added (on windows/amd64)" {
		t.Errorf("compatible are %q", got)
	}
}

func TestReleaseRefusesWhatIsNotCommitted(t *testing.T) {
	r := clone(t)
	if err := os.WriteFile(filepath.Join(r.root, "core", "forgotten.go"), []byte("package core\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.release(true); err == nil || !strings.Contains(err.Error(),
		"core/forgotten.go") {
		t.Errorf("got %v, want an error that names the file", err)
	}
	if err := (Release{Root: r.root, Date: "today"}).Run(); err == nil ||
		!strings.Contains(err.Error(), "date") {
		t.Errorf("got %v, want an error about the date", err)
	}
}

// Applications mix versions: the backend released yesterday, and the core of today. Minimal
// version selection takes the newer core only for those who ask for it.
func TestYesterdaysBackendOnTodaysCore(t *testing.T) {
	r := clone(t)
	r.commit(VersionsFile, "core v0.1.0", "core v0.2.0", "core/CHANGELOG.md", notes, news,
		"core/core.go", coreName, coreNewer, "core/core.go", "func Old()", "func Old(int)")
	if _, err := r.release(true); err != nil {
		t.Fatal(err)
	}
	proxy, paths := serve(r)
	tests := []struct{ name, get, core, prints string }{
		{"backend alone", "example.test/kv/backends/one@v0.1.0", "v0.1.0", "one on core"},
		{"newest backend", "example.test/kv/backends/one@latest", "v0.1.0", "one on core"},
		{
			"and today's core", "example.test/kv/backends/one@v0.1.0 example.test/kv/core@latest",
			"v0.2.0", "one on newer core",
		},
		{"updating all", "-u example.test/kv/backends/one", "v0.2.0", "one on newer core"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := t.TempDir()
			env, err := modproxy.Environment(proxy, filepath.Join(t.TempDir(), "modcache"), paths)
			if err != nil {
				t.Fatal(err)
			}
			run := func(args ...string) string {
				t.Helper()
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Dir, cmd.Env = app, append(os.Environ(), env...)
				out, err := output(cmd)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			const main = "package main\n\nimport (\n\t\"os\"\n\n\t\"example.test/kv/backends/one\"\n)\n\nfunc main() { os.Stdout.WriteString(one.Name()) }\n"
			if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(main), 0o644); err != nil {
				t.Fatal(err)
			}
			run("go", "mod", "init", "outside.test/app")
			run(append([]string{"go", "get"}, strings.Fields(test.get)...)...)
			if got := run("go", "list", "-m", "-f", "{{.Version}}",
				"example.test/kv/core"); got != test.core {
				t.Errorf("core %s was selected, want %s", got, test.core)
			}
			if got := run("go", "run", "."); got != test.prints {
				t.Errorf("the program printed %q, want %q", got, test.prints)
			}
		})
	}
}

// serve packs all tags of the repository as a module proxy does, and nothing but the tags.
func serve(r repo) (proxy string, paths []string) {
	proxy = r.TempDir()
	for tag := range strings.FieldsSeq(r.do("tag", "--list", "--sort=version:refname")) {
		i := strings.LastIndexByte(tag, '/')
		root := filepath.Join(r.TempDir(), "tag")
		if err := r.export(root, tag, tag[:i]); err != nil {
			r.Fatal(err)
		}
		mod, err := modproxy.Pack(proxy, root, tag[:i], tag[i+1:], nil)
		if err != nil {
			r.Fatal(err)
		}
		paths = append(paths, mod.Path)
	}
	return proxy, paths
}

// Whoever checks out a tag can test that module alone: its go.sum knows the modules it requires.
func TestTagBuildsAlone(t *testing.T) {
	r := clone(t)
	proxy, paths := serve(r)
	env, err := modproxy.Environment(proxy, filepath.Join(t.TempDir(), "modcache"), paths)
	if err != nil {
		t.Fatal(err)
	}
	r.do("checkout", "--quiet", "backends/one/v0.1.0")
	cmd := exec.Command("go", "build", "-mod=readonly", "./...")
	cmd.Dir, cmd.Env = filepath.Join(r.root, "backends", "one"), append(os.Environ(), env...)
	if out, err := output(cmd); err != nil {
		t.Errorf("%s: %v", out, err)
	}
}
