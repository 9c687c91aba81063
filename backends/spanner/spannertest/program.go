// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spannertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const program = "emulator_main"

// Program returns the path of the emulator: that in the environment's GUARDKV_SPANNER_EMULATOR,
// else emulator_main on PATH, or where the packages of the Google Cloud CLI put it. If there is
// none, the error wraps exec.ErrNotFound.
func Program() (string, error) {
	if name := os.Getenv("GUARDKV_SPANNER_EMULATOR"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%w: GUARDKV_SPANNER_EMULATOR is %q, which is no program: %w",
				exec.ErrNotFound, name, err)
		}
		return path, nil
	}
	path, err := exec.LookPath(program)
	if err == nil {
		return filepath.Abs(path)
	}
	for _, root := range roots() {
		path := filepath.Join(root, "bin", "cloud_spanner_emulator", program)
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no emulator of Cloud Spanner: install it with gcloud components install "+
		"cloud-spanner-emulator or as the package google-cloud-cli-spanner-emulator, or name the "+
		"program emulator_main in GUARDKV_SPANNER_EMULATOR: %w", err)
}

// roots are where the Google Cloud CLI may be.
func roots() []string {
	all := []string{
		"/usr/lib/google-cloud-sdk", "/opt/google-cloud-sdk", "/usr/share/google-cloud-sdk",
	}
	if home, err := os.UserHomeDir(); err == nil {
		all = append(all, filepath.Join(home, "google-cloud-sdk"))
	}
	if gcloud, err := exec.LookPath("gcloud"); err == nil { // bin/gcloud, maybe through a link
		if real, err := filepath.EvalSymlinks(gcloud); err == nil {
			all = append(all, filepath.Dir(filepath.Dir(real)))
		}
	}
	return all
}
