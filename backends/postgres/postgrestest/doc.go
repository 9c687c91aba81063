// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package postgrestest starts throw-away servers of PostgreSQL for tests and demonstrations: one
// server with [Start], or a primary with synchronous standbys with [StartCluster].
//
// The servers are the programs of the system's own PostgreSQL, of version 13 or later. They listen
// on Unix sockets in a temporary folder and nowhere else, so that no two collide and nobody else
// on the network sees them. They end with Close, on Linux also with the process that started them,
// and leave no files: what a killed process has left, the next Start removes.
//
// PostgreSQL refuses to run as root. If the process is root the servers run as the user postgres,
// or as nobody where there is no such user.
package postgrestest
