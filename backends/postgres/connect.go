// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"maps"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// isOfSystem reports whether an error is one that package net or os explains.
func isOfSystem(err error) bool {
	switch err.(type) {
	case *net.OpError, *net.DNSError, *os.SyscallError:
		return true
	}
	return false
}

// errURL says what is wrong with a URL without showing it.
var errURL = errors.New("postgres: Backend.URL, or one of the variables PGHOST, PGPORT, PGUSER, " +
	"PGSSLMODE and so on, or a file that they name, cannot be understood; the text is not shown " +
	"here, because it may hold a password; a URL is like " +
	"postgres://user:password@host:5432/database?sslmode=verify-full, with each special character " +
	"of the password as %XX")

// parse returns the settings of connections.
func (b Backend) parse() (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig(b.URL)
	if err != nil {
		return nil, errURL // whatever err is, it may hold the URL
	}
	if config.ConnectTimeout <= 0 {
		config.ConnectTimeout = connectTimeout
	}
	dialer := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: deadAfter / 2, Interval: deadAfter / 6, Count: 3,
		},
		Control: endUnanswered,
	}
	config.DialFunc = dialer.DialContext
	settings := maps.Clone(b.Dialect.settings())
	if timeout := b.Idle; timeout > 0 {
		settings["idle_in_transaction_session_timeout"] = milliseconds(timeout)
	}
	settings["lock_timeout"] = milliseconds(b.Commit)
	for name, value := range config.RuntimeParams {
		if _, ours := settings[name]; !ours {
			settings[name] = value
		}
	}
	if settings["application_name"] == "" {
		settings["application_name"] = "guardkv"
	}
	config.RuntimeParams = settings
	return config, nil
}

const (
	// connectTimeout is how long a server may take to answer, if the URL does not say.
	connectTimeout = 10 * time.Second
	// deadAfter is how long the other side of a TCP connection may be silent when it should
	// answer. It holds here and on the server.
	deadAfter = 30 * time.Second
)

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10)
}
