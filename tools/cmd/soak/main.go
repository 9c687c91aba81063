// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Soak runs random programs on all backends and on a model, operation by operation, until
// something differs or the time is over.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/guardkv/guardkv/tools/lockstep"
)

func main() {
	length := flag.Duration("time", 5*time.Minute, "how `long` to go on")
	seed := flag.Uint64("seed", 0, "the first `seed`; 0 picks one")
	size := flag.Int("size", 150, "`operations` of one program")
	flag.Parse()
	if err := run(*length, *seed, *size); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run tries one seed after the other.
func run(length time.Duration, seed uint64, size int) error {
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	var names []string
	for _, b := range lockstep.Backends {
		names = append(names, b.Name)
	}
	fmt.Printf("programs of %d operations on %v, from seed %d on\n", size, names, seed)
	start, said, programs := time.Now(), time.Now(), 0
	for ; time.Since(start) < length; programs++ {
		if err := lockstep.Verify(seed+uint64(programs), size, lockstep.Backends); err != nil {
			return fmt.Errorf("%w\nto see it again: go run ./tools/cmd/soak -seed=%d -size=%d",
				err, seed+uint64(programs), size)
		}
		if time.Since(said) > time.Minute {
			fmt.Printf("%d programs in %v\n", programs+1, time.Since(start).Round(time.Second))
			said = time.Now()
		}
	}
	fmt.Printf("%d programs in %v, and no difference\n",
		programs, time.Since(start).Round(time.Second))
	return nil
}
