// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var excerpt = regexp.MustCompile("(?s)\n```go\n// Sketch: of plainlog, (\\S+)\n(.*?)```\n")

// The guide shows parts of a backend that passes the suite. A part that was changed in only one of
// the two places would mislead.
func TestTheGuideShowsTheBackendThatIsTested(t *testing.T) {
	guide := read(t, "../../docs/writing-a-backend.md")
	found := excerpt.FindAllStringSubmatch(guide, -1)
	if len(found) != 4 {
		t.Errorf("the guide has %d excerpts, want 4", len(found))
	}
	for _, e := range found {
		if !strings.Contains(read(t, filepath.Join("testdata/outside-backend", e[1])), "\n"+e[2]) {
			t.Errorf("%s has no such lines:\n%s", e[1], e[2])
		}
	}
}

var shared = regexp.MustCompile(
	"(?s)\n```go\n// Sketch: of core/remote/example_test.go\n(.*?)```\n")

// The guide shows all of a shared backend, part by part. It passes the suite too.
func TestTheGuideShowsTheSharedBackendThatIsTested(t *testing.T) {
	var shown []string
	for _, e := range shared.FindAllStringSubmatch(read(t, "../../docs/writing-a-backend.md"), -1) {
		shown = append(shown, e[1])
	}
	_, backend, _ := strings.Cut(read(t, "../../core/remote/example_test.go"), "\n)\n\n")
	backend, _, _ = strings.Cut(backend, "\n// Two processes have")
	for _, part := range shown {
		rest, follows := strings.CutPrefix(backend, part)
		if !follows {
			t.Fatalf("the guide does not go on with:\n%.300s", backend)
		}
		backend = strings.TrimPrefix(rest, "\n")
	}
	if backend != "" || len(shown) == 0 {
		t.Errorf("the guide does not show:\n%.300s", backend)
	}
}

// The guide shows all of the formats that pass the suite: two simple ones, two around others,
// and what explains them.
func TestTheGuideShowsTheFormatsThatAreTested(t *testing.T) {
	guide := read(t, "../../docs/writing-a-format.md")
	for _, file := range []string{"format.go", "span.go", "counted.go", "veiled.go", "explain.go"} {
		_, program, _ := strings.Cut(read(t, filepath.Join("testdata/outside-format", file)),
			"\npackage ")
		if !strings.Contains(guide, "\n```go\npackage "+program+"```\n") {
			t.Errorf("the guide does not show %s as it is:\npackage %s", file, program)
		}
	}
}

// The guide shows two decorators that pass the suite.
func TestTheGuideShowsTheDecoratorsThatAreTested(t *testing.T) {
	guide := read(t, "../../docs/decorating.md")
	for _, e := range []struct{ file, first, behind string }{
		{"example_counting_test.go", "// Counting is", "// A decorator that counts"},
		{"example_masked_test.go", "// Masked is", "// A decorator that changes"},
	} {
		_, shown, found := strings.Cut(read(t, filepath.Join("../../core/backendtest", e.file)),
			e.first)
		shown, _, ends := strings.Cut(shown, "\n"+e.behind)
		if !found || !ends || !strings.Contains(guide, e.first+shown+"```\n") {
			t.Errorf("the guide does not show the decorator of %s as it is", e.file)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
