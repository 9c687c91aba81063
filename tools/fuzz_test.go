// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Every target is found, in files of both packages of tests, and nothing that only looks like one.
func TestFindFuzzed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go":    "package a\n\nfunc FuzzOne(f *testing.F) {}\n\nfunc Fuzzy(f *testing.F) {}\n\nfunc TestA(t *testing.T) {}\n",
		"out_test.go":  "package a_test\n\nfunc FuzzTwo(f *testing.F) {}\n\nfunc (x T) FuzzMethod(f *testing.F) {}\n",
		"none_test.go": "package b\n\nfunc TestB(t *testing.T) {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	listed := func(p fuzzed) string {
		p.Dir = dir
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	a := listed(fuzzed{
		ImportPath:  "example.test/a",
		TestGoFiles: []string{"a_test.go"}, XTestGoFiles: []string{"out_test.go"},
	})
	b := listed(fuzzed{ImportPath: "example.test/b", TestGoFiles: []string{"none_test.go"}})
	got, err := findFuzzed(a + b)
	if err != nil || len(got) != 1 || got[0].ImportPath != "example.test/a" ||
		!slices.Equal(got[0].targets, []string{"FuzzOne", "FuzzTwo"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	missing := listed(fuzzed{
		ImportPath:  "example.test/c",
		TestGoFiles: []string{"missing_test.go"},
	})
	for _, bad := range []string{"", b, "ok example.test/a\n", missing} {
		if got, err := findFuzzed(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

// A target that fails makes the check fail: the program of the tests is run here without go
// test, which would say so.
func TestFuzzFails(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a part of the standard library for the fuzzer")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.test/a\n\ngo 1.26.0\n",
		"a_test.go": "package a\n\nimport \"testing\"\n\nfunc FuzzSound(f *testing.F) { f.Fuzz(func(t *testing.T, b []byte) {}) }\n\n" +
			"func FuzzBroken(f *testing.F) {\n\tf.Add([]byte(\"x\"))\n\tf.Fuzz(func(t *testing.T, b []byte) { t.Fatal(\"broken\") })\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOWORK", "off")
	t.Chdir(dir)
	for target, each := range map[string]time.Duration{
		"FuzzSound":  time.Millisecond,
		"FuzzBroken": time.Minute,
	} {
		packages := []fuzzed{{ImportPath: "example.test/a", Dir: dir, targets: []string{target}}}
		for p := range built(packages, t.TempDir(), each) {
			if p.err != nil {
				t.Fatal(p.err)
			}
			if err := p.run(t.TempDir(), each); (err != nil) != (target == "FuzzBroken") {
				t.Errorf("%s: got error %v", target, err)
			}
		}
	}
}

// A target whose time was over was taken for one that had found something, once in some hundred runs.
func TestRanOut(t *testing.T) {
	const progress = "fuzz: elapsed: 1s, execs: 24708 (22557/sec), new interesting: 6 (total: 14)\n"
	for _, c := range []struct {
		out  string
		want bool
	}{
		{progress + "--- FAIL: FuzzJSON (1.10s)\n    context deadline exceeded\nFAIL\n", true},
		{progress + "PASS\n", false},
		{progress + "--- FAIL: FuzzJSON (1.10s)\n    --- FAIL: FuzzJSON (0.00s)\n" +
			"        context deadline exceeded\n    \n    Failing input written to testdata\nFAIL\n", false},
		{progress + "--- FAIL: FuzzJSON (1.10s)\n    fuzzing process hung\nFAIL\n", false},
		{progress + "panic: context deadline exceeded\n", false},
		{"", false},
	} {
		if got := ranOut(c.out); got != c.want {
			t.Errorf("%q: got %v, want %v", c.out, got, c.want)
		}
	}
}
