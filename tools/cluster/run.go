// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Shape says how many clients there are.
type Shape struct {
	Processes int
	Clients   int // of each
	Timeout   time.Duration
	Pause     time.Duration
	Calm      time.Duration // before something fails, and after
}

// Usual is 64 clients in 4 processes.
var Usual = Shape{
	Processes: 4, Clients: 16, Timeout: 10 * time.Second, Pause: 60 * time.Millisecond,
	Calm: 300 * time.Millisecond,
}

// commitWaits limits how long a call may take in all, as a multiple of the time that a commit
// may take: once to reserve the row that settles it, once to send it, twice to find out what
// became of it, and as long again for one more try that begins at the end of that.
const commitWaits = 8

// Run lets clients in other processes use a new storage on the cluster while something fails,
// and checks what they saw. An error says what could not be done. What is wrong with the storage
// is in the findings.
func (sh Shape) Run(ctx context.Context, s *Site, sc Scenario, seed uint64) (*Findings, error) {
	address := s.Address()
	b, err := address.Backend()
	if err != nil {
		return nil, err
	}
	path := fmt.Sprint("cluster-", now())
	if err := Prepare(ctx, b, path); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	var processes []*Process
	defer func() {
		for _, p := range processes {
			p.Kill()
		}
	}()
	for i := range sh.Processes {
		p, err := StartProcess(ctx, address, Plan{
			Path: path, First: i * sh.Clients, Clients: sh.Clients, All: sh.Processes * sh.Clients,
			Seed: seed, Timeout: sh.Timeout, Commits: commitWaits * b.Sharing().Commit,
			Slack: 20 * time.Second, Pause: sh.Pause,
		})
		if err != nil {
			return nil, err
		}
		processes = append(processes, p)
	}
	if err := working(processes); err != nil {
		return nil, fmt.Errorf("before: %w", err)
	}
	if err := errors.Join(wait(ctx, sh.Calm), sc.run(ctx, s)); err != nil {
		return nil, err
	}
	after := working(processes)
	if err := wait(ctx, sh.Calm); err != nil {
		return nil, err
	}
	var logs []Log
	for _, p := range processes {
		log, err := p.Stop()
		if err != nil {
			return nil, err
		}
		logs = append(logs, log)
	}
	f, err := Check(ctx, b, path, logs)
	if err == nil && after != nil {
		f.fault("it does not go on without reopening: %v", after)
	}
	return f, err
}

// working asks one process after the other: all of them wait from the beginning.
func working(processes []*Process) error {
	for _, p := range processes {
		if err := p.Working(); err != nil {
			return err
		}
	}
	return nil
}
