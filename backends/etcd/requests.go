// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import pb "go.etcd.io/etcd/api/v3/etcdserverpb"

// This file makes the parts of requests.

func opRange(q *pb.RangeRequest) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: q}}
}

func opPut(key, value []byte) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{
		RequestPut: &pb.PutRequest{Key: key, Value: value},
	}}
}

// opDelete deletes one key or, if end is not nil, all keys from key up to end.
func opDelete(key, end []byte) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{
		RequestDeleteRange: &pb.DeleteRangeRequest{Key: key, RangeEnd: end},
	}}
}

// opIf does operations if a condition holds.
func opIf(c *pb.Compare, then ...*pb.RequestOp) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{
		RequestTxn: &pb.TxnRequest{Compare: []*pb.Compare{c}, Success: then},
	}}
}

// opAll does several operations, and counts as one.
func opAll(ops []*pb.RequestOp) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{
		RequestTxn: &pb.TxnRequest{Success: ops},
	}}
}

// get asks for one key.
func get(key []byte) *pb.RequestOp { return opRange(&pb.RangeRequest{Key: key}) }

// exists asks whether a key exists.
func exists(key []byte) *pb.RequestOp {
	return opRange(&pb.RangeRequest{Key: key, CountOnly: true})
}

// found returns the value of the one key that an answer is about.
func found(r *pb.ResponseOp) (value []byte, ok bool) {
	kvs := r.GetResponseRange().GetKvs()
	if len(kvs) == 0 {
		return nil, false
	}
	return filled(kvs[0].Value), true
}

// filled returns a value that is not nil.
func filled(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// ifThere holds if a key exists.
func ifThere(key []byte) *pb.Compare {
	return &pb.Compare{
		Result: pb.Compare_GREATER, Target: pb.Compare_CREATE, Key: key,
		TargetUnion: &pb.Compare_CreateRevision{CreateRevision: 0},
	}
}

// ifAbsent holds if a key does not exist.
func ifAbsent(key []byte) *pb.Compare {
	return &pb.Compare{
		Result: pb.Compare_EQUAL, Target: pb.Compare_CREATE, Key: key,
		TargetUnion: &pb.Compare_CreateRevision{CreateRevision: 0},
	}
}

// ifValue holds if a key has the value. A key that does not exist has none.
func ifValue(key, value []byte) *pb.Compare {
	return &pb.Compare{
		Result: pb.Compare_EQUAL, Target: pb.Compare_VALUE, Key: key,
		TargetUnion: &pb.Compare_Value{Value: value},
	}
}

// ifRevision holds if a key was last written at the revision; 0 stands for a key that does not
// exist.
func ifRevision(key []byte, revision int64) *pb.Compare {
	return &pb.Compare{
		Result: pb.Compare_EQUAL, Target: pb.Compare_MOD, Key: key,
		TargetUnion: &pb.Compare_ModRevision{ModRevision: revision},
	}
}

// ifOlder holds if no key from low up to high was written after the revision. It does not
// notice keys that were deleted since. A range without keys is older than everything.
func ifOlder(low, high []byte, revision int64) *pb.Compare {
	return &pb.Compare{
		Result: pb.Compare_LESS, Target: pb.Compare_MOD, Key: low, RangeEnd: high,
		TargetUnion: &pb.Compare_ModRevision{ModRevision: revision + 1},
	}
}
