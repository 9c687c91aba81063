// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package geo has types that another package archives.
package geo

// Point is a struct of another package.
type Point struct{ X, Y float32 }

// Weight is a number with a name.
type Weight int32
