// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/modules"
)

// reduced is a part of the database in which every step finds something.
func reduced(c CodePoint) bool {
	return c < 3000 || slices.Contains(wellKnown, c) || span{0xDFF0, 0xE0FF}.contains(c)
}

// small configures a quick run that leaves nothing outside the test's own folder.
func small(t *testing.T, out *bytes.Buffer) Config {
	t.Setenv("TMPDIR", t.TempDir())
	return Config{
		Backend: "memory", Format: "cbor",
		Out: out, include: reduced, beside: 20 * time.Millisecond,
	}
}

// nothingLeft checks that the run removed its temporary storage.
func nothingLeft(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left behind", e.Name())
	}
}

func TestEveryBackendAndFormat(t *testing.T) {
	for i, b := range modules.Engines {
		for j, f := range modules.Formats {
			if testing.Short() && j != i%len(modules.Formats) { // each backend and each format once
				continue
			}
			t.Run(b.Name+"/"+f.Name, func(t *testing.T) {
				var out bytes.Buffer
				cfg := small(t, &out)
				cfg.Backend, cfg.Format = b.Name, f.Name
				if err := Run(context.Background(), cfg); err != nil {
					t.Fatalf("%v\n%s", err, out.String())
				}
				for _, text := range []string{
					"All 16 steps verified", "the guard still shows  GREEK SMALL LETTER LAMDA",
					"(not there)", "as ", "format mismatch",
				} {
					if !strings.Contains(out.String(), text) {
						t.Errorf("the output lacks %q:\n%s", text, out.String())
					}
				}
				nothingLeft(t)
			})
		}
	}
}

// TestFalsifiedStepFails spoils what a step saw, one step after the other. The run must fail in
// that very step.
func TestFalsifiedStepFails(t *testing.T) {
	spoil := []func([]fact) []fact{
		func(f []fact) []fact { return f[:len(f)-1] },
		func(f []fact) []fact { return append(f, fact{seen: "one more"}) },
		func(f []fact) []fact { f[len(f)/2].seen += "?"; return f },
		func(f []fact) []fact { f[0].at++; return f },
	}
	for i, s := range steps {
		if testing.Short() && i >= len(spoil) { // each falsification once: one goroutine finds them
			continue
		}
		t.Run(s.title, func(t *testing.T) {
			var out bytes.Buffer
			cfg := small(t, &out)
			cfg.falsify = func(title string, got []fact) []fact {
				if title == s.title {
					return spoil[i%len(spoil)](got)
				}
				return got
			}
			err := Run(context.Background(), cfg)
			if err == nil || !strings.Contains(err.Error(), s.title) {
				t.Errorf("the run ends with %v", err)
			}
			if strings.Contains(out.String(),
				"steps verified") || !strings.Contains(out.String(), "✗") {
				t.Errorf("the output does not show the failure:\n%s", out.String())
			}
			nothingLeft(t)
		})
	}
}

// TestSpoiledRowIsFound stores a wrong row: reading everything back must find it, whichever
// field is wrong.
func TestSpoiledRowIsFound(t *testing.T) {
	for name, spoil := range map[string]func(CodePoint, *Char) CodePoint{
		"name": func(c CodePoint, char *Char) CodePoint {
			char.Name = "LATIN CAPITAL LETTER Q"
			return c
		},
		"category":   func(c CodePoint, char *Char) CodePoint { char.Category = "Ll"; return c },
		"script":     func(c CodePoint, char *Char) CodePoint { char.Script = "Greek"; return c },
		"small":      func(c CodePoint, char *Char) CodePoint { char.Lower++; return c },
		"properties": func(c CodePoint, char *Char) CodePoint { char.Properties = nil; return c },
		"key":        func(c CodePoint, _ *Char) CodePoint { return 0x0378 },
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cfg := small(t, &out)
			cfg.spoilRow = func(c CodePoint, char Char) (CodePoint, Char) {
				if c == 'A' {
					c = spoil(c, &char)
				}
				return c, char
			}
			err := Run(context.Background(), cfg)
			if err == nil || !strings.Contains(err.Error(), steps[1].title) {
				t.Errorf("the run ends with %v", err)
			}
		})
	}
}

func TestKeepAndLook(t *testing.T) {
	var out bytes.Buffer
	cfg := small(t, &out)
	cfg.Backend, cfg.Keep = "bbolt", filepath.Join(t.TempDir(), "kept.db")
	for range 2 { // the second run sets the storage of the first aside
		if err := Run(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(out.String(), "-open "+cfg.Keep) {
		t.Errorf("the output does not say how to look at the storage:\n%s", out.String())
	}
	aside, err := filepath.Glob(cfg.Keep + ".replaced-*")
	if err != nil || len(aside) != 1 {
		t.Errorf("set aside: %v, %v", aside, err)
	}

	out.Reset()
	if err := Look(context.Background(), cfg,
		[]string{"λ", "u+01a2", "greek small letter ps", "U+0378"}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"λ GREEK SMALL LETTER LAMDA, Greek Ll, capital Λ", "LATIN CAPITAL LETTER GHA",
		"U+03C8    ψ GREEK SMALL LETTER PSI",
		"1 names start with", "(not there)",
	} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the output lacks %q:\n%s", text, out.String())
		}
	}
	cfg.Format = "json"
	if err := Look(context.Background(), cfg, []string{"λ"}); !errors.Is(err,
		core.ErrFormatMismatch) {
		t.Errorf("looking with another format gives %v", err)
	}
}

// TestEveryServer runs on a server that is started for the run.
func TestEveryServer(t *testing.T) {
	for _, s := range modules.Servers {
		t.Run(s.Name, func(t *testing.T) {
			var out bytes.Buffer
			cfg := small(t, &out)
			cfg.Backend = s.Name
			err := Run(t.Context(), cfg)
			if errors.Is(err, exec.ErrNotFound) && os.Getenv("GUARDKV_TEST_SERVERS") != "required" {
				t.Skip(err)
			}
			if err != nil || !strings.Contains(out.String(), "All 16 steps verified") {
				t.Errorf("error %v\n%s", err, out.String())
			}
			nothingLeft(t)
		})
	}
}

// On a server of other people the demo leaves nothing, unless it is asked to, and does not use a
// storage that they have filled.
func TestServer(t *testing.T) {
	here := memory.NewShared()
	stopped := 0
	servers := []modules.Server{{
		Name: "server",
		At: func(url string) core.Backend {
			if url != "here" {
				t.Errorf("asked for the server at %q", url)
			}
			return here
		},
		Start: func(dir string) (string, func() error, error) {
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
			return "here", func() error { stopped++; return nil }, nil
		},
	}}
	run := func(url, keep string) (string, error) {
		var out bytes.Buffer
		cfg := small(t, &out)
		cfg.Backend, cfg.URL, cfg.Keep, cfg.servers = "server", url, keep, servers
		err := Run(t.Context(), cfg)
		nothingLeft(t)
		return out.String(), err
	}
	stored := func() string {
		names, err := here.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(names, " ")
	}

	if out, err := run("here", ""); err != nil || stored() != "" {
		t.Errorf("error %v, left %q\n%s", err, stored(), out)
	}
	if out, err := run("here", "kept"); err != nil || stored() != "kept" ||
		!strings.Contains(out, "-url ... ") {
		t.Errorf("error %v, left %q\n%s", err, stored(), out)
	}
	if _, err := run("here", "kept"); err == nil || !strings.Contains(err.Error(), "another path") {
		t.Errorf("the second run ends with %v", err)
	}
	if _, err := run("", "kept"); err == nil || stopped != 0 {
		t.Error("a storage is kept on a server that is thrown away")
	}
	if out, err := run("", ""); err != nil || stopped != 1 {
		t.Errorf("error %v, the server was stopped %d times\n%s", err, stopped, out)
	}
	servers[0].Start = func(string) (string, func() error, error) {
		return "", nil, exec.ErrNotFound
	}
	if _, err := run("", ""); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("without a server the run ends with %v", err)
	}

	var out bytes.Buffer
	cfg := small(t, &out)
	cfg.Backend, cfg.URL, cfg.Keep, cfg.servers = "server", "here", "kept", servers
	if err := Look(t.Context(), cfg, []string{"λ"}); err != nil {
		t.Error(err)
	}
}

func TestForeignFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(path, []byte("Dear reader"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cfg := small(t, &out)
	cfg.Backend, cfg.Keep = "bbolt", path
	if err := Run(context.Background(), cfg); !errors.Is(err, core.ErrNotStorage) {
		t.Errorf("the run ends with %v", err)
	}
	if left, err := os.ReadFile(path); err != nil || string(left) != "Dear reader" {
		t.Errorf("the file now holds %q, %v", left, err)
	}
}

func TestUnusableConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no backend":   func(c *Config) { c.Backend = "tape" },
		"no format":    func(c *Config) { c.Format = "prose" },
		"nothing kept": func(c *Config) { c.Keep = "x" },
		"no server":    func(c *Config) { c.URL = "postgres://localhost" },
	} {
		var out bytes.Buffer
		cfg := small(t, &out)
		change(&cfg)
		if err := Run(context.Background(), cfg); err == nil {
			t.Errorf("%s: the demo ran", name)
		}
		nothingLeft(t)
	}
	nothing := Config{Backend: "bbolt", Format: "cbor", Keep: filepath.Join(t.TempDir(), "none")}
	if err := Look(context.Background(), nothing, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking where nothing is gives %v", err)
	}
}

func TestCancelledRunEnds(t *testing.T) {
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cfg := small(t, &out)
	cfg.falsify = func(_ string, got []fact) []fact { cancel(); return got }
	if err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("the run ends with %v", err)
	}
	nothingLeft(t)
}
