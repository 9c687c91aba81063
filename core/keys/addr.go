// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"errors"
	"net/netip"
)

// Addr is the format of netip.Addr keys, in the order of [netip.Addr.Compare]: the zero Addr first,
// then IPv4, then IPv6, an IPv6 address before the same address with a zone. An IPv4 address and
// the IPv6 address that it is mapped to are two keys.
func Addr() Part[netip.Addr] { return addrPart{} }

type addrPart struct{ owned }

// The byte that an address begins with.
const (
	addrNone = 0x00 // nothing follows
	addr4    = 0x04 // 4 bytes follow
	addr6    = 0x06 // 16 bytes and the zone follow
)

func (addrPart) ID() string { return "addr" }

func (addrPart) Append(dst []byte, k netip.Addr) ([]byte, error) {
	return append(appendAddr(dst, k), k.Zone()...), nil
}

func (addrPart) AppendPart(dst []byte, k netip.Addr) ([]byte, error) {
	dst = appendAddr(dst, k)
	if k.Is6() {
		dst = appendText(dst, bytesOfString(k.Zone()))
	}
	return dst, nil
}

// appendAddr appends an address without its zone.
func appendAddr(dst []byte, k netip.Addr) []byte {
	switch {
	case k.Is4():
		a := k.As4()
		return append(append(dst, addr4), a[:]...)
	case k.Is6():
		a := k.As16()
		return append(append(dst, addr6), a[:]...)
	default:
		return append(dst, addrNone)
	}
}

func (f addrPart) Decode(b []byte) (netip.Addr, error) {
	k, zone, err := f.take(b)
	switch {
	case err != nil:
		return netip.Addr{}, err
	case k.Is6():
		return k.WithZone(string(zone)), nil
	case len(zone) > 0:
		return netip.Addr{}, corrupt(f.ID(), "has %d bytes too many", len(zone))
	}
	return k, nil
}

func (f addrPart) TakePart(b []byte) (k netip.Addr, rest []byte, err error) {
	k, rest, err = f.take(b)
	if err != nil || !k.Is6() {
		return k, rest, err
	}
	zone, _, rest, err := takeText(f.ID(), rest)
	if err != nil {
		return netip.Addr{}, nil, err
	}
	return k.WithZone(string(zone)), rest, nil
}

// take reads an address without its zone.
func (f addrPart) take(b []byte) (k netip.Addr, rest []byte, err error) {
	if len(b) == 0 {
		return k, nil, corrupt(f.ID(), "is empty, want at least a byte")
	}
	mark, b := b[0], b[1:]
	switch mark {
	case addrNone:
		return k, b, nil
	case addr4:
		if b, rest, err = cut(f.ID(), b, 4); err == nil {
			k = netip.AddrFrom4([4]byte(b))
		}
	case addr6:
		if b, rest, err = cut(f.ID(), b, 16); err == nil {
			k = netip.AddrFrom16([16]byte(b))
		}
	default:
		err = corrupt(f.ID(), "begins with %#x, want 0, 4 or 6", mark)
	}
	return k, rest, err
}

// AddrPort is the format of netip.AddrPort keys, in the order of [netip.AddrPort.Compare]: by the
// address as [Addr] orders it, then by the port.
func AddrPort() Part[netip.AddrPort] {
	return mapping[netip.AddrPort, Tuple[netip.Addr, uint16]]{
		id:   "addrport",
		part: Pair(Addr(), Uint16()),
		to: func(k netip.AddrPort) (Tuple[netip.Addr, uint16], error) {
			return Tuple[netip.Addr, uint16]{k.Addr(), k.Port()}, nil
		},
		from: func(p Tuple[netip.Addr, uint16]) (netip.AddrPort, error) {
			return netip.AddrPortFrom(p.First, p.Second), nil
		},
	}
}

// storedNet is a network as it is stored: its address without the bits past its length, then its
// length plus one, then the address as it is. An invalid network has the length -1.
type storedNet = Tuple3[netip.Addr, uint8, netip.Addr]

// Network is the format of netip.Prefix keys, in the order of [netip.Prefix.Compare]: IPv4 before
// IPv6, then by the network's address, then the wider network first.
func Network() Part[netip.Prefix] {
	return mapping[netip.Prefix, storedNet]{
		id:   "network",
		part: Triple(Addr(), Uint8(), Addr()),
		to:   func(k netip.Prefix) (storedNet, error) { return storeNet(k), nil },
		from: func(p storedNet) (netip.Prefix, error) {
			k := netip.PrefixFrom(p.Third, int(p.Second)-1)
			if storeNet(k) != p {
				return k, errors.New("the parts of a network do not fit each other")
			}
			return k, nil
		},
	}
}

func storeNet(k netip.Prefix) storedNet {
	return storedNet{k.Masked().Addr(), uint8(k.Bits() + 1), k.Addr()}
}
