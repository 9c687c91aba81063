// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Scenario makes something fail, and makes it work again.
type Scenario struct {
	Name string
	run  func(ctx context.Context, s *Site) error
}

// outage is how long a failure lasts.
const outage = 1500 * time.Millisecond

// Scenarios are what is tried on every cluster.
var Scenarios = []Scenario{
	{"the network", networkFails},
	{"answers of commits lost", answersLost},
	{"a follower killed", followerKilled},
	{"the leader killed", leaderKilled},
	{"the leader stopped for 3 s", leaderHangs},
	{"the quorum lost", quorumLost},
	{"the quorum lost, then the leader", quorumAndLeaderLost},
	{"all killed", allKilled},
}

// networkFails cuts, delays, holds and refuses connections, each for a while.
func networkFails(ctx context.Context, s *Site) error {
	for _, fail := range []struct{ begin, end func(*Proxy) }{
		{func(p *Proxy) { p.CutAll() }, func(*Proxy) {}},
		{func(p *Proxy) { p.Delay(20 * time.Millisecond) }, func(p *Proxy) { p.Delay(0) }},
		{func(p *Proxy) { p.Hold(true) }, func(p *Proxy) { p.Hold(false) }},
		{func(p *Proxy) { p.Hold(true) }, func(p *Proxy) { p.CutAll(); p.Hold(false) }},
		{func(p *Proxy) { p.Refuse(true); p.CutAll() }, func(p *Proxy) { p.Refuse(false) }},
	} {
		for _, p := range s.proxies {
			fail.begin(p)
		}
		if err := wait(ctx, outage/2); err != nil {
			return err
		}
		for _, p := range s.proxies {
			fail.end(p)
		}
	}
	return nil
}

func answersLost(ctx context.Context, s *Site) error {
	ctx, cancel := context.WithTimeout(ctx, 2*outage)
	defer cancel()
	s.loseAnswers(ctx, 20*time.Millisecond)
	return nil
}

// commitMark is how the keys of the rows begin by which core finds out what became of a commit.
// Every commit has such a key, and little else has.
var commitMark = []byte("\xff\xff\xff\xff")

// loseAnswers cuts connections when a commit is on its way, before it reaches the server or
// before its answer reaches the client, one in each interval, until ctx ends.
func (s *Site) loseAnswers(ctx context.Context, interval time.Duration) {
	for wait(ctx, interval) == nil {
		for _, p := range s.proxies {
			p.Arm(&Cut{Match: commitMark, After: rand.IntN(3) > 0})
		}
	}
	for _, p := range s.proxies {
		p.Arm(nil)
	}
}

func followerKilled(ctx context.Context, s *Site) error {
	leader, err := s.Leader(ctx)
	if err != nil {
		return err
	}
	return s.away(ctx, nil, s.others(leader)[0])
}

func leaderKilled(ctx context.Context, s *Site) error {
	leader, err := s.Leader(ctx)
	if err != nil {
		return err
	}
	return s.away(ctx, s.Succeed, leader)
}

// leaderHangs stops the leader for 3 s. When it goes on, another may lead, and it does not know.
func leaderHangs(ctx context.Context, s *Site) error {
	leader, err := s.Leader(ctx)
	if err != nil {
		return err
	}
	if err := s.Pause(leader); err != nil {
		return err
	}
	if err := wait(ctx, 3*time.Second); err != nil {
		return err
	}
	return s.Resume(leader)
}

func quorumLost(ctx context.Context, s *Site) error {
	leader, err := s.Leader(ctx)
	if err != nil {
		return err
	}
	return s.away(ctx, nil, s.others(leader)...)
}

// quorumAndLeaderLost kills all but the leader, then the leader, and lets the others come back
// and go on without it. What it alone has was never acknowledged.
func quorumAndLeaderLost(ctx context.Context, s *Site) error {
	leader, err := s.Leader(ctx)
	if err != nil {
		return err
	}
	others := s.others(leader)
	if err := s.kill(others...); err != nil {
		return err
	}
	if err := wait(ctx, patience+outage); err != nil {
		return err
	}
	if err := s.kill(leader); err != nil {
		return err
	}
	if err := s.Return(ctx, others...); err != nil {
		return err
	}
	if err := s.Succeed(ctx); err != nil {
		return err
	}
	return s.Return(ctx, leader)
}

func allKilled(ctx context.Context, s *Site) error {
	return s.away(ctx, nil, s.others(-1)...)
}

// away kills servers, and lets them return after a while. In the middle of that it calls between,
// if not nil.
func (s *Site) away(ctx context.Context, between func(context.Context) error, nodes ...int) error {
	if err := s.kill(nodes...); err != nil {
		return err
	}
	if err := wait(ctx, outage/2); err != nil {
		return err
	}
	if between != nil {
		if err := between(ctx); err != nil {
			return err
		}
	}
	if err := wait(ctx, outage/2); err != nil {
		return err
	}
	return s.Return(ctx, nodes...)
}

func (s *Site) kill(nodes ...int) error {
	for _, n := range nodes {
		if err := s.Kill(n); err != nil {
			return fmt.Errorf("kill server %d: %w", n, err)
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
