// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package cbor stores keys and values as CBOR (RFC 8949), by way of github.com/fxamacker/cbor.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), cbor.New[User]())
//
// The encoding is the core deterministic one of RFC 8949: a value has one encoding, except for
// what its own methods write. Structs are maps. With the field option keyasint they are compact
// and may still gain and lose fields:
//
//	type User struct {
//		Name  string    `cbor:"1,keyasint"`
//		Since time.Time `cbor:"2,keyasint"`
//		Tags  []string  `cbor:"3,keyasint,omitempty"`
//	}
//
// Give a new field a new number and never use a number again. A field that is stored but not in
// the type is ignored; one that is in the type but not stored is zero. Integers and floats may
// become wider, and T may become *T. (The option toarray saves a few bytes, and makes it an
// error to add or remove a field.)
//
// In the rows that are there, a renamed field would read as zero, and a number that is used
// again for something else would read as nonsense. So the table records the names or numbers of
// the fields of T, and their types, and compares T with every type that opened it before, by
// the rules of package [github.com/guardkv/guardkv/core/shape]. If a field has another type, or
// if one is gone and another one of its type is new, OpenTable returns
// [core.ErrFormatMismatch], and the error names the field and both sides. Keep the stored name
// of a renamed field by its tag, and use [WithRemoved] for one that was removed, or
// [WithRetyped]. Programs of several versions may open a table in turn. A table of a GuardKV
// that recorded nothing begins with the first T that opens it. A type that says nothing, such
// as any or map[string]any, is not recorded, and opens every table.
//
// Reading is strict: duplicate map keys, indefinite lengths, trailing bytes, invalid UTF-8, and
// values that are nested too deeply or have too many elements are errors that wrap
// [core.ErrCorrupt]. The names of fields are case-sensitive. Numbers and lengths with longer
// heads than they need, which this package does not write, are read in values, and mean what
// the short ones mean; in keys they are errors. Reading is bounded too: a few bytes can stand
// for a big struct or map, so the memory that decoding would allocate is estimated first, and
// more than [WithMaxMemory] allows is an error. Writing refuses what reading would refuse, such
// as an overlong array or a string that is not UTF-8, so that no value is lost when it is
// written.
//
// [core.OpenTable] refuses a type of which something would be lost, before the table is made,
// and the error leads to the part that is to blame:
//   - interfaces with methods, which could be written and never read; channels, functions, complex
//     numbers, uintptr and [unsafe.Pointer]; pointers as the keys of a map, and pointers that lead
//     to nothing but themselves;
//   - two fields with one name or number, whether side by side, one hiding the other, or in
//     embedded structs; and a struct that is embedded twice;
//   - structs of which nothing would be stored, because all their fields are unexported, such
//     as [math/big.Rat] (see [WithText]), [sync/atomic.Int64] or [bytes.Buffer];
//   - embedded pointers to unexported structs, which reading could not set;
//   - fields that the tag json:"-" leaves out: write cbor:"-" if you mean it. Other json tags apply
//     to fields without a cbor tag;
//   - tags that are malformed or have options that do not exist;
//   - structs that are encoded by a method of a struct that they embed, which would lose their
//     other fields: struct{ time.Time; Note string } would be stored as the time alone. And
//     types with only one of the methods to encode and decode themselves.
//
// The content of an interface is checked only when it is written, and may be refused then.
// Values of types that encode themselves are read and written again before they are stored:
// what their methods cannot read, or read as something else, is an error too. (This takes twice
// the time of reading, and finds no difference that these methods do not write.)
//
// What survives storing, and what does not:
//   - A [time.Time] in the years 0 to 9999 keeps its instant to the nanosecond and is read in UTC,
//     without a monotonic reading. Writing any other time is an error. A time is stored as text
//     under tag 0, and nothing without a tag is read as a time. The zero time is stored as null.
//   - A nil pointer, slice, map or interface is stored as null and read as nil; null reads as zero
//     into all other types. The difference between nil and empty is kept, except with omitempty. A
//     pointer to something that is stored as null, such as a nil slice or pointer, or the zero
//     time, is read as nil. Two pointers to one thing are read as pointers to two.
//   - A [math/big.Int] of any size keeps its value, as an integer or, beyond 64 bits, as a bignum.
//     So do -0 and infinities; every NaN becomes the same one.
//   - A value in a field of type any is read as the type that CBOR has for it: an int comes back as
//     uint64 or int64, a float32 as float64, a struct or map as map[any]any.
//   - Unexported fields are not stored, in structs that also have exported ones; neither are fields
//     with the tag cbor:"-". Fields with omitempty or omitzero are not stored when they are empty,
//     and then read as zero: an embedded pointer of which no field is stored is nil.
//   - An array that is read into a longer one leaves zeros at the end; one that is read into a
//     shorter one loses its end.
//   - Types that implement the library's Marshaler and Unmarshaler, or [encoding.BinaryMarshaler]
//     and its opposite, are stored as their methods encode them. What these methods allocate is not
//     bounded. In slices of a byte type, the methods of that type are not used.
//   - Writing a value that contains itself, or is nested more deeply than [WithMaxNesting]
//     allows, returns [core.ErrTooLarge].
package cbor
