// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
)

// git is a repository.
type git struct{ root string }

// run runs git in the root and returns what it printed, without white space around it.
func (g git) run(args ...string) (string, error) { return g.runWith(nil, nil, args...) }

func (g git) runWith(env []string, stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = g.root
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	return output(cmd)
}

// output returns what a command printed. What it complained about is in the error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w\n%s%s", err, out, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// clean fails if the working tree differs from HEAD, because a release consists of what is
// committed.
func (g git) clean() error {
	status, err := g.run("status", "--porcelain")
	if err == nil && status != "" {
		err = fmt.Errorf("commit or remove these, a release has only what is committed:\n%s", status)
	}
	return err
}

// released returns the versions that the module in dir was released at, the highest last.
func (g git) released(dir string) ([]string, error) {
	tags, err := g.run("tag", "--list", dir+"/v*")
	if err != nil {
		return nil, err
	}
	var versions []string
	for tag := range strings.FieldsSeq(tags) {
		if version := strings.TrimPrefix(tag, dir+"/"); semver.IsValid(version) {
			versions = append(versions, version)
		}
	}
	semver.Sort(versions)
	return versions, nil
}

// export writes the license and the files below dir, "." for all, of a commit to the folder to.
func (g git) export(to, commit, dir string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	index := "GIT_INDEX_FILE=" + filepath.Join(to, ".index")
	if _, err := g.runWith([]string{index}, nil, "read-tree", commit); err != nil {
		return err
	}
	defer os.Remove(filepath.Join(to, ".index"))
	files, err := g.runWith([]string{index}, nil, "ls-files", "-z", "--", "LICENSE", dir)
	if err == nil {
		prefix := "--prefix=" + filepath.ToSlash(to) + "/"
		_, err = g.runWith([]string{index}, []byte(files), "checkout-index",
			prefix, "--stdin", "-z")
	}
	return err
}
