// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// fuzzTarget is one fuzz test of one package.
type fuzzTarget struct{ pkg, name string }

// minimize bounds what is spent on making an input smaller. Without it, a target that does not take the same way each
// time, such as one that reads files, spends all of its time on that.
const minimize = "-fuzzminimizetime=10x"

// Fuzz runs every fuzz target of all modules one after the other, each for the given time, 30s if nil.
func Fuzz(each *time.Duration) error {
	fuzztime := 30 * time.Second
	if each != nil {
		fuzztime = *each
	}
	events, err := command{args: []string{"go", "test", "-json", "-list=^Fuzz", "work"}}.output()
	if err != nil {
		return err
	}
	targets, err := fuzzTargets(events)
	if err != nil {
		return err
	}
	for _, t := range targets {
		err := run("go", "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+fuzztime.String(), minimize, t.pkg)
		if err != nil {
			return err
		}
	}
	return nil
}

// fuzzTargets finds the targets in what go test -json -list printed. That there are none is an error: a
// check that looks at nothing must not pass.
func fuzzTargets(events string) ([]fuzzTarget, error) {
	var targets []fuzzTarget
	for d := json.NewDecoder(strings.NewReader(events)); ; {
		var event struct{ Action, Package, Output string }
		switch err := d.Decode(&event); {
		case errors.Is(err, io.EOF) && len(targets) == 0:
			return nil, errors.New("no fuzz target found")
		case errors.Is(err, io.EOF):
			return targets, nil
		case err != nil:
			return nil, fmt.Errorf("go test -json: %w", err)
		}
		if event.Action == "output" && strings.HasPrefix(event.Output, "Fuzz") {
			targets = append(targets, fuzzTarget{event.Package, strings.TrimSpace(event.Output)})
		}
	}
}
