// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// patience is how long Porcupine may think about one history.
const patience = 20 * time.Second

// Result tells what a history showed.
type Result struct {
	Calls   int
	Unknown int  // calls whose outcome their client does not know
	Decided bool // whether Porcupine came to an end
}

// ErrNotLinearizable is returned for a history that no storage which does one thing at a time
// could show.
var ErrNotLinearizable = errors.New("not linearizable")

// Check asks Porcupine whether a group that began without rows can have shown what the clients
// saw. A call whose outcome is unknown may have taken effect at any time after it began.
func Check(seen []Operation) (Result, error) {
	end, result := int64(0), Result{Calls: len(seen)}
	for _, o := range seen {
		end = max(end, o.Ended+1)
	}
	history := make([]porcupine.Operation, len(seen))
	for i, o := range seen {
		history[i] = porcupine.Operation{
			ClientId: o.Client, Input: o.Call, Call: o.Began, Output: o.Answer, Return: o.Ended,
		}
		if o.Answer.Unknown {
			history[i].Return, history[i].ClientId = end, 1000+i // its client went on
			result.Unknown++
		}
	}
	verdict := porcupine.CheckOperationsTimeout(model, history, patience)
	result.Decided = verdict != porcupine.Unknown
	if verdict == porcupine.Illegal {
		return result, fmt.Errorf("%w:\n%s", ErrNotLinearizable, shown(history))
	}
	return result, nil
}

// shown is a history in the order of the calls.
func shown(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	text := ""
	for _, o := range history {
		text += fmt.Sprintf("%9d to %9d ns, client %d: %s\n", o.Call, o.Return, o.ClientId,
			model.DescribeOperation(o.Input, o.Output))
	}
	return text
}
