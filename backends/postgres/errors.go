// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/jackc/pgx/v5/pgconn"
)

// Error codes of the server; see "PostgreSQL Error Codes" in its manual.
const (
	codeDivisionByZero     = "22012" // of a condition that does not hold, see stCheck
	codeUniqueViolation    = "23505"
	codeIdleInTransaction  = "25P03"
	codeReadOnly           = "25006"
	codeDuplicateTable     = "42P07"
	codeNoPrivilege        = "42501"
	codeCanceled           = "57014" // also of a statement whose time is over
	codeUndefinedTable     = "42P01"
	codeDiskFull           = "53100"
	codeTooLarge           = "54000"
	codeLockNotAvailable   = "55P03"
	codeNoSuchStatement    = "26000"
	codeFeatureUnsupported = "0A000"
)

// code returns the code of an error of the server, or "" if it is another error.
func code(err error) string {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Code
	}
	return ""
}

// isConflict reports whether doing the same again may help.
func isConflict(code string) bool {
	switch code {
	case "40001", "40P01", codeLockNotAvailable: // a serialization failure, a deadlock
		return true
	}
	return false
}

// goneAway reports whether the server is ending its sessions, and not only this one for what it
// did.
func goneAway(said *pgconn.PgError) bool { return strings.HasPrefix(said.Code, "57P") }

// refused returns the error of a request that the server has refused: nothing of it was done
// or, because the transaction is over, ever will be.
func refused(err error) error {
	c := code(err)
	switch {
	case isConflict(c):
		return fmt.Errorf("%w: %w", core.ErrConflict, err)
	case c == codeNoPrivilege:
		return fmt.Errorf("%w: %w", core.ErrReadOnly, err)
	case c == codeDiskFull:
		return fmt.Errorf("%w: %w", core.ErrNoRoom, err)
	case strings.HasPrefix(c, codeTooLarge[:3]):
		return fmt.Errorf("%w: %w", core.ErrTooLarge, err)
	case c == codeFeatureUnsupported:
		return fmt.Errorf("%w: the server cannot do what is needed; serializable transactions are "+
			"not to be had on a standby: %w", core.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
}

// spoiled reports whether an error with this code makes its connection useless: the server no
// longer accepts writes, or it has forgotten the statements.
func spoiled(code string) bool {
	return code == codeReadOnly || code == codeNoSuchStatement || code == codeFeatureUnsupported
}

// unreachable returns the error of connecting. What pgconn says may quote the URL, or hold all
// of it, so only the causes are passed on, which the server or the system gave. Those of the
// server come first: it was reached and knows why.
func unreachable(ctx context.Context, config *pgconn.Config, err error) error {
	var said, others reasons
	seen := map[string]bool{}
	for _, cause := range rootCauses(err) {
		cause = withoutSecrets(config, cause)
		text := cause.Error()
		switch {
		case seen[text]:
		case code(cause) != "":
			said = append(said, cause)
		default:
			others = append(others, cause)
		}
		seen[text] = true
	}
	if ended := ctx.Err(); ended != nil {
		others = append(others, ended)
	}
	return fmt.Errorf("%w: cannot connect to PostgreSQL: %w", core.ErrUnavailable,
		append(said, others...))
}

// reasons are errors of which any may be the cause. Their text is one line.
type reasons []error

func (r reasons) Error() string {
	texts := make([]string, len(r))
	for i, err := range r {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (r reasons) Unwrap() []error { return r }

// rootCauses returns the innermost errors.
func rootCauses(err error) []error {
	switch e := err.(type) {
	case *pgconn.PgError:
		return []error{e}
	case interface{ Unwrap() []error }:
		var all []error
		for _, inner := range e.Unwrap() {
			all = append(all, rootCauses(inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		inner := e.Unwrap()
		if inner == nil || isOfSystem(err) {
			return []error{err}
		}
		return rootCauses(inner)
	}
	return []error{err}
}

// withoutSecrets returns err, or only its text if a password is in it.
func withoutSecrets(config *pgconn.Config, err error) error {
	if config.Password == "" || !strings.Contains(err.Error(), config.Password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), config.Password, "xxxxx"))
}
