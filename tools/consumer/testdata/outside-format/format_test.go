// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/formattest"
)

func TestFormat(t *testing.T) {
	formattest.Run(t, Format{}, 0, time.Nanosecond, 90*time.Minute, -time.Hour)
}
