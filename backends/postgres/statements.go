// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"strconv"
	"time"
)

// statement is one of the statements that a storage needs. Its text is the same whatever the
// data.
type statement uint8

const (
	stBegin statement = iota
	stBeginRead
	stBeginSafe
	stWaitBriefly
	stWaitAsEver
	stCommit
	stGet
	stGetMany
	stPage // and the seven others, see page
	stPageBounded
	stPageDown
	stPageDownBounded
	stKeys
	stKeysBounded
	stKeysDown
	stKeysDownBounded
	stCheck
	stPut
	stInsert
	stUpdate
	stDelete
	stDeleteRange
	stProbe
	stSize
	statements
)

// name is what the statement is called on a connection.
func (s statement) name() string { return names[s] }

var names = func() (all [statements]string) {
	for s := range all {
		all[s] = "guardkv" + strconv.Itoa(s)
	}
	return all
}()

// page returns the statement for a page.
func page(bounded, down, keysOnly bool) statement {
	s := stPage
	if bounded {
		s++
	}
	if down {
		s += 2
	}
	if keysOnly {
		s += 4
	}
	return s
}

// texts are the statements of one storage.
type texts [statements]string

// textsOf returns the statements for the relation of rows, which is named by a storage's ID.
//
// Rows are locked in the order of their keys: unnest keeps the order, and an index scan for an
// array finds its keys in order. wait is how long a transaction that is safe from conflicts may
// take to begin.
func textsOf(relation string, wait time.Duration) *texts {
	t := &texts{
		stBegin:     "begin isolation level serializable",
		stBeginRead: "begin isolation level serializable read only",
		stCommit:    "commit",

		// The first statement after this one waits for the transactions that are writing, until
		// nothing can be in conflict with this one.
		stBeginSafe:   "begin isolation level serializable read only deferrable",
		stWaitBriefly: "set local statement_timeout = " + milliseconds(wait),
		stWaitAsEver:  "set local statement_timeout to default",

		stGet:     "select k, v from " + relation + " where k = $1",
		stGetMany: "select k, v from " + relation + " where k = any($1::bytea[])",

		// A division by zero ends the transaction: nothing after it is done.
		stCheck: "select 1 / (case when " + unmet(relation, "$1", "$2") + " then 0 else 1 end)",
		stPut: "insert into " + relation + " (k, v) select w.k, w.v " +
			"from unnest($1::bytea[], $2::bytea[]) as w(k, v) " +
			"where not " + unmet(relation, "$3", "$4") + " " +
			"on conflict (k) do update set v = excluded.v",
		stInsert: "insert into " + relation + " (k, v) select w.k, w.v " +
			"from unnest($1::bytea[], $2::bytea[]) as w(k, v) " +
			"on conflict (k) do nothing returning k",
		stUpdate: "update " + relation + " as t set v = w.v " +
			"from unnest($1::bytea[], $2::bytea[]) as w(k, v) where t.k = w.k returning t.k",
		stDelete:      "delete from " + relation + " where k = any($1::bytea[]) returning k",
		stDeleteRange: "delete from " + relation + " where k >= $1 and k < $2",

		stProbe: "select k from " + relation + " where k = any($1::bytea[])",
		stSize:  "select pg_total_relation_size('" + relation + "')",
	}
	for _, bounded := range []bool{false, true} {
		for _, down := range []bool{false, true} {
			for _, keysOnly := range []bool{false, true} {
				t[page(bounded, down, keysOnly)] = pageText(relation, bounded, down, keysOnly)
			}
		}
	}
	return t
}

// unmet returns an expression that is true if one of the rows at keys does not have the value
// it should have. The value NULL stands for no row.
func unmet(relation, keys, values string) string {
	return "exists (select from unnest(" + keys + "::bytea[], " + values + "::bytea[]) as c(k, v) " +
		"where (select t.v from " + relation + " as t where t.k = c.k) is distinct from c.v)"
}

func pageText(relation string, bounded, down, keysOnly bool) string {
	text := "select k, v from "
	if keysOnly {
		text = "select k, null::bytea from "
	}
	text += relation + " where k >= $2"
	if bounded {
		text += " and k < $3"
	}
	text += " order by k"
	if down {
		text += " desc"
	}
	return text + " limit $1"
}
