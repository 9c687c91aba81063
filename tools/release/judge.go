// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// judge compares each module with its last release, and its version with what changed.
func (w *work) judge() error {
	var errs []error
	for _, m := range w.modules {
		err := fitsPath(m.path, m.version)
		if err == nil && m.last != "" {
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

// api is what apidiff says about two versions of a module, one line for each change.
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

// compareAPI compares the APIs on the platform that this runs on. The old version finds the modules it requires in the
// proxy, the one in the tree beside it.
func (w *work) compareAPI(m *module, old, now string) (api, error) {
	before, err := w.exportAPI(m, old)
	if err != nil {
		return api{}, err
	}
	after, err := w.exportAPI(m, now)
	if err != nil {
		return api{}, err
	}
	defer os.Remove(before)
	defer os.Remove(after)
	report, err := w.command(w.tree, w.apidiff, "-m", before, after)
	if err != nil {
		return api{}, err
	}
	return parseAPI(report)
}

func (w *work) exportAPI(m *module, dir string) (file string, err error) {
	f, err := os.CreateTemp(w.tree, "api-")
	if err != nil {
		return "", err
	}
	_, err = w.command(dir, w.apidiff, "-m", "-w", f.Name(), m.path)
	return f.Name(), errors.Join(err, f.Close())
}

// parseAPI reads what apidiff prints. What it does not know is an error: no change must be taken for none.
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

func (w *work) command(dir string, args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), w.env...)
	return output(cmd)
}
