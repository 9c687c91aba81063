// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is the user that servers run as.
type account struct {
	name     string
	uid, gid int
	other    bool // than that of this process, which is root then
}

// findAccount returns the account of this process unless that is root, as whom PostgreSQL does not
// run.
func findAccount() (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{name: strconv.Itoa(uid), uid: uid, gid: os.Getegid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{name, uid, gid, true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres " +
		"or nobody to run it as")
}

// own gives a file to the account.
func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// passes reports whether the account can get into a folder.
func (a account) passes(path string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() || a.other && info.Mode().Perm()&1 == 0 {
			return false
		}
		if path == filepath.Dir(path) {
			return true
		}
	}
}

// attributes let a process run as the account, and end it when this process ends.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.other {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	endWithParent(attr)
	return attr
}

// lockFolder locks a folder that nobody has locked.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// The signals that end a server: the first one disconnects everybody and makes all durable, the
// second one disconnects everybody.
var (
	signalFast      = os.Signal(syscall.SIGINT)
	signalImmediate = os.Signal(syscall.SIGQUIT)
)

// family returns a process and those that it started.
func family(pid int) []int {
	all := []int{pid}
	for child, parent := range parents() {
		if parent == pid {
			all = append(all, child)
		}
	}
	return all
}

// parents returns the parents of all processes that have not ended.
func parents() map[int]int {
	all := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // has just ended
		}
		// The name, in parentheses, is what the process says.
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[0] != "Z" && fields[0] != "X" {
			all[pid], _ = strconv.Atoi(fields[1])
		}
	}
	if len(stats) == 0 { // no such file system
		all = psParents()
	}
	return all
}

// stop stops a process and its children, the process first: it starts no more of them then.
func stopFamily(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for _, p := range family(pid)[1:] {
		_ = syscall.Kill(p, syscall.SIGSTOP) // it may have ended
	}
	return nil
}

// continueFamily lets them go on, the process last.
func continueFamily(pid int) error {
	for _, p := range family(pid)[1:] {
		_ = syscall.Kill(p, syscall.SIGCONT)
	}
	return syscall.Kill(pid, syscall.SIGCONT)
}

// killFamily ends a process and its children, and returns when all have ended but the process
// itself, whose end its starter sees.
func killFamily(pid int, wait time.Duration) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	all := family(pid)
	for _, p := range all[1:] {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
	err := syscall.Kill(pid, syscall.SIGKILL)
	for end := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		alive, left := parents(), 0
		for _, p := range all[1:] {
			if _, ok := alive[p]; ok {
				left++
			}
		}
		if left == 0 {
			return err
		}
		if time.Now().After(end) {
			return errors.Join(err, fmt.Errorf("%d processes of a killed server do not end", left))
		}
	}
}

// supported returns why there are no servers on this system.
func supported() error { return nil }
