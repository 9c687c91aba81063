// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"reflect"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"
)

// TestLeading: a request says that its server must know a leader, as the client of etcd would say
// it, beside what the caller has to say. Without that, a server that is cut off from the others is
// waited for.
func TestLeading(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"nothing": t.Context(),
		"its own": metadata.AppendToOutgoingContext(t.Context(), "own", "metadata"),
	} {
		want, _ := metadata.FromOutgoingContext(clientv3.WithRequireLeader(ctx))
		for range 2 {
			got, _ := metadata.FromOutgoingContext(leading(ctx))
			if !reflect.DeepEqual(got, want) || len(got) == 0 {
				t.Errorf("for a caller that says %s the metadata are %v; want %v", name, got, want)
			}
			got.Set("more", "of another request")
		}
	}
}
