// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package modproxy

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Environment returns the variables that make a go command an outsider: the modules of the given
// paths come from the file proxy, everything else from where it always comes, and nothing from the
// workspace. The folder modcache is the module cache. Each of the variables is needed.
func Environment(proxy, modcache string, paths []string) ([]string, error) {
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	downloaded, others, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return []string{
		"GOWORK=off",
		// The module cache starts empty, never with a v0.1.0 of an earlier run.
		"GOMODCACHE=" + modcache,
		// The module cache can be deleted. Without paths of this machine the build cache serves
		// all programs.
		"GOFLAGS=-modcacherw -trimpath",
		// Our own modules first, then what was downloaded before, then the network.
		"GOPROXY=" + fileURL(proxy) + "," + fileURL(filepath.Join(downloaded, "cache",
			"download")) + "," + others,
		"GONOSUMDB=" + strings.Join(paths, ","),
		// If GOPRIVATE covered our own modules, it would make go ask GitHub for them instead of
		// the proxy.
		"GOPRIVATE=",
		"GONOPROXY=none",
	}, nil
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/
	}
	return "file://" + path
}
