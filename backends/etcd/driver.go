// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// driver is an open storage.
type driver struct {
	client   *client
	places   places
	readOnly bool

	mu   sync.Mutex
	mark []byte // as far as this process knows

	long longRanges
}

var _ remote.Driver = (*driver)(nil)

func newDriver(c *client, e remote.Entry, readOnly bool) *driver {
	return &driver{
		client: c, places: newPlaces(c.backend.Prefix, e.ID), readOnly: readOnly, mark: e.Mark,
	}
}

// as sets target to the client of etcd, if it is a pointer to one.
func (d *driver) as(target any) bool {
	t, ok := target.(**clientv3.Client)
	if ok {
		*t = d.client.etcd
	}
	return ok
}

// Begin sends nothing: a state is the revision of its first read.
func (d *driver) Begin(core.Use) remote.State { return &state{driver: d} }

// SetMark replaces the mark, if it is the one that this process knows.
func (d *driver) SetMark(ctx context.Context, mark []byte) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	answer, err := d.client.write(ctx, &pb.TxnRequest{
		Compare: []*pb.Compare{ifValue(d.places.mark, d.mark)},
		Success: []*pb.RequestOp{opPut(d.places.mark, mark)},
		Failure: []*pb.RequestOp{exists(d.places.mark)},
	})
	switch {
	case err != nil:
		return err
	case answer.Succeeded:
		d.mark = filled(bytes.Clone(mark))
		return nil
	case answer.Responses[0].GetResponseRange().Count == 0:
		return errRemoved
	}
	return fmt.Errorf("%w: somebody else has set the mark", core.ErrConflict)
}

// Close closes the connection.
func (d *driver) Close() error { return d.client.Close() }
