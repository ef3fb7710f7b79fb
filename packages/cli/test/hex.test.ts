import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hexDump, parseHex } from '#src/hex.js';

test('octets may be written with spaces, commas, colons, prefixes, or in one piece', () => {
  const octets = Uint8Array.of(0x48, 0x65, 0xff);
  for (const text of ['48 65 ff', '4865FF', '0x48, 0x65, 0xff', '48:65:ff', ' 4865  ff ']) {
    assert.deepEqual(parseHex(text), octets, text);
  }
});

test('an empty line is an empty message', () => {
  assert.deepEqual(parseHex(''), new Uint8Array(0));
});

test('half octets and other text are nothing', () => {
  for (const text of ['4', '4 8', '486', 'xyz', '0x', '48 hello']) {
    assert.equal(parseHex(text), undefined, text);
  }
});

test('what is written in hexadecimal is read back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      assert.deepEqual(parseHex(Buffer.from(octets).toString('hex')), Uint8Array.from(octets));
    }),
  );
});

test('a dump has offset, octets in two groups of eight, and the ASCII of them', () => {
  const octets = Uint8Array.from({ length: 18 }, (_, index) => 0x3e + index);
  assert.equal(
    hexDump(octets),
    [
      '00000000  3e 3f 40 41 42 43 44 45  46 47 48 49 4a 4b 4c 4d  |>?@ABCDEFGHIJKLM|',
      '00000010  4e 4f                                             |NO|',
    ].join('\n'),
  );
});

test('octets that are not printable ASCII are dots', () => {
  assert.match(hexDump(Uint8Array.of(0, 0x1b, 0x41, 0x7f, 0x9b)), /\|\.\.A\.\.\|$/u);
});

test('a dump is cut at the bound, and what is left out is counted', () => {
  assert.equal(hexDump(new Uint8Array(16), 16).split('\n').length, 1);
  assert.match(hexDump(new Uint8Array(17), 16), /\n… and 1 octet more$/u);
  const rows = hexDump(new Uint8Array(10_000)).split('\n');
  assert.equal(rows.length, 512 / 16 + 1);
  assert.equal(rows.at(-1), '… and 9488 octets more');
});

test('an empty message has an empty dump', () => {
  assert.equal(hexDump(new Uint8Array(0)), '');
});
