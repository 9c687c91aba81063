// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Histories lets random clients of two processes use shared storages over an unreliable
// network, and checks that what they saw is linearizable, until the time is over.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/history"
)

func main() {
	length := flag.Duration("time", 5*time.Minute, "how `long` to go on")
	seed := flag.Uint64("seed", 0, "the first `seed`; 0 picks one")
	flag.Parse()
	if err := run(*length, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "histories:", err)
		os.Exit(1)
	}
}

// run makes one round after the other.
func run(length time.Duration, seed uint64) error {
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	start, rounds, calls, unknown, undecided := time.Now(), 0, 0, 0, 0
	for ; time.Since(start) < length; rounds++ {
		r, err := history.Round(memory.NewShared(), seed+uint64(rounds))
		if err != nil {
			return err
		}
		calls, unknown = calls+r.Calls, unknown+r.Unknown
		if !r.Decided {
			undecided++
		}
	}
	fmt.Printf("%d histories of %d calls in %v are linearizable; %d outcomes were unknown, "+
		"%d histories too hard to decide\n",
		rounds-undecided, calls, time.Since(start).Round(time.Second), unknown, undecided)
	return nil
}
