// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package release gives each module of a repository its own versions. It works out what changed
// since the last tag of a module, refuses a change that its version does not announce, and
// prepares changelogs, requirements and tags.
//
// A tag names a commit beside the branch, whose parent is the release on the branch. In it the
// go.mod files have no replace directives, which serve development only, and go.sum knows the
// modules that were released before.
package release

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/guardkv/guardkv/tools/modproxy"
)

// Release is one run over a repository.
type Release struct {
	Root      string    // of the repository
	Apidiff   string    // the program golang.org/x/exp/cmd/apidiff
	Platforms []string  // such as windows/amd64, on which APIs are compared besides this one
	Date      string    // of the release, such as 2026-01-31
	Do        bool      // commit and tag; otherwise nothing in the repository changes
	Out       io.Writer // gets the plan
}

// Run makes the release, or says what it would be. It checks everything before it writes anything,
// and returns all reasons against the release, not just the first one.
func (r Release) Run() error {
	if _, err := time.Parse(time.DateOnly, r.Date); err != nil {
		return fmt.Errorf("the date of the release: %w", err)
	}
	tmp, err := os.MkdirTemp("", "release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	w, err := r.newWork(tmp)
	if err != nil {
		return err
	}
	if err := w.judge(); err != nil {
		return err
	}
	w.print(r.Out)
	if len(w.releasing()) == 0 {
		return nil
	}
	if err := w.prepare(r.Date); err != nil {
		return err
	}
	if err := w.fit(); err != nil {
		return err
	}
	if !r.Do {
		fmt.Fprintln(r.Out, "nothing was written: -do commits and tags this")
		return nil
	}
	tags, err := w.publish()
	if err == nil {
		fmt.Fprintf(r.Out,
			"committed and tagged; push all of it at once:\n  git push --atomic origin HEAD %s\n",
			strings.Join(tags, " "))
	}
	return err
}

// work is a release under way. Only publish writes outside tmp.
type work struct {
	git       git
	apidiff   string
	platforms []string
	tree      string // HEAD, as it is to be released
	tags      string // what was released: folders such as backends/bbolt@v0.1.0
	proxy     string // serves all releases, the one being made included
	env       []string
	versions  Versions
	modules   []*module // required ones before those that require them
}

func (r Release) newWork(tmp string) (*work, error) {
	w := &work{
		git:       git{r.Root},
		apidiff:   r.Apidiff,
		platforms: r.Platforms,
		tree:      filepath.Join(tmp, "tree"),
		tags:      filepath.Join(tmp, "tags"),
		proxy:     filepath.Join(tmp, "proxy"),
	}
	if err := w.git.clean(); err != nil {
		return nil, err
	}
	if err := w.git.export(w.tree, "HEAD", "."); err != nil {
		return nil, err
	}
	var err error
	if w.versions, err = ReadVersions(w.tree); err != nil {
		return nil, err
	}
	if err := w.load(); err != nil {
		return nil, err
	}
	var paths []string
	for _, m := range w.modules {
		paths = append(paths, m.path)
	}
	w.env, err = modproxy.Environment(w.proxy, filepath.Join(tmp, "modcache"), paths)
	w.env = append(w.env, "GOFLAGS=-modcacherw -trimpath -mod=mod")
	return w, err
}

// load reads the modules and packs all of their releases.
func (w *work) load() error {
	for _, dir := range w.versions.dirs() {
		m, err := readModule(w.tree, dir, w.versions[dir])
		if err != nil {
			return err
		}
		released, err := w.git.released(dir)
		if err != nil {
			return err
		}
		for _, version := range released {
			m.last = version
			if err := w.packTag(m, version); err != nil {
				return err
			}
		}
		w.modules = append(w.modules, m)
	}
	var err error
	w.modules, err = inOrder(w.modules)
	return err
}

func (w *work) packTag(m *module, version string) error {
	root := w.tagged(m, version)
	if err := w.git.export(root, m.dir+"/"+version, m.dir); err != nil {
		return err
	}
	_, err := modproxy.Pack(w.proxy, root, m.dir, version, nil)
	return err
}

// tagged returns the folder with the files of a released version.
func (w *work) tagged(m *module, version string) string {
	return filepath.Join(w.tags, filepath.FromSlash(m.dir)+"@"+version)
}

// releasing returns the modules that get a new tag.
func (w *work) releasing() (modules []*module) {
	for _, m := range w.modules {
		if m.version != m.last {
			modules = append(modules, m)
		}
	}
	return modules
}

func (w *work) print(out io.Writer) {
	for _, m := range w.modules {
		switch {
		case m.version == m.last:
			fmt.Fprintf(out, "%s stays at %s\n", m.dir, m.last)
		case m.last == "":
			fmt.Fprintf(out, "%s: first release, %s\n", m.dir, m.tag())
		default:
			fmt.Fprintf(out, "%s: %s since %s, %s\n", m.dir, m.change, m.last, m.tag())
		}
	}
}
