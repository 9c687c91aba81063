// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package explain_test

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"github.com/guardkv/guardkv/core/explain"
)

func TestAppendWritesValidJSON(t *testing.T) {
	big70 := new(big.Int).Lsh(big.NewInt(1), 70)
	tests := []struct {
		got  []byte
		want string
	}{
		{explain.AppendString(nil, "plain"), `"plain"`},
		{explain.AppendString([]byte("x:"), "a<b>&\"\\\n\x00"), `x:"a<b>&\"\\\n\u0000"`},
		{explain.AppendString(nil, "λ\u2028"), `"λ\u2028"`},
		{explain.AppendString(nil, "a\xff"), `{"base64":"Yf8="}`},
		{explain.AppendBytes(nil, nil), `""`},
		{explain.AppendBytes(nil, []byte{0, 0xff}), `"AP8="`},
		{explain.AppendFloat(nil, 0.1, 64), `0.1`},
		{explain.AppendFloat(nil, float64(float32(0.1)), 32), `0.1`},
		{explain.AppendFloat(nil, math.Copysign(0, -1), 64), `-0`},
		{explain.AppendFloat(nil, 1e300, 64), `1e+300`},
		{explain.AppendFloat(nil, -5e-324, 64), `-5e-324`},
		{explain.AppendFloat(nil, math.NaN(), 64), `"NaN"`},
		{explain.AppendFloat(nil, math.Inf(1), 32), `"Infinity"`},
		{explain.AppendFloat(nil, math.Inf(-1), 64), `"-Infinity"`},
		{explain.AppendBigInt(nil, big.NewInt(math.MinInt64)), `-9223372036854775808`},
		{explain.AppendBigInt(nil, new(big.Int).SetUint64(math.MaxUint64)), `18446744073709551615`},
		{explain.AppendBigInt(nil, big70), `"1180591620717411303424"`},
	}
	for _, test := range tests {
		if string(test.got) != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
		if text := test.got; !json.Valid(text) && text[0] != 'x' {
			t.Errorf("%s is not JSON", text)
		}
	}
}
