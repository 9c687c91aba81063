// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/guardkv/guardkv/core/backendtest"
)

// Process is a [Session] in a process of its own.
type Process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *json.Decoder
}

// Children are what a program does that this package has started as another process. Before
// anything else, the program must pass them to [backendtest.RunChild].
var Children = map[string]func(args []string) error{clientsChild: runClients}

// clientsChild is the name of the child that runs clients.
const clientsChild = "clients"

// job is what the other process is told at its beginning.
type job struct {
	Address Address
	Plan    Plan
}

// answer is what the other process says.
type answer struct {
	Err string
	Log *Log
}

// The questions to the other process. It ends after stop, or when its standard input does.
const (
	askWorking = "working"
	askStop    = "stop"
)

// workingTime is how long all clients may take until something of theirs is acknowledged.
const workingTime = 2 * time.Minute

// StartProcess starts a process whose clients begin at once.
func StartProcess(ctx context.Context, a Address, p Plan) (*Process, error) {
	text, err := json.Marshal(job{a, p})
	if err != nil {
		return nil, err
	}
	proc := &Process{cmd: backendtest.Child(ctx, clientsChild, string(text))}
	proc.cmd.Stderr = os.Stderr
	if proc.in, err = proc.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := proc.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	proc.answers = json.NewDecoder(out)
	return proc, proc.cmd.Start()
}

// Working asks the session of the process whether it is working.
func (p *Process) Working() error {
	_, err := p.ask(askWorking)
	return err
}

// Stop stops the session of the process, and ends the process.
func (p *Process) Stop() (Log, error) {
	a, err := p.ask(askStop)
	err = errors.Join(err, p.in.Close(), p.cmd.Wait())
	if a.Log == nil {
		return Log{}, err
	}
	return *a.Log, err
}

// Kill ends the process.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait() // its error only says that it was killed
}

func (p *Process) ask(question string) (a answer, err error) {
	if _, err := fmt.Fprintln(p.in, question); err != nil {
		return a, err
	}
	if err := p.answers.Decode(&a); err != nil {
		return a, fmt.Errorf("the clients' process says nothing to %q: %w", question, err)
	}
	if a.Err != "" {
		err = errors.New(a.Err)
	}
	return a, err
}

// runClients is the other process.
func runClients(args []string) error {
	var j job
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		return err
	}
	b, err := j.Address.Backend()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), workingTime)
	defer cancel()
	s, err := NewSession(ctx, b, j.Plan)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		switch q := questions.Text(); q {
		case askWorking:
			err = out.Encode(answered(s.working(), nil))
		case askStop:
			log, stopped := s.Stop()
			return out.Encode(answered(stopped, &log))
		default:
			err = fmt.Errorf("unknown question %q", q)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) working() error {
	ctx, cancel := context.WithTimeout(context.Background(), workingTime)
	defer cancel()
	return s.Working(ctx)
}

func answered(err error, log *Log) answer {
	if err != nil {
		return answer{Err: err.Error(), Log: log}
	}
	return answer{Log: log}
}
