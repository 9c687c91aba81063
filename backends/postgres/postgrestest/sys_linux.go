// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent tells a server to end when this process does.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }

// removeShared removes the segment of shared memory that a killed server has left. It is small,
// but there are not many of them.
func removeShared(folder string) {
	files, _ := filepath.Glob(filepath.Join(folder, "*", "postmaster.pid"))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		lines := strings.Split(string(text), "\n")
		if len(lines) < 7 {
			continue
		}
		fields := strings.Fields(lines[6]) // key and id
		if len(fields) != 2 {
			continue
		}
		// The system call has no number of its own on some systems of 32 bits.
		if _, err := strconv.Atoi(fields[1]); err == nil {
			_ = exec.Command("ipcrm", "-m", fields[1]).Run()
		}
	}
}

func psParents() map[int]int { return nil }
