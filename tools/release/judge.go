// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// judge compares each module with its last release, and its version with what changed.
func (w *work) judge() error {
	var errs []error
	for _, m := range w.modules {
		var err error
		if m.last != "" {
			err = w.judgeOne(m)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.dir, err))
		}
	}
	return errors.Join(errs...)
}

func (w *work) judgeOne(m *module) error {
	old := filepath.Join(w.tagged(m, m.last), filepath.FromSlash(m.dir))
	now := filepath.Join(w.tree, filepath.FromSlash(m.dir))
	files, err := differences(old, now)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return m.change.allow(m.last, m.version)
	}
	api, err := w.compareAPI(m, old, now)
	if err != nil {
		return err
	}
	m.change = api.change()
	if err := m.change.allow(m.last, m.version); err != nil {
		return fmt.Errorf("%w\n  files: %s%s", err, strings.Join(files, " "), api.lines())
	}
	return nil
}

// api holds what apidiff says about two versions of a module, one line for each change.
type api struct{ incompatible, compatible []string }

func (a api) change() change {
	switch {
	case len(a.incompatible) > 0:
		return breaking
	case len(a.compatible) > 0:
		return additions
	}
	return internal
}

func (a api) lines() string {
	if len(a.incompatible) > 0 {
		return "\n  incompatible:\n    " + strings.Join(a.incompatible, "\n    ")
	}
	if len(a.compatible) > 0 {
		return "\n  compatible:\n    " + strings.Join(a.compatible, "\n    ")
	}
	return ""
}

// add adds the changes on another platform, with its name if they are not known already.
func (a *api) add(platform string, other api) {
	a.incompatible = addLines(a.incompatible, platform, other.incompatible)
	a.compatible = addLines(a.compatible, platform, other.compatible)
}

func addLines(known []string, platform string, lines []string) []string {
	for _, line := range lines {
		if !slices.Contains(known, line) {
			known = append(known, line+" (on "+platform+")")
		}
	}
	return known
}

// compareAPI compares the APIs on this platform and on the others, because a name may be declared
// for only one of them. The old version finds the modules it requires in the proxy, the new one in
// the tree around it.
func (w *work) compareAPI(m *module, old, now string) (api, error) {
	all, err := w.compareOn("", m, old, now)
	if err != nil {
		return api{}, err
	}
	for _, platform := range w.platforms {
		a, err := w.compareOn(platform, m, old, now)
		if err != nil {
			return api{}, fmt.Errorf("on %s: %w", platform, err)
		}
		all.add(platform, a)
	}
	return all, nil
}

// compareOn compares the APIs on a platform such as windows/amd64, or on this one if it is "".
func (w *work) compareOn(platform string, m *module, old, now string) (api, error) {
	env := environment(platform)
	before, err := w.exportAPI(env, m, old)
	if err != nil {
		return api{}, err
	}
	defer os.Remove(before)
	after, err := w.exportAPI(env, m, now)
	if err != nil {
		return api{}, err
	}
	defer os.Remove(after)
	report, err := w.command(w.tree, env, w.apidiff, "-m", before, after)
	if err != nil {
		return api{}, err
	}
	return parseAPI(report)
}

func (w *work) exportAPI(env []string, m *module, dir string) (file string, err error) {
	f, err := os.CreateTemp(w.tree, "api-")
	if err != nil {
		return "", err
	}
	_, err = w.command(dir, env, w.apidiff, "-m", "-w", f.Name(), m.path)
	return f.Name(), errors.Join(err, f.Close())
}

// environment returns the variables that make go look at the files of another platform, without a
// C compiler for it.
func environment(platform string) []string {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return nil
	}
	return []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}
}

// parseAPI reads what apidiff prints. A line that it does not know is an error, so that no change
// is overlooked.
func parseAPI(report string) (a api, err error) {
	var list *[]string
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		text, isChange := strings.CutPrefix(line, "- ")
		switch {
		case line == "Incompatible changes:":
			list = &a.incompatible
		case line == "Compatible changes:":
			list = &a.compatible
		case isChange && list != nil:
			*list = append(*list, text)
		case line != "" && list != nil && len(*list) > 0: // of a change that takes several lines
			(*list)[len(*list)-1] += " " + line
		case line != "":
			return a, fmt.Errorf("apidiff: unknown line %q", line)
		}
	}
	return a, nil
}

func (w *work) command(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), w.env, env)
	return output(cmd)
}
