/** The reader the tests of RFC 7692 trust: against zlib, and against what is no DEFLATE. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { hex } from 'framewire/testing';
import { concat, octetsOf, utf8 } from '../protocol/frames.ts';
import { readDeflate } from './deflate-reader.ts';

test('what zlib makes at any level and with any strategy is read back', () => {
  const text = utf8('Es war einmal ein König, der hatte zwölf Töchter. '.repeat(200));
  const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY];
  for (const octets of [hex``, utf8('a'), text, octetsOf(100_000)]) {
    for (const strategy of strategies) {
      for (let level = 0; level <= 9; level++) {
        const deflated = deflateRawSync(octets, { level, strategy });
        assert.deepEqual(readDeflate(deflated).octets, octets);
      }
    }
  }
});

test('blocks of all types are told apart', () => {
  const stored = hex`00 05 00 fa ff 48 65 6c 6c 6f`;
  const fixed = hex`f3 48 cd c9 c9 07 00`;
  assert.deepEqual(readDeflate(stored).blocks, [{ type: 'stored', final: false, length: 5 }]);
  assert.deepEqual(readDeflate(concat(stored, fixed)).blocks, [
    { type: 'stored', final: false, length: 5 },
    { type: 'fixed', final: true, length: 5 },
  ]);
  const [dynamic] = readDeflate(
    deflateRawSync(utf8('e'.repeat(999)), { strategy: constants.Z_HUFFMAN_ONLY }),
  ).blocks;
  assert.deepEqual(dynamic, { type: 'dynamic', final: true, length: 999 });
});

test('what follows the end of the data is left', () => {
  assert.deepEqual(readDeflate(hex`f3 48 cd c9 c9 07 00 f2 48`).rest, hex`f2 48`);
  assert.deepEqual(readDeflate(hex`f3 48 cd c9 c9 07 00`).rest, hex``);
});

test('the largest distance is told', () => {
  assert.equal(readDeflate(deflateRawSync(octetsOf(10))).largestDistance, 0);
  assert.equal(
    readDeflate(deflateRawSync(concat(utf8('abcdefghi'), utf8('abcdefghi')))).largestDistance,
    9,
  );
  const far = deflateRawSync(concat(utf8('abcdefghi'), new Uint8Array(30_000), utf8('abcdefghi')));
  assert.equal(readDeflate(far).largestDistance, 30_009);
});

test('what is no DEFLATE, or not the whole of it, is refused', () => {
  for (const [octets, error] of [
    [hex`07`, /type 3/u],
    [hex`00 05 00 fa fe 48 65 6c 6c 6f`, /LEN/u],
    [hex`00 05 00 fa ff 48 65 6c 6c`, /breaks off/u],
    [hex`f2 48 cd c9 c9 07`, /breaks off/u],
    // The second message of RFC 7692 §7.2.3.2 without the first.
    [hex`f2 00 11 00 00 00 00 ff ff`, /before the beginning/u],
  ] as const) {
    assert.throws(() => readDeflate(octets), error);
  }
});
