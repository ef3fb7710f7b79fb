import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkOctet0,
  checkOctet1,
  checkPayloadLength,
  firstOctet,
  headerLength,
  headerLengthFor,
  isFinal,
  MAX_CONTROL_PAYLOAD,
  MAX_HEADER_LENGTH,
  opcodeOf,
  readPayloadLength,
  writeHeader,
} from '#src/protocol/frame-header.js';
import { hex } from 'framewire/testing';
import { header } from './frames.ts';

const LENGTHS = [
  ...Array.from({ length: 128 }, (_, length) => length),
  255,
  256,
  65_534,
  65_535,
  65_536,
  65_537,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53 - 1,
  2 ** 53,
];

const MASKED = [0, 1] as const;

function written(length: number, masked: 0 | 1): Uint8Array {
  const octets = new Uint8Array(headerLengthFor(length, masked) - 4 * masked);
  writeHeader(octets, 0, 0x82, length, masked);
  return octets;
}

test('§5.2 the opcode and FIN of all 256 first octets', () => {
  for (let octet = 0; octet <= 0xff; octet++) {
    assert.equal(isFinal(octet), octet >= 128);
    assert.equal(opcodeOf(octet), octet % 16);
  }
});

test('§5.2 a first octet is made of FIN and the opcode, without reserved bits', () => {
  for (let opcode = 0; opcode <= 0xf; opcode++) {
    assert.equal(firstOctet(opcode, true, false), 0x80 + opcode);
    assert.equal(firstOctet(opcode, false, false), opcode);
  }
});

test('§5.2 the second octet tells the length of the header', () => {
  for (let length7 = 0; length7 <= 0x7f; length7++) {
    const expected = length7 === 127 ? 10 : length7 === 126 ? 4 : 2;
    assert.equal(headerLength(length7), expected);
    assert.equal(headerLength(0x80 | length7), expected + 4);
  }
  assert.equal(headerLength(0xff), MAX_HEADER_LENGTH);
});

test('§5.2 of all first octets, those with a reserved bit are refused', () => {
  for (let octet = 0; octet <= 0xff; octet++) {
    const reserved = (octet & 0x70) !== 0;
    assert.equal(checkOctet0(octet, false) === 'ERR_WS_RESERVED_BITS', reserved);
  }
});

test('§5.2 of the rest, those with a reserved opcode are refused', () => {
  for (const fin of [0x00, 0x80]) {
    for (const opcode of [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf]) {
      assert.equal(checkOctet0(fin | opcode, false), 'ERR_WS_RESERVED_OPCODE');
    }
  }
});

test('§5.5 of the rest, control frames without FIN are refused', () => {
  for (const opcode of [0x8, 0x9, 0xa]) {
    assert.equal(checkOctet0(opcode, false), 'ERR_WS_CONTROL_FRAGMENTED');
    assert.equal(checkOctet0(0x80 | opcode, false), undefined);
  }
});

test('§5.4 data frames are allowed with FIN and without', () => {
  for (const octet of [0x00, 0x01, 0x02, 0x80, 0x81, 0x82]) {
    assert.equal(checkOctet0(octet, false), undefined);
  }
});

test('§5.1 a server wants a mask, whatever the length', () => {
  for (let length7 = 0; length7 <= 0x7f; length7++) {
    assert.equal(checkOctet1(length7, 0x2, 'server'), 'ERR_WS_MASK_REQUIRED');
    assert.equal(checkOctet1(0x80 | length7, 0x2, 'server'), undefined);
  }
});

test('§5.1 a client wants none, whatever the length', () => {
  for (let length7 = 0; length7 <= 0x7f; length7++) {
    assert.equal(checkOctet1(0x80 | length7, 0x2, 'client'), 'ERR_WS_MASK_FORBIDDEN');
    assert.equal(checkOctet1(length7, 0x2, 'client'), undefined);
  }
});

test('§5.5 a control frame has 125 octets at most', () => {
  assert.equal(MAX_CONTROL_PAYLOAD, 125);
  for (const opcode of [0x8, 0x9, 0xa]) {
    assert.equal(checkOctet1(125, opcode, 'client'), undefined);
    assert.equal(checkOctet1(126, opcode, 'client'), 'ERR_WS_CONTROL_TOO_LONG');
    assert.equal(checkOctet1(127, opcode, 'client'), 'ERR_WS_CONTROL_TOO_LONG');
    assert.equal(checkOctet1(0x80 | 125, opcode, 'server'), undefined);
    assert.equal(checkOctet1(0x80 | 126, opcode, 'server'), 'ERR_WS_CONTROL_TOO_LONG');
    assert.equal(checkOctet1(0x80 | 127, opcode, 'server'), 'ERR_WS_CONTROL_TOO_LONG');
  }
});

test('§5.2 lengths in 7, 16 and 64 bits, as octets', () => {
  assert.deepEqual(written(125, 0), hex`82 7d`);
  assert.deepEqual(written(126, 0), hex`82 7e 00 7e`);
  assert.deepEqual(written(65_535, 0), hex`82 7e ff ff`);
  assert.deepEqual(written(65_536, 0), hex`82 7f 00 00 00 00 00 01 00 00`);
  assert.deepEqual(written(2 ** 32 + 2, 0), hex`82 7f 00 00 00 01 00 00 00 02`);
  assert.deepEqual(written(2 ** 53 - 1, 0), hex`82 7f 00 1f ff ff ff ff ff ff`);
});

test('§5.2 the mask bit is in the second octet', () => {
  assert.deepEqual(written(5, 1), hex`82 85`);
  assert.deepEqual(written(126, 1), hex`82 fe 00 7e`);
  assert.deepEqual(written(65_536, 1), hex`82 ff 00 00 00 00 00 01 00 00`);
});

test('§5.2 a header that is written is read again, and equals one written otherwise', () => {
  for (const length of LENGTHS) {
    for (const masked of MASKED) {
      const octets = written(length, masked);
      assert.equal(readPayloadLength(octets, 0), length);
      assert.equal(checkPayloadLength(octets[1]!, length), undefined);
      assert.equal(headerLength(octets[1]!), headerLengthFor(length, masked));
      const plain = header(0x82, length);
      plain[1]! |= 0x80 * masked;
      assert.deepEqual(octets, plain);
    }
  }
});

test('§5.2 any length is written and read, at any place', () => {
  const lengths = fc.oneof(
    fc.integer({ min: 0, max: 70_000 }),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  );
  fc.assert(
    fc.property(lengths, fc.nat(20), fc.constantFrom(...MASKED), (length, at, masked) => {
      const octets = new Uint8Array(40).fill(0xee);
      writeHeader(octets, at, 0x01, length, masked);
      assert.equal(readPayloadLength(octets, at), length);
      const end = at + headerLengthFor(length, masked) - 4 * masked;
      assert.ok(octets.every((octet, index) => (index >= at && index < end) || octet === 0xee));
    }),
  );
});

test('§5.2 a length in 16 bits is refused when 7 bits hold it', () => {
  for (let length = 0; length < 126; length++) {
    assert.equal(checkPayloadLength(126, length), 'ERR_WS_LENGTH_NOT_MINIMAL');
    assert.equal(checkPayloadLength(0x80 | 126, length), 'ERR_WS_LENGTH_NOT_MINIMAL');
    assert.equal(checkPayloadLength(length, length), undefined);
  }
  assert.equal(checkPayloadLength(126, 126), undefined);
});

test('§5.2 a length in 64 bits is refused when 16 bits hold it', () => {
  for (const length of [0, 125, 126, 65_535]) {
    assert.equal(checkPayloadLength(127, length), 'ERR_WS_LENGTH_NOT_MINIMAL');
    assert.equal(checkPayloadLength(0x80 | 127, length), 'ERR_WS_LENGTH_NOT_MINIMAL');
  }
  assert.equal(checkPayloadLength(127, 65_536), undefined);
});

test('§5.2 the most significant bit of 64 must be 0', () => {
  for (const octets of [
    hex`82 7f 80 00 00 00 00 00 00 00`,
    hex`82 7f 80 00 00 00 00 00 00 05`,
    hex`82 7f ff ff ff ff ff ff ff ff`,
  ]) {
    const length = readPayloadLength(octets, 0);
    assert.equal(checkPayloadLength(octets[1]!, length), 'ERR_WS_LENGTH_OUT_OF_RANGE');
  }
});

test('§5.2 every other bit may be 1, however a number rounds', () => {
  for (const octets of [
    hex`82 7f 7f ff ff ff ff ff ff ff`,
    hex`82 7f 7f ff ff ff ff ff fc 00`,
    hex`82 7f 00 20 00 00 00 00 00 01`,
  ]) {
    const length = readPayloadLength(octets, 0);
    assert.ok(length > Number.MAX_SAFE_INTEGER);
    assert.equal(checkPayloadLength(octets[1]!, length), undefined);
  }
});
