// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package duration is a value format by an outside author: durations as the text that people write.
package duration

import (
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
)

// Format writes durations such as 1h30m0s.
type Format struct{}

var _ core.ValueFormat[time.Duration, time.Duration] = Format{}

// ID returns "duration".
func (Format) ID() string { return "duration" }

// Append appends the text of d.
func (Format) Append(dst []byte, d time.Duration) ([]byte, error) {
	return append(dst, d.String()...), nil
}

// View returns the duration that b is the text of.
func (Format) View(b []byte) (time.Duration, error) {
	d, err := time.ParseDuration(string(b))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	return d, nil
}
