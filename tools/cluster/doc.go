// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster proves what storages on servers promise while servers and connections fail.
// Clients in several processes write, move money, count and read, through a proxy that cuts,
// delays and holds their connections, in a cluster whose servers are killed, stopped and
// started again. Afterwards everything that the clients were told is compared with what is
// stored: what was acknowledged, what failed, what is unknown, transactions that must be whole,
// sums that must be constant, and histories that must be linearizable.
package cluster
