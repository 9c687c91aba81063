// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/tools/modproxy"
)

// prepare turns the tree into what is released, module by module, and packs it.
func (w *work) prepare(date string) error {
	own := map[string]string{}
	for _, m := range w.modules {
		own[m.path] = m.version
	}
	for _, m := range w.releasing() {
		if err := w.prepareOne(m, own, date); err != nil {
			return fmt.Errorf("%s: %w", m.dir, err)
		}
	}
	return nil
}

// The files of the branch have replace directives and are kept in m; those of the tag have none.
func (w *work) prepareOne(m *module, own map[string]string, date string) error {
	dir := filepath.Join(w.tree, filepath.FromSlash(m.dir))
	err := edit(filepath.Join(dir, "CHANGELOG.md"), func(text []byte) ([]byte, error) {
		released, err := releaseChangelog(string(text), m.version, date)
		m.changelog = []byte(released)
		return m.changelog, err
	})
	if err != nil {
		return err
	}
	err = edit(filepath.Join(dir, "go.mod"), func(text []byte) ([]byte, error) {
		var err error
		if m.gomod, err = modproxy.Require(text, own); err != nil {
			return nil, err
		}
		return modproxy.DropReplaces(m.gomod)
	})
	if err != nil {
		return err
	}
	if err := w.addSums(m, dir); err != nil {
		return err
	}
	_, err = modproxy.Pack(w.proxy, w.tree, m.dir, m.version, nil)
	return err
}

// addSums adds the sums of the modules of the repository that m requires to its go.sum.
func (w *work) addSums(m *module, dir string) error {
	var sums strings.Builder
	for _, other := range w.modules {
		if !m.needs(other) {
			continue
		}
		lines, err := modproxy.Sums(w.proxy, other.path, other.version)
		if err != nil {
			return err
		}
		sums.WriteString(lines)
	}
	if sums.Len() == 0 {
		return nil
	}
	return edit(filepath.Join(dir, "go.sum"), func(text []byte) ([]byte, error) {
		return append(text, sums.String()...), nil
	})
}

// edit replaces the text of a file, which need not exist.
func edit(file string, change func([]byte) ([]byte, error)) error {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if text, err = change(text); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return os.WriteFile(file, text, 0o644)
}

// fit builds all modules together, those that are not being released at their last tag. An
// application that takes the newest of each gets exactly these, so a backend that a new core
// breaks must be released with it.
func (w *work) fit() error {
	app := filepath.Join(w.tree, ".fit")
	if err := os.Mkdir(app, 0o755); err != nil {
		return err
	}
	get, build := []string{"go", "get"}, []string{"go", "build"}
	var sums []byte
	for _, m := range w.modules {
		get = append(get, m.path+"@"+m.version)
		build = append(build, m.path+"/...")
		text, err := os.ReadFile(filepath.Join(w.tree, filepath.FromSlash(m.dir), "go.sum"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		sums = append(sums, text...)
	}
	if err := os.WriteFile(filepath.Join(app, "go.sum"), sums, 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"go", "mod", "init", "fit.test/app"}, get, build} {
		if _, err := w.command(app, nil, args...); err != nil {
			return fmt.Errorf("the modules do not fit together: %w", err)
		}
	}
	for _, platform := range w.platforms {
		if _, err := w.command(app, environment(platform), build...); err != nil {
			return fmt.Errorf("the modules do not fit together on %s: %w", platform, err)
		}
	}
	return nil
}
