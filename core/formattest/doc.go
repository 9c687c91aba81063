// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package formattest is the specification of key and value formats, in the form of tests. The
// author of a format runs it through them:
//
//	func TestFormat(t *testing.T) { formattest.Run(t, msgpack.New[Sample](), samples...) }
//	func TestKey(t *testing.T)    { formattest.RunKey(t, msgpack.Key[Sample](), samples...) }
//	func FuzzFormat(f *testing.F) { formattest.Fuzz(f, msgpack.New[Sample](), samples...) }
//	func FuzzKey(f *testing.F)    { formattest.FuzzKey(f, msgpack.Key[Sample](), samples...) }
//
//	func BenchmarkFormat(b *testing.B) { formattest.Bench(b, msgpack.New[Sample](), samples...) }
//
// Each promise of [core.ValueFormat] and [core.KeyFormat] is one subtest, and a failure prints
// the promise. What a format cannot show by itself, such as the order of its keys or how a view
// is turned into a value, is said in an [Extras] or a [KeyExtras].
//
// A format that has more than one encoding for some values, as gob has for maps, is tested with
// Extras.Varies, and says so in its own documentation. One after whose values there may be
// bytes that mean nothing, as in FlatBuffers, is tested with Extras.Padded.
//
// [Evolve] tests that rows outlive a change of their type: it gives an old and a new format the
// same metadata in turn.
//
// Good samples are few and different: the zero value, a small one, one with every field set and
// something long. The suite damages their encodings in some thousand ways, the same ways in
// every run. Run it with -race too: only the race detector sees every misuse of shared memory.
package formattest
