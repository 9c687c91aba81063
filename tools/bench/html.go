// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import "io"

func (r *Report) writeHTML(w io.Writer) error { return nil }
