// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package tools implements the verbs of the magefile: one exported function, in a file of its
// own, for each. They all run in the root of the repository, print the commands they run, and
// return an error if one of them failed.
package tools
