// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"time"
)

// Time is the format of time.Time keys: instants over the whole range of time.Time, to the
// nanosecond. Time zone and monotonic clock reading are not stored, so times that are Equal are the
// same key, and a decoded time is in UTC.
func Time() Part[time.Time] { return timePart{} }

type timePart struct{ owned }

const (
	timeSize = 12

	// unixEpoch is the Unix epoch in seconds since January 1 of year 1, the epoch that time.Time
	// counts from itself. Seconds since 1970 overflow for the oldest times; these never do.
	unixEpoch = 62135596800
)

func (timePart) ID() string { return "time" }

func (timePart) Append(dst []byte, k time.Time) ([]byte, error) { return appendTime(dst, k), nil }

func appendTime(dst []byte, k time.Time) []byte {
	seconds := k.Unix() + unixEpoch // if Unix overflowed, this overflows back
	dst = binary.BigEndian.AppendUint64(dst, uint64(seconds)+1<<63)
	return binary.BigEndian.AppendUint32(dst, uint32(k.Nanosecond()))
}

func (f timePart) AppendPart(dst []byte, k time.Time) ([]byte, error) { return f.Append(dst, k) }

func (f timePart) Decode(b []byte) (time.Time, error) {
	if err := exactly(f.ID(), b, timeSize); err != nil {
		return time.Time{}, err
	}
	seconds := int64(binary.BigEndian.Uint64(b) - 1<<63)
	nanos := binary.BigEndian.Uint32(b[8:])
	if nanos >= 1e9 {
		return time.Time{}, corrupt(f.ID(), "has %d nanoseconds, want less than a second", nanos)
	}
	return time.Unix(seconds-unixEpoch, int64(nanos)).UTC(), nil
}

func (f timePart) TakePart(b []byte) (k time.Time, rest []byte, err error) {
	head, rest, err := cut(f.ID(), b, timeSize)
	if err != nil {
		return time.Time{}, nil, err
	}
	k, err = f.Decode(head)
	return k, rest, err
}
