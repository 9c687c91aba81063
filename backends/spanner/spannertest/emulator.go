// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spannertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	admin "cloud.google.com/go/spanner/admin/database/apiv1"
	"cloud.google.com/go/spanner/admin/database/apiv1/databasepb"
	instances "cloud.google.com/go/spanner/admin/instance/apiv1"
	"cloud.google.com/go/spanner/admin/instance/apiv1/instancepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/guardkv/guardkv/core/remote/remotetest"
)

// Emulator is a running one. Its methods, but for Options and Database, are for one goroutine at a
// time.
type Emulator struct {
	address string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when cmd has ended
	last    atomic.Int64  // the number of the last database
}

// patience is how long something may take that takes a second on a quiet machine.
const patience = 3 * time.Minute

// project is the one that databases are in.
const project = "projects/guardkv"

// Start starts an emulator, and returns when it answers. If there is no program the error wraps
// exec.ErrNotFound; on systems without the signals of Unix it wraps errors.ErrUnsupported.
func Start() (*Emulator, error) {
	if err := remotetest.Supported(); err != nil {
		return nil, err
	}
	program, err := Program()
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		cmd: exec.Command(program, "--host_port=127.0.0.1:0"), exited: make(chan struct{}),
	}
	said, err := e.start()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.ready(ctx, said); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// start starts the process, and returns a channel for the address that it says it listens on. The
// channel is closed when it is sent, or what else the process has said.
func (e *Emulator) start() (said chan string, err error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	e.cmd.Stdout, e.cmd.Stderr = to, to
	err = errors.Join(remotetest.Start(e.cmd), to.Close())
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	said = make(chan string, 1)
	go func() {
		defer close(e.exited)
		defer from.Close()
		listen(from, said)
		_ = e.cmd.Wait() // it is killed, sooner or later
	}()
	return said, nil
}

// says is what is in front of the address.
const says = "Server address: "

// listen reads what the process says until its end.
func listen(from io.Reader, said chan<- string) {
	var all strings.Builder
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		all.WriteString(line + "\n")
		if _, address, ok := strings.Cut(line, says); ok {
			said <- says + strings.TrimSpace(address)
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
	said <- all.String()
}

// ready waits for the address, and until a database can be made.
func (e *Emulator) ready(ctx context.Context, said <-chan string) error {
	select {
	case text := <-said:
		address, ok := strings.CutPrefix(text, says)
		if !ok {
			return fmt.Errorf("the emulator of Spanner has ended: %s", text)
		}
		e.address = address
	case <-ctx.Done():
		return fmt.Errorf("the emulator of Spanner does not become ready: %w", ctx.Err())
	}
	_, err := e.Database(ctx) // which nobody uses
	return err
}

// Address returns the host and the port.
func (e *Emulator) Address() string { return e.address }

// Options returns what a client of Spanner needs to reach the emulator.
func (e *Emulator) Options() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint("passthrough:///" + e.address),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		option.WithoutAuthentication(),
	}
}

// Database makes a new database, and returns its name. It is in an instance of its own: the
// emulator has the limits of Spanner, so an instance has a hundred databases.
func (e *Emulator) Database(ctx context.Context) (string, error) {
	instance := fmt.Sprintf("guardkv-%d", e.last.Add(1))
	if err := e.instance(ctx, instance); err != nil {
		return "", err
	}
	client, err := admin.NewDatabaseAdminClient(ctx, e.Options()...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	op, err := client.CreateDatabase(ctx, &databasepb.CreateDatabaseRequest{
		Parent: project + "/instances/" + instance, CreateStatement: "CREATE DATABASE guardkv",
	})
	if err != nil {
		return "", err
	}
	database, err := op.Wait(ctx)
	return database.GetName(), err
}

// instance makes an instance.
func (e *Emulator) instance(ctx context.Context, name string) error {
	client, err := instances.NewInstanceAdminClient(ctx, e.Options()...)
	if err != nil {
		return err
	}
	defer client.Close()
	op, err := client.CreateInstance(ctx, &instancepb.CreateInstanceRequest{
		Parent: project, InstanceId: name,
		Instance: &instancepb.Instance{
			Config:      project + "/instanceConfigs/emulator-config",
			DisplayName: "GuardKV tests", NodeCount: 1,
		},
	})
	if err != nil {
		return err
	}
	_, err = op.Wait(ctx)
	return err
}

// Kill ends the process at once, as kill -9 does, and returns when it has ended.
func (e *Emulator) Kill() error {
	err := e.cmd.Process.Kill()
	<-e.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Pause stops the process, as if it hung: it keeps its connections, and answers nothing.
func (e *Emulator) Pause() error { return remotetest.Pause(e.cmd.Process) }

// Resume lets a paused process go on.
func (e *Emulator) Resume() error { return remotetest.Resume(e.cmd.Process) }

// Close ends the process.
func (e *Emulator) Close() error { return e.Kill() }
