// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package remotetest starts servers for tests: processes that end with the process of the test,
// however that ends, and that can be stopped as if they hung. It is for packages that start one
// kind of server, such as etcdtest.
//
// A process ends with its starter on Linux only. Elsewhere a test that is killed leaves its servers
// behind.
package remotetest
