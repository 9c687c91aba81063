// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package typecheck

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const goMod = "module example.test/m\n\ngo 1.26.0\n"

// write writes files into a new folder, and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// list returns what go list prints about a module on a platform.
func list(t *testing.T, dir, goos, goarch string) *bytes.Reader {
	t.Helper()
	cmd := exec.Command("go", append(append([]string{"list"}, Flags...), "./...")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0",
		"GOOS="+goos, "GOARCH="+goarch)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(out)
}

func newChecker(t *testing.T, goarch string) *Checker {
	t.Helper()
	c, err := New(goarch)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCheck(t *testing.T) {
	cases := []struct {
		name         string
		goos, goarch string
		files        map[string]string
		want         string // in the error; "" is none
	}{
		{
			"a number that fits", "linux", "amd64",
			map[string]string{"a.go": "package m\n\nvar N int = 1 << 40\n"},
			"",
		},
		{
			"a number that does not", "linux", "386",
			map[string]string{"a.go": "package m\n\nvar N int = 1 << 40\n"},
			"overflows",
		},
		{
			"a number in a function that is imported", "linux", "386",
			map[string]string{
				"a.go":   "package m\n\nimport \"example.test/m/b\"\n\nvar N = b.N()\n",
				"b/b.go": "package b\n\nfunc N() int { return 1 << 40 }\n",
			},
			"overflows",
		},
		{
			"a system call", "linux", "amd64",
			map[string]string{"a_test.go": "package m\n\nimport \"syscall\"\n\nvar _ = syscall.Flock\n"},
			"",
		},
		{
			"a system call that is missing, in a test", "windows", "amd64",
			map[string]string{"a_test.go": "package m\n\nimport \"syscall\"\n\nvar _ = syscall.Flock\n"},
			"undefined: syscall.Flock",
		},
		{
			"a file for the platform", "windows", "amd64",
			map[string]string{
				"a.go":         "package m\n\nvar _ = name\n",
				"a_windows.go": "package m\n\nconst name = \"\"\n",
			},
			"",
		},
		{
			"a file for another platform", "linux", "amd64",
			map[string]string{
				"a.go":         "package m\n\nvar _ = name\n",
				"a_windows.go": "package m\n\nconst name = \"\"\n",
			},
			"undefined: name",
		},
		{
			"a test that sees what another test exports", "linux", "amd64",
			map[string]string{
				"a.go":           "package m\n\nfunc hidden() int { return 1 }\n",
				"export_test.go": "package m\n\nvar Shown = hidden\n",
				"a_test.go":      "package m_test\n\nimport \"example.test/m\"\n\nvar N int = m.Shown()\n",
			},
			"",
		},
		{
			"what the standard library vendors", "linux", "amd64",
			map[string]string{"a.go": "package m\n\nimport \"net\"\n\nvar _ net.Conn\n"},
			"",
		},
		{
			"all mistakes", "linux", "amd64",
			map[string]string{
				"a.go":   "package m\n\nvar _ = one\n",
				"b/b.go": "package b\n\nvar _ = two\n",
			},
			"undefined: two",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.files["go.mod"] = goMod
			n, err := newChecker(t, c.goarch).Check(list(t, write(t, c.files), c.goos, c.goarch))
			if n == 0 {
				t.Error("no package was checked")
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil ||
				!strings.Contains(err.Error(), c.want)) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// Two modules use the same folder of a, which imports b. Each replaces b with a folder of its own,
// and the second folder lacks what a needs. That shows only if a is checked again, because only
// its import differs.
func TestCheckSharesNothingThatDiffers(t *testing.T) {
	main := func(b string) string {
		return "module example.test/main\n\ngo 1.26.0\n\nrequire (\n\texample.test/a v0.1.0\n\texample.test/b v0.1.0\n)\n\n" +
			"replace example.test/a => ../a\n\nreplace example.test/b => ../" + b + "\n"
	}
	const mod = "module example.test/%\n\ngo 1.26.0\n"
	root := write(t, map[string]string{
		"a/go.mod":   strings.Replace(mod, "%", "a", 1) + "\nrequire example.test/b v0.1.0\n",
		"a/a.go":     "package a\n\nimport \"example.test/b\"\n\nvar N = b.N\n",
		"b1/go.mod":  strings.Replace(mod, "%", "b", 1),
		"b1/b.go":    "package b\n\nconst N = 1\n",
		"b2/go.mod":  strings.Replace(mod, "%", "b", 1),
		"b2/b.go":    "package b\n\nconst M = 1\n",
		"m1/go.mod":  main("b1"),
		"m1/main.go": "package main\n\nimport \"example.test/a\"\n\nfunc main() { println(a.N) }\n",
		"m2/go.mod":  main("b2"),
		"m2/main.go": "package main\n\nimport \"example.test/a\"\n\nfunc main() { println(a.N) }\n",
	})
	c := newChecker(t, "amd64")
	for range 2 {
		if n, err := c.Check(list(t, filepath.Join(root, "m1"), "linux", "amd64")); n != 3 ||
			err != nil {
			t.Fatalf("got %d packages, error %v", n, err)
		}
	}
	_, err := c.Check(list(t, filepath.Join(root, "m2"), "linux", "amd64"))
	if err == nil || !strings.Contains(err.Error(), "undefined: b.N") {
		t.Fatalf("got error %v, want that N is undefined", err)
	}
}

func TestNewKnowsArchitectures(t *testing.T) {
	if _, err := New("abacus"); err == nil {
		t.Error("there is no such architecture, and no error")
	}
}
