// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package tools is what the verbs of the magefile do: one exported function, and one file, for
// each. They all run in the root of the repository, print the commands they run, and return an
// error if one of them failed.
package tools
