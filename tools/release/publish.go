// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// publish commits the release and tags it. It returns the tags.
func (w *work) publish() (tags []string, err error) {
	for _, m := range w.releasing() {
		tags = append(tags, m.tag())
	}
	message := "Release " + strings.Join(tags, ", ")
	if err := w.commit(message); err != nil {
		return nil, err
	}
	commit, err := w.commitBeside(message)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		if _, err := w.git.run("tag", "--annotate", "--message="+tag, tag, commit); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

// commit records the changelogs and the requirements on the branch.
func (w *work) commit(message string) error {
	args := []string{"commit", "--quiet", "--message=" + message, "--"}
	for _, m := range w.releasing() {
		dir := filepath.Join(w.git.root, filepath.FromSlash(m.dir))
		err := errors.Join(
			os.WriteFile(filepath.Join(dir, "CHANGELOG.md"), m.changelog, 0o644),
			os.WriteFile(filepath.Join(dir, "go.mod"), m.gomod, 0o644),
		)
		if err != nil {
			return err
		}
		args = append(args, m.dir+"/CHANGELOG.md", m.dir+"/go.mod")
	}
	_, err := w.git.run(args...)
	return err
}

// commitBeside makes the commit that the tags name. It is a child of HEAD on no branch, with the
// go.mod and go.sum files of the prepared tree in place of those for development.
func (w *work) commitBeside(message string) (string, error) {
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(w.tree, ".index")}
	if _, err := w.git.runWith(index, nil, "read-tree", "HEAD"); err != nil {
		return "", err
	}
	for _, m := range w.releasing() {
		for _, name := range []string{m.dir + "/go.mod", m.dir + "/go.sum"} {
			text, err := os.ReadFile(filepath.Join(w.tree, filepath.FromSlash(name)))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return "", err
			}
			blob, err := w.git.runWith(nil, text, "hash-object", "-w", "--stdin")
			if err != nil {
				return "", err
			}
			if _, err := w.git.runWith(index, nil, "update-index", "--add", "--cacheinfo",
				"100644,"+blob+","+name); err != nil {
				return "", err
			}
		}
	}
	tree, err := w.git.runWith(index, nil, "write-tree")
	if err != nil {
		return "", err
	}
	return w.git.run("commit-tree", "-p", "HEAD", "-m", message, tree)
}
