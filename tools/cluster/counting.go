// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// unanswered is the error of a commit that was not answered. The number tells it from others.
type unanswered struct {
	number int64
	err    error
}

func (u *unanswered) Error() string {
	return fmt.Sprintf("unanswered commit %d: %v", u.number, u.err)
}

func (u *unanswered) Unwrap() error { return u.err }

var unansweredText = regexp.MustCompile(`unanswered commit (\d+):`)

// unansweredIn returns the number of the commit that an error tells of, or "" for none. It looks
// in the text, because core hides the errors of its own contexts from callers, whose contexts have
// not ended.
func unansweredIn(err error) string {
	if found := unansweredText.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return ""
}

// counting is a backend that counts the commits that were not answered. core finds out what
// became of most of them, so its callers do not know how many there were.
type counting struct {
	core.Backend
	lost *atomic.Int64
}

func (b counting) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return countingClaim{c, b}, nil
}

type countingClaim struct {
	core.Claim
	b counting
}

func (c countingClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return countingEngine{e, c.b}, nil
}

type countingEngine struct {
	core.Engine
	b counting
}

func (e countingEngine) Apply(ctx context.Context, b core.Batch) error {
	err := e.Engine.Apply(ctx, b)
	if errors.Is(err, core.ErrMaybe) {
		return &unanswered{e.b.lost.Add(1), err}
	}
	return err
}
