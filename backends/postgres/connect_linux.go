// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT: how many milliseconds sent bytes may stay unconfirmed.
const tcpUserTimeout = 18

// endUnanswered ends connections whose other side does not confirm what was sent.
func endUnanswered(network, _ string, raw syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	return raw.Control(func(fd uintptr) { // best effort
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout,
			int(deadAfter.Milliseconds()))
	})
}
