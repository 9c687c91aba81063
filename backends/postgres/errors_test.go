// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/jackc/pgx/v5/pgconn"
)

// A wrong password was told in the second line of an error, behind a first one about TLS, which
// had been tried before and was of no interest.
func TestWhatTheServerSaysComesFirst(t *testing.T) {
	refused := &pgconn.PgError{Severity: "FATAL", Message: "wrong password", Code: "28P01"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tls := errors.New("server refused TLS connection")
	err := unreachable(ctx, &pgconn.Config{}, errors.Join(tls, refused, tls))
	want := "unavailable: cannot connect to PostgreSQL: FATAL: wrong password (SQLSTATE 28P01); " +
		"server refused TLS connection; context canceled"
	if err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	for _, is := range []error{core.ErrUnavailable, context.Canceled} {
		if !errors.Is(err, is) {
			t.Errorf("%v is not %v", err, is)
		}
	}
	if code(err) != refused.Code {
		t.Errorf("the code of %v is %q", err, code(err))
	}
}
