import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyMask, readMaskingKey, writeMaskingKey } from '#src/protocol/masking.js';
import { MaskingKeys } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { concat, KEY, octetsOf, xor } from './frames.ts';

const FENCE = 0xee;

/** Masks `payload` where it lies `offset` octets into a buffer with octets that are not its own. */
function maskedAt(offset: number, payload: Uint8Array, key: Uint8Array): Uint8Array {
  const octets = new Uint8Array(offset + payload.length + 8).fill(FENCE);
  octets.set(payload, offset);
  applyMask(octets, offset, offset + payload.length, readMaskingKey(key, 0));
  const before = octets.subarray(0, offset);
  const after = octets.subarray(offset + payload.length);
  assert.ok(
    concat(before, after).every((octet) => octet === FENCE),
    'the neighbours are untouched',
  );
  return octets.slice(offset, offset + payload.length);
}

test('§5.3 the example of §5.7: "Hello" with the key 37 fa 21 3d', () => {
  assert.deepEqual(maskedAt(0, hex`48 65 6c 6c 6f`, KEY), hex`7f 9f 4d 51 58`);
});

test('§5.3 at every offset and length, masking is the XOR of the RFC', () => {
  for (let offset = 0; offset < 8; offset++) {
    for (let length = 0; length <= 300; length++) {
      const payload = octetsOf(length);
      assert.deepEqual(maskedAt(offset, payload, KEY), xor(payload, KEY));
    }
  }
});

test('§5.3 a view that does not begin where its buffer does is masked in its own place', () => {
  for (let byteOffset = 0; byteOffset < 8; byteOffset++) {
    for (let start = 0; start < 4; start++) {
      const view = new Uint8Array(new ArrayBuffer(byteOffset + 300), byteOffset);
      view.set(octetsOf(view.length));
      applyMask(view, start, view.length, readMaskingKey(KEY, 0));
      assert.deepEqual(view.subarray(0, start), octetsOf(start));
      assert.deepEqual(view.subarray(start), xor(octetsOf(view.length).subarray(start), KEY));
    }
  }
});

test('§5.3 masking twice gives the original', () => {
  fc.assert(
    fc.property(keys(), fc.uint8Array({ maxLength: 2_000 }), fc.nat(7), (key, payload, offset) => {
      assert.deepEqual(maskedAt(offset, maskedAt(offset, payload, key), key), payload);
    }),
  );
});

test('§5.3 the key goes on where it stopped, across any cuts', () => {
  const cuts = fc.array(fc.nat(), { maxLength: 8 });
  fc.assert(
    fc.property(keys(), fc.uint8Array({ maxLength: 1_500 }), cuts, (key, payload, cuts) => {
      const octets = payload.slice();
      const positions = cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b);
      let at = 0;
      let rotated = readMaskingKey(key, 0);
      for (const end of [...positions, octets.length]) {
        rotated = applyMask(octets, at, end, rotated);
        at = end;
      }
      assert.deepEqual(octets, xor(payload, key));
    }),
  );
});

test('§5.3 after any number of octets the key is rotated by as many', () => {
  for (let length = 0; length <= 260; length++) {
    const rotated = new Uint8Array(4);
    const octets = new Uint8Array(length);
    writeMaskingKey(rotated, 0, applyMask(octets, 0, length, readMaskingKey(KEY, 0)));
    const expected = KEY.map((_, index) => KEY[(index + length) % 4]!);
    assert.deepEqual(rotated, expected, `after ${length} octets`);
  }
});

test('§5.3 a key of zeros leaves the payload as it is', () => {
  const payload = octetsOf(300);
  assert.deepEqual(maskedAt(3, payload, hex`00 00 00 00`), payload);
});

test('§5.3 a key is written as it was read, at any place', () => {
  fc.assert(
    fc.property(keys(), fc.nat(4), (key, at) => {
      const octets = new Uint8Array(8);
      writeMaskingKey(octets, at, readMaskingKey(concat(hex`00 00`, key), 2));
      assert.deepEqual(octets.slice(at, at + 4), key);
    }),
  );
});

test('§10.3 keys come from the source of randomness, each of its octets used once', () => {
  const drawn: Uint8Array[] = [];
  let next = 0;
  const source = new MaskingKeys((pool) => {
    for (let at = 0; at < pool.length; at++) pool[at] = next++;
  }, 16);
  for (let count = 0; count < 12; count++) {
    const key = new Uint8Array(4);
    writeMaskingKey(key, 0, source.next());
    drawn.push(key);
  }
  assert.deepEqual(
    concat(...drawn),
    Uint8Array.from({ length: 48 }, (_, index) => index),
  );
});

test('§10.3 a pool that is no multiple of four is never read beyond its end', () => {
  let fills = 0;
  const source = new MaskingKeys((pool) => pool.fill(++fills), 7);
  assert.equal(source.next(), 0x01010101);
  assert.equal(source.next(), 0x02020202);
});

test('§10.3 no randomness is drawn before it is needed', () => {
  let fills = 0;
  const source = new MaskingKeys(() => fills++);
  assert.equal(fills, 0);
  for (let count = 0; count < 2048; count++) source.next();
  assert.equal(fills, 1);
  source.next();
  assert.equal(fills, 2);
});

function keys(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 4, maxLength: 4 });
}
