// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package keys has the key formats of tables: encodings whose order is the order of the keys.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.UintOf[UserID](), cbor.New[User]())
//	byCity := keys.Pair(keys.String(), keys.Desc(keys.Time()))
//
// # Order
//
// Engines know bytes and compare them as [bytes.Compare] does. So for all keys a and b of a format,
// the encoding of a is below, equal to or above that of b exactly if a is below, equal to or above
// b: numbers by value, strings and bytes by their bytes, times by their instant, composite keys by
// their first component, then by their second, and so on. Floats are ordered as by <, with two
// rules where < gives no order: -0 is the same key as +0, and all NaNs are one key, which sorts
// last. Every key has one encoding, and bytes that are not the encoding of a key are refused with
// [core.ErrCorrupt].
//
// # Owned and borrowed keys
//
// A decoded key owns its memory, so strings and bytes are copied. [StringView] and [BytesView] do
// not copy: their keys refer to the engine's bytes and are valid only while the row is. They store
// the same bytes under the same ID, so that one program can use the view and another the copy.
// Inside composites a view still copies where the stored bytes are escaped, and so does a view
// under [Desc].
//
// # Composite keys
//
// [Pair], [Triple], [Quad], [Desc], [Optional] and [Map] take any [Part], including each other, and
// parts from other packages. For more than four components, end a [Pair], [Triple] or [Quad] in
// another one. [Map] stores a type of your own as a key of another format.
//
// # Ranges
//
// Composite formats make ranges for [core.Scan.Within]. A range holds all keys that begin with the
// given components, or whose next component starts with a text, is between two others, or is in a
// range that its own format made. [DescFormat.Range], [OptionalFormat.Range] and [MapFormat.Range]
// take ranges of the formats that they wrap. A range belongs to the format that made it; with
// another format, a scan returns [core.ErrFormatMismatch].
//
//	trips := keys.Triple(keys.String(), keys.String(), keys.Int()) // from, to, number
//	trips.First("Oslo")                         // from Oslo
//	trips.FirstTwo("Oslo", "Rome")              // from Oslo to Rome
//	trips.SecondPrefix("Oslo", "R")             // from Oslo to towns with R
//	trips.ThirdBetween("Oslo", "Rome", 10, 20)  // from Oslo to Rome, 10 to 19
//
// [core.Scan.Prefix] of a composite key matches its last component.
//
// # Encodings
//
// Files hold these encodings, and they do not change. Integers are big endian. The ID is recorded
// with the table.
//
//	Format              ID                     Bytes of a key
//	Uint8 ... Uint64    uint8 ... uint64       1, 2, 4 or 8: the number
//	Int8 ... Int64      int8 ... int64         1, 2, 4 or 8: the number with its sign bit flipped
//	Uint, Int           uint64, int64          8, on every machine
//	Duration            int64                  8: nanoseconds
//	UintOf, IntOf,      that of the            those of the underlying type
//	FloatOf, StringOf,  underlying type
//	BytesOf
//	Float32, Float64    float32, float64       4 or 8: the IEEE 754 bits, all flipped if the sign bit is set, else
//	                                           the sign bit flipped; zero is 80 00..., NaN is ff c0 00 00 or
//	                                           ff f8 00 00 00 00 00 01
//	Bool                bool                   1: 00 or 01
//	Array               array(N)               N: the array
//	Time                time                   8: seconds since January 1 of year 1, UTC, with the sign bit flipped,
//	                                           and 4: nanoseconds, 0 to 999999999
//	String, StringView  string                 the string
//	Bytes, BytesView    bytes                  the bytes
//	Addr                addr                   00 for the zero Addr; 04 and 4: IPv4; 06, 16 and the zone: IPv6
//	AddrPort            addrport               those of Pair(Addr(), Uint16())
//	Network             network                those of Triple(Addr(), Uint8(), Addr()): the address without the bits
//	                                           behind the length, the length plus 1 (0 if invalid), the address
//	BigInt              bigint                 80 for zero; a byte 80 + n and n: the number, n up to 125;
//	                                           fe, 2 and n: n and the number; every bit flipped if negative
//	Pair(a, b)          pair(a,b)              a as a component, then b as it stands alone
//	Triple(a, b, c)     triple(a,b,c)          a and b as components, then c as it stands alone
//	Quad(a, b, c, d)    quad(a,b,c,d)          a, b and c as components, then d as it stands alone
//	Map(name, f, ...)   map(name,f)            those of f
//	Desc(f)             desc(f)                f as a component, every bit flipped
//	Optional(f)         optional(f)            00 for null; 01 and f as it stands alone for a value
//
// A component that is followed by others is encoded as above, with these exceptions:
//
//	string, bytes       00 becomes 00 ff, and 00 01 is the end
//	addr                behind IPv6 the zone is a string that is a component
//	pair, triple, quad  all their components are encoded as components
//	optional            01 and f as a component for a value
package keys
