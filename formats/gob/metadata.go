// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// The metadata of a table is a line that says what it is, followed by the epochs, each a
// counted byte string. An epoch is one description of T. It consists of the way in which its
// values are stored, the number of T, and the messages from which gob learns the types.
const metadataHead = formatID + "\n"

// The ways in which the values of an epoch are stored.
const (
	storedPrimed  = 0 // only the metadata has the description
	storedWithAll = 1 // values hold interfaces, and contain the descriptions of everything in them
)

// record is an epoch as it is stored.
type record struct {
	stored byte
	types  *description // canonical
}

// same reports whether both describe the same type, stored in the same way.
func (e record) same(other record) bool {
	return slices.Equal(e.append(nil), other.append(nil))
}

func (e record) append(dst []byte) []byte {
	dst = appendInt(append(dst, e.stored), int64(e.types.root))
	return append(dst, e.types.messages()...)
}

func appendMetadata(dst []byte, epochs []record) []byte {
	dst = append(dst, metadataHead...)
	for _, e := range epochs {
		dst = appendCounted(dst, e.append(nil))
	}
	return dst
}

var errMetadata = errors.New("the descriptions of types that are stored with the table are damaged")

// parseMetadata reads what appendMetadata wrote, and nothing else: the descriptions must be
// canonical.
func parseMetadata(stored []byte) ([]record, error) {
	rest, found := strings.CutPrefix(string(stored), metadataHead)
	r := reader{b: []byte(rest), bad: !found || rest == ""}
	var epochs []record
	for len(r.b) > 0 && !r.bad {
		e, err := parseRecord(r.counted())
		if err != nil {
			return nil, fmt.Errorf("%w: %w: epoch %d: %w",
				core.ErrCorrupt, errMetadata, len(epochs)+1, err)
		}
		epochs = append(epochs, e)
	}
	if r.bad || len(appendMetadata(nil, epochs)) != len(stored) {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, errMetadata)
	}
	return epochs, nil
}

func parseRecord(b []byte) (record, error) {
	if len(b) == 0 || b[0] > storedWithAll {
		return record{}, errDescription
	}
	r := reader{b: b[1:]}
	types := &description{root: typeID(r.int())}
	for len(r.b) > 0 && !r.bad {
		message := reader{b: r.counted()}
		id := message.int()
		if id >= 0 || message.bad {
			return record{}, errDescription
		}
		if err := types.add(typeID(-id), &message, maxParts); err != nil {
			return record{}, err
		}
	}
	if r.bad {
		return record{}, errDescription
	}
	if err := types.check(maxWork); err != nil {
		return record{}, err
	}
	e := record{b[0], types.canonical()}
	if !slices.Equal(e.append(nil), b) {
		return record{}, errDescription
	}
	return e, nil
}
