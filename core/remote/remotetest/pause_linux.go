// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remotetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// patience is how long something may take that takes a moment on a quiet machine.
const patience = 3 * time.Minute

// awaitStopped waits until all threads of a process have stopped, or the process has ended.
func awaitStopped(pid int) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		stopped := 0
		for _, name := range threads {
			text, err := os.ReadFile(name)
			// The state is behind the name, which is in parentheses.
			_, state, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
			if err != nil || bytes.HasPrefix(state, []byte("T")) {
				stopped++
			}
		}
		if stopped == len(threads) {
			return
		}
	}
}
