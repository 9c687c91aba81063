// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

// checks are the promises of a value format, those of its optional powers included.
func (s *suite) checks() []check {
	all := []check{
		{name: "ID", promise: "the ID is not empty and never changes", run: s.id},
		{
			name: "RoundTrip", promise: "reading an encoding gives what was encoded",
			run: s.roundTrip,
		},
		{
			name:    "AppendOnly",
			promise: "Append adds the encoding to what dst holds, and changes nothing of it",
			run:     s.appendOnly,
		},
		{
			name: "KeepsNothing", promise: "Append keeps no reference to the value or to dst",
			run: s.keepsNothing,
		},
		{
			name: "KeepsValue", promise: "Append leaves the caller's value as it is",
			run: func() error { return s.changed },
		},
		s.encodingsOfOne(),
		{
			name:    "Bounded",
			promise: "reading takes time and memory in proportion to the bytes, whatever they are",
			run:     s.everyInput(s.bounded), last: true,
		},
		{
			name: "NeverPanics", promise: "reading never panics, whatever the bytes are",
			run: s.everyInput(s.neverPanics),
		},
		{
			name: "Errors",
			promise: "bytes that cannot be read are ErrCorrupt, or ErrFormatMismatch if another " +
				"program can read them",
			run: s.everyInput(s.wrapsCorrupt),
		},
		{
			name:    "Trailing",
			promise: "nothing may stand behind a value, unless Extras.Padded says so",
			run:     s.trailing,
		},
		{
			name: "Aligned", promise: "reading depends on no alignment of the bytes",
			run: s.everyInput(s.anyAlignment),
		},
		{
			name: "ReadOnly", promise: "reading does not modify the bytes",
			run: s.everyInput(s.readOnly),
		},
		{
			name: "ReadsInside", promise: "reading depends on nothing outside the bytes",
			run: s.everyInput(s.readsInside),
		},
		{
			name: "NothingStale", promise: "what is read shows nothing of what was read before",
			run: s.nothingStale,
		},
		s.memory(),
		{name: "Concurrent", promise: "a format is safe for concurrent use", run: s.concurrent},
	}
	if s.format.into != nil {
		all = append(all, check{
			name:    "Reuse",
			promise: "ViewInto reads what View reads, and nothing of the old value stays",
			run:     s.reuse,
		})
	}
	if s.format.trusted != nil {
		all = append(all, check{
			name: "Trusted", promise: "ViewTrusted reads what View reads, if the bytes are valid",
			run: s.trusted,
		})
	}
	if s.format.lent != nil {
		all = append(all, check{
			name: "Lent", promise: "ViewLent reads what View reads, until it is released",
			run: s.lent,
		})
	}
	if s.format.atRow != nil && s.notBound == nil {
		all = append(all, check{
			name: "Rows",
			promise: "a value that is bound to its row is that of no other row, and of no other " +
				"table",
			run: s.rows,
		})
	}
	if s.unbound != nil {
		all = append(all, check{
			name:    "Bind",
			promise: "Bind takes its own metadata back unchanged, and refuses any other",
			run:     s.bind,
		})
	}
	return all
}

// checks are the promises of a key format. Those it shares with value formats are checked in
// the same way.
func (s *keySuite) checks() []check {
	all := append(s.suite.checks(),
		check{
			name:    "Equality",
			promise: "equal keys have equal encodings, and different keys different ones",
			run:     s.equality,
		},
		check{
			name: "Canonical", promise: "bytes that decode to a key are the encoding of that key",
			run: s.everyInput(s.canonical),
		},
	)
	if s.keys.ordered() {
		all = append(all, check{
			name:    "Order",
			promise: "bytes.Compare on encodings agrees with the order of the keys", run: s.order,
		})
	}
	if s.keys.prefix != nil && s.text != nil {
		all = append(all, check{
			name:    "Prefix",
			promise: "Prefix is the range of the keys that start with k, and of no other",
			run:     s.prefix,
		})
	}
	return all
}
