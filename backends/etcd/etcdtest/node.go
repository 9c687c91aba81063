// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/guardkv/guardkv/core/remote/remotetest"
)

// Node is one server of a cluster. Its methods are for one goroutine at a time.
type Node struct {
	// Name is what the cluster calls it: n0, n1 and so on.
	Name string

	program string
	args    []string
	dir     string // the cluster's, which is the server's working directory
	socket  string // for clients, within dir

	cmd    *exec.Cmd     // nil before the first start
	exited chan struct{} // closed when cmd has ended
	paused bool
}

// Sockets are named like hosts and ports, because etcd takes only such names, and are files in
// the working directory of the servers.
func peerSocket(i int) string   { return fmt.Sprintf("n%d:1", i) }
func clientSocket(i int) string { return fmt.Sprintf("n%d:2", i) }

func newNode(program, dir string, i int, cluster string, args []string) *Node {
	name := fmt.Sprintf("n%d", i)
	peer, client := "unix://"+peerSocket(i), "unix://"+clientSocket(i)
	return &Node{
		Name: name, program: program, dir: dir, socket: clientSocket(i),
		args: append([]string{
			"--name=" + name, "--data-dir=" + name + ".etcd",
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--initial-cluster=" + cluster, "--initial-cluster-state=new",
			"--log-level=warn",
		}, args...),
	}
}

// Address returns the network and the address that net.Dial takes.
func (n *Node) Address() (network, address string) {
	return "unix", filepath.Join(n.dir, n.socket)
}

// Endpoint returns the address as clients of etcd want it.
func (n *Node) Endpoint() string {
	_, address := n.Address()
	return "unix://" + address
}

// Running reports whether the process runs, and is not paused.
func (n *Node) Running() bool { return n.alive() && !n.paused }

func (n *Node) alive() bool {
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.exited:
		return false
	default:
		return true
	}
}

func (n *Node) start() error {
	log, err := os.OpenFile(n.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := exec.Command(n.program, n.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = n.dir, log, log
	if err := remotetest.Start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", n.program, err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // it is killed, sooner or later
	}()
	n.cmd, n.exited, n.paused = cmd, exited, false
	return nil
}

func (n *Node) log() string { return filepath.Join(n.dir, n.Name+".log") }

// ready waits until the node knows a leader.
func (n *Node) ready(ctx context.Context) error {
	for {
		s, err := n.status(ctx)
		if err == nil && s.Leader != 0 && !s.IsLearner {
			return nil
		}
		if !n.alive() {
			return fmt.Errorf("%s has ended: %s", n.Name, n.lastWords())
		}
		if pause(ctx) != nil {
			return fmt.Errorf("%s does not become ready (%w): %s", n.Name, err, n.lastWords())
		}
	}
}

// lastWords returns the end of what the server has printed.
func (n *Node) lastWords() []byte {
	const most = 2000
	text, err := os.ReadFile(n.log())
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(text[max(0, len(text)-most):])
}

// status asks the node itself.
func (n *Node) status(ctx context.Context) (*clientv3.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{n.Endpoint()}, Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Status(ctx, n.Endpoint())
}

// Kill ends the process at once, as kill -9 does, and returns when it has ended. What the node
// has stored stays.
func (n *Node) Kill() error {
	if !n.alive() {
		return nil
	}
	err := n.cmd.Process.Kill()
	<-n.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Pause stops the process, as if it hung: it keeps its connections, and answers nothing.
func (n *Node) Pause() error {
	err := remotetest.Pause(n.cmd.Process)
	n.paused = n.paused || err == nil
	return err
}

// Resume lets a paused process go on.
func (n *Node) Resume() error {
	err := remotetest.Resume(n.cmd.Process)
	n.paused = n.paused && err != nil
	return err
}

// Restart starts the process again after Kill, and returns without waiting for a leader, which
// there is only if most of the nodes run.
func (n *Node) Restart() error {
	if n.alive() {
		return fmt.Errorf("%s runs", n.Name)
	}
	return n.start()
}

// Ready returns when the node knows a leader.
func (n *Node) Ready(ctx context.Context) error { return n.ready(ctx) }
