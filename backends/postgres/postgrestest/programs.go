// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// findPrograms returns the folder of the programs of a server: that of initdb on PATH, or of the
// newest version where Debian and its relatives keep them.
func findPrograms() (folder string, err error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			if folder := filepath.Dir(initdb); complete(folder) {
				return folder, nil
			}
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(found, func(a, b string) int { return versionOf(b) - versionOf(a) })
	for _, folder := range found {
		if complete(folder) {
			return folder, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL server: initdb, postgres and pg_ctl are neither on PATH "+
		"nor in /usr/lib/postgresql/*/bin; install it, for example with "+
		"\"apt-get install postgresql\": %w", exec.ErrNotFound)
}

// versionOf returns the version in the path of a folder, 0 if there is none.
func versionOf(folder string) int {
	version, _, _ := strings.Cut(filepath.Base(filepath.Dir(folder)), ".")
	n, _ := strconv.Atoi(version)
	return n
}

func complete(folder string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		if _, err := exec.LookPath(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}
