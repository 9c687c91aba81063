// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"fmt"
	"strings"
)

// Op is one operation of a program. Which fields count depends on the verb.
type Op struct {
	Verb  Verb
	Table int    // which of the tables
	Key   string // of a row; of the first row of several; the lower bound of a range
	To    string // the upper bound of a range
	Value string // of a row; where a cursor goes
	N     int    // rows, a limit, a guard's slot, a position
	Flag  bool   // reverse; read-only; by another way
	Ops   []Op   // inside a transaction
}

// Verb says what an operation does.
type Verb string

// The verbs.
const (
	Get    Verb = "get"
	Load   Verb = "load"
	View   Verb = "view"
	Has    Verb = "has"
	Put    Verb = "put"
	Insert Verb = "insert"
	Delete Verb = "delete"
	// makes of a row Value and what it begins with; Flag: removes it, or leaves it absent
	Modify Verb = "modify"
	// N keys from Key on, and Key again; only outside transactions
	GetMany Verb = "get many"
	PutAll  Verb = "put all" // N rows from Key on, in one write
	// N rows from Key on; Flag: from a source that fails after them
	Stream     Verb = "stream"
	Count      Verb = "count"       // of the table
	Scan       Verb = "scan"        // [Key, To), at most N rows; Flag: in reverse
	Prefix     Verb = "prefix"      // keys that start with Key
	Keys       Verb = "keys"        // like Scan
	ScanCount  Verb = "scan count"  // like Scan
	ScanDelete Verb = "scan delete" // like Scan
	ScanClear  Verb = "scan clear"  // like Scan
	After      Verb = "after"       // like Scan, but behind Key in the scan's direction
	Seek       Verb = "seek"        // like Scan, with a Cursor that goes to Value after one row
	// like Scan, and puts Value at each row that it sees, and at a new key
	ScanChange  Verb = "scan change"
	Update      Verb = "update"       // a transaction of Ops that commits
	UpdateFail  Verb = "update fail"  // that returns an error
	UpdatePanic Verb = "update panic" // that panics
	ViewTx      Verb = "view tx"      // a read-only one
	Past        Verb = "past"         // inside a transaction: a write past it
	Hold        Verb = "hold"         // opens guard number N
	LetGo       Verb = "let go"       // reads it, and closes it
	Snapshot    Verb = "snapshot"     // opens snapshot number N
	Look        Verb = "look"         // runs Ops, which read, inside it
	Forget      Verb = "forget"       // closes it
	Cancelled   Verb = "cancelled"    // a put, a scan and a transaction whose context has ended
	Mismatch    Verb = "mismatch"     // opens a table with other formats
	Drop        Verb = "drop"         // a table, which is then opened anew
	Rename      Verb = "rename"       // a table, whose handle goes on
	Raw         Verb = "raw"          // reads all values of a table as they are encoded
	Sync        Verb = "sync"
	Compact     Verb = "compact"
	Check       Verb = "check"
	Reopen      Verb = "reopen" // reads and closes all guards; Flag: read-only for a while
	// makes a backup, and goes on with the storage restored from it; N: where the backup is
	// damaged in a first try
	Restore Verb = "restore"
)

// String shows an operation with the fields that it has.
func (o Op) String() string {
	var b strings.Builder
	o.write(&b, "")
	return strings.TrimSuffix(b.String(), "\n")
}

func (o Op) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s%s t%d %s", indent, o.Verb, o.Table, brief(o.Key))
	if o.To != "" {
		fmt.Fprintf(b, " to %s", brief(o.To))
	}
	if o.Value != "" {
		fmt.Fprintf(b, " = %s", brief(o.Value))
	}
	if o.N != 0 {
		fmt.Fprintf(b, " n=%d", o.N)
	}
	if o.Flag {
		b.WriteString(" flag")
	}
	b.WriteByte('\n')
	for _, in := range o.Ops {
		in.write(b, indent+"    ")
	}
}

// Program is a list of operations.
type Program []Op

// String shows one operation in each line, those of a transaction below it.
func (p Program) String() string {
	var b strings.Builder
	for _, o := range p {
		o.write(&b, "")
	}
	return b.String()
}
