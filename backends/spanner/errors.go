// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	cloud "cloud.google.com/go/spanner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/guardkv/guardkv/core"
)

// code returns the code of an error of the service.
func code(err error) codes.Code { return cloud.ErrCode(err) }

// noTable reports whether an error says that the table was not created yet.
func noTable(err error) bool {
	return (code(err) == codes.NotFound || code(err) == codes.InvalidArgument) &&
		contains(err, "Table not found")
}

// aborted reports whether the service gave up a transaction, so that it may be made again.
func aborted(err error) bool {
	switch code(err) {
	case codes.Aborted:
		return true
	case codes.NotFound, codes.FailedPrecondition:
		return contains(err, forgotten...)
	}
	return false
}

// forgotten is what the service says of a transaction that is over. Nothing of it was done,
// unless its commit was sent before. In the emulator a client's transaction ends the one
// before.
var forgotten = []string{
	"Transaction not found", "Invalid transaction ID",
	"Invalid call to Aborted transaction", "Invalid call to Rolledback transaction",
	"after it has been committed or rolledback", "after it has been rolled back",
}

// contains reports whether the text of an error contains one of texts.
func contains(err error, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}

// expired reports whether an error says that a state is no longer kept. It is called only for
// reads at a timestamp that was read at before.
func expired(err error) bool {
	return code(err) == codes.FailedPrecondition || code(err) == codes.OutOfRange
}

// failed returns the error of something that did not happen and never will.
func failed(ctx context.Context, err error) error {
	var means error
	switch code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted,
		codes.Internal, codes.Unknown:
		means = core.ErrUnavailable
	case codes.Aborted:
		means = core.ErrConflict
	}
	if means != nil && !known(err) {
		err = fmt.Errorf("%w: %w", means, err)
	}
	if ended := ended(ctx, err); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	return err
}

// ended returns the error of a context that has ended, or whose deadline a request has reached:
// the service knows the deadline, and may report it a moment before the context does.
func ended(ctx context.Context, err error) error {
	const moment = time.Second
	if d, ok := ctx.Deadline(); ok && code(err) == codes.DeadlineExceeded &&
		time.Until(d) < moment {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// known reports whether package core knows what an error means.
func known(err error) bool {
	for _, says := range []error{
		core.ErrConflict, core.ErrUnavailable, core.ErrSnapshotExpired, core.ErrTooLarge,
		core.ErrReadOnly, core.ErrClosed, core.ErrMaybe, core.ErrVersionMismatch,
		core.ErrNotStorage, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, says) {
			return true
		}
	}
	return false
}

// refusal reports whether a code says that the service has refused a commit, and did nothing of
// it.
func refusal(c codes.Code) bool {
	switch c {
	case codes.Aborted, codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange,
		codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.Unimplemented:
		return true
	}
	return false
}

// attempts are the attempts at one commit. The client of Spanner sends a commit again if the
// service was unavailable. Spanner makes it once, however often it is sent.
type attempts struct {
	unclear atomic.Bool // one of them may have been done
}

type attemptsKey struct{}

// watchCommit notes what became of each attempt.
func watchCommit(
	ctx context.Context, method string, q, answer any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	err := invoke(ctx, method, q, answer, conn, opts...)
	if all, ok := ctx.Value(attemptsKey{}).(*attempts); ok && err != nil &&
		strings.HasSuffix(method, "/Commit") && !refusal(status.Code(err)) {
		all.unclear.Store(true)
	}
	return err
}

// committed returns the outcome of a commit. An aborted commit was not made, whatever became of
// the attempts before: otherwise Spanner would have answered with the time of the commit.
func committed(err error, all *attempts) error {
	c := code(err)
	switch {
	case err == nil || c == codes.Aborted:
		return err
	case all.unclear.Load() || !refusal(c):
		return fmt.Errorf("%w: %w", core.ErrMaybe, err)
	case aborted(err):
		return err
	case c == codes.PermissionDenied:
		return fmt.Errorf("%w: %w", core.ErrReadOnly, err)
	case c == codes.InvalidArgument && contains(err, "too many mutations"):
		return fmt.Errorf("%w: %w", core.ErrTooLarge, err)
	}
	return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
}
