// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

// Bool is the format of bool keys. false sorts before true.
func Bool() Part[bool] { return boolPart{} }

type boolPart struct{ owned }

func (boolPart) ID() string { return "bool" }

func (boolPart) Append(dst []byte, k bool) ([]byte, error) {
	if k {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (f boolPart) AppendPart(dst []byte, k bool) ([]byte, error) { return f.Append(dst, k) }

func (f boolPart) Decode(b []byte) (bool, error) {
	if err := exactly(f.ID(), b, 1); err != nil {
		return false, err
	}
	if b[0] > 1 {
		return false, corrupt(f.ID(), "is %#x, want 0 or 1", b[0])
	}
	return b[0] == 1, nil
}

func (f boolPart) TakePart(b []byte) (k bool, rest []byte, err error) {
	head, rest, err := cut(f.ID(), b, 1)
	if err != nil {
		return false, nil, err
	}
	k, err = f.Decode(head)
	return k, rest, err
}
