import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressOctets, sharesPrefix } from '#src/client/ip-address.js';

const ADDRESSES: readonly (readonly [string, string])[] = [
  ['0.0.0.0', '00000000'],
  ['192.0.2.255', 'c00002ff'],
  ['::', '00000000000000000000000000000000'],
  ['::1', '00000000000000000000000000000001'],
  ['1::', '00010000000000000000000000000000'],
  ['2001:db8::a:0:1', '20010db8000000000000000a00000001'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
  ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
  ['FFFF::ABCD', 'ffff000000000000000000000000abcd'],
];

for (const [text, octets] of ADDRESSES) {
  test(`RFC 4291 §2.2 the octets of ${text}`, () => {
    assert.equal(Buffer.from(addressOctets(text) ?? []).toString('hex'), octets);
  });
}

test('RFC 4291 §2.2 what is no address', () => {
  for (const text of [
    '',
    'example.com',
    '127.1',
    '256.0.0.1',
    '1.2.3.4.5',
    '01.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3',
    '12345::',
    '[::1]',
    'fe80::1%eth0',
    '::1/128',
  ]) {
    assert.equal(addressOctets(text), undefined, text);
  }
});

for (const [family, addresses, bits] of [
  ['ipv4', fc.ipV4(), 32],
  ['ipv6', fc.ipV6(), 128],
] as const) {
  test(`RFC 4632 §3.1 a range of ${family} has those that Node says it has`, () => {
    fc.assert(
      fc.property(addresses, addresses, fc.integer({ min: 0, max: bits }), (one, other, prefix) => {
        const list = new BlockList();
        list.addSubnet(one, prefix, family);
        const [a, b] = [addressOctets(one)!, addressOctets(other)!];
        assert.equal(sharesPrefix(a, b, prefix), list.check(other, family));
        assert.equal(sharesPrefix(a, a, prefix), true);
        // The bit behind the prefix, and the last one of it.
        for (const bit of [prefix - 1, prefix]) {
          if (bit < 0 || bit >= bits) continue;
          const near = a.slice();
          near[bit >>> 3]! ^= 0x80 >>> (bit & 7);
          assert.equal(sharesPrefix(a, near, prefix), bit >= prefix);
        }
      }),
    );
  });
}

test('an address of one family is in no range of the other', () => {
  assert.equal(sharesPrefix(addressOctets('0.0.0.0')!, addressOctets('::')!, 0), false);
});
