// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/guardkv/guardkv/core"
)

// refused are the answers of a server that has done nothing, and never will. means is the
// sentinel of package core that says so, if there is one.
var refused = []struct{ answer, means error }{
	{rpctypes.ErrTooManyOps, core.ErrTooLarge},
	{rpctypes.ErrRequestTooLarge, core.ErrTooLarge},
	{rpctypes.ErrNoSpace, core.ErrNoRoom},
	{rpctypes.ErrCompacted, core.ErrSnapshotExpired},
	{rpctypes.ErrFutureRev, nil},
	{rpctypes.ErrNoLeader, core.ErrUnavailable},
	{rpctypes.ErrTooManyRequests, core.ErrUnavailable},
	{rpctypes.ErrNotCapable, core.ErrUnavailable},
	{rpctypes.ErrGRPCNotSupportedForLearner, core.ErrUnavailable},
	{rpctypes.ErrEmptyKey, nil},
	{rpctypes.ErrDuplicateKey, nil},
	{rpctypes.ErrPermissionDenied, nil},
	{rpctypes.ErrAuthFailed, nil},
	{rpctypes.ErrUserEmpty, nil},
	{rpctypes.ErrUserNotFound, nil},
	{rpctypes.ErrInvalidAuthToken, nil},
	{rpctypes.ErrAuthOldRevision, core.ErrUnavailable},
	{rpctypes.ErrCorrupt, nil},
}

// dropped is the answer of a server that knew no leader when it had a proposal.
const dropped = "raft proposal dropped"

// meant returns the error that a server's answer stands for, and whether nothing was done.
func meant(err error) (_ error, nothing bool) {
	err = rpctypes.Error(err)
	for _, r := range refused {
		if !errors.Is(err, r.answer) && status.Convert(err).Message() != message(r.answer) {
			continue
		}
		if r.means == nil {
			return err, true
		}
		return fmt.Errorf("%w: %w", r.means, err), true
	}
	if status.Convert(err).Message() == dropped {
		return fmt.Errorf("%w: %w", core.ErrUnavailable, err), true
	}
	return err, false
}

func message(err error) string { return status.Convert(err).Message() }

// passing reports whether another try, maybe with another server, may succeed, given that
// nothing was done.
func passing(err error) bool {
	if errors.Is(err, core.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, context.Canceled) {
		return true
	}
	var answer rpctypes.EtcdError
	if errors.As(err, &answer) {
		return answer.Code() == codes.Unavailable
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	return false
}

// failed returns the error of a request that was tried again in vain: nothing was done.
func failed(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	if passing(err) && !errors.Is(err, core.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	}
	return err
}

// unwritten returns the error of a write of which nothing was done. It wraps a sentinel of
// package core that says so.
func unwritten(err error) error {
	for _, says := range []error{
		core.ErrUnavailable, core.ErrTooLarge, core.ErrNoRoom, core.ErrSnapshotExpired,
	} {
		if errors.Is(err, says) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
}
