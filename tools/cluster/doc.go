// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster proves what storages on servers promise while servers and connections fail.
// Clients in several processes write, move money, count and read, through a proxy that cuts,
// delays and holds their connections, in a cluster whose servers are killed, stopped and
// started again. Afterwards everything that the clients were told is compared with what is stored:
// acknowledged writes are there, failed ones are not, unknown ones are one or the other,
// transactions are whole, sums are constant, and histories are linearizable.
package cluster
