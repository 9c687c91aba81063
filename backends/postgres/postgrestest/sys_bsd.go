// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package postgrestest

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func endWithParent(*syscall.SysProcAttr) {}

func removeShared(string) {}

// psParents asks ps, where there is no /proc.
func psParents() map[int]int {
	all := map[int]int{}
	out, _ := exec.Command("ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && !strings.HasPrefix(fields[2], "Z") {
			pid, _ := strconv.Atoi(fields[0])
			all[pid], _ = strconv.Atoi(fields[1])
		}
	}
	return all
}
