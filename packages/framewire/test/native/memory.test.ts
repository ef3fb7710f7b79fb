import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyMessage } from '#src/native/memory.js';
import { octetsOf } from '../protocol/frames.ts';

const SIZES = [0, 1, 64, 65, 100, 1023, 1024, 1025, 4000, 16_384, 16_385, 70_000];

test('a message is a copy of its own, however many others lie beside it', () => {
  const source = octetsOf(70_010);
  const copies = Array.from({ length: 40 }, () =>
    SIZES.map((size) => copyMessage(source, 5, 5 + size, false)),
  );
  const expected = SIZES.map((size) => source.slice(5, 5 + size));
  source.fill(0);
  for (const copy of copies.flat()) copy[0]! ^= 0xff;
  for (const octets of expected) octets[0]! ^= 0xff;
  for (const messages of copies) assert.deepEqual(messages, expected);
});

test('a message is a plain Uint8Array, also of a Buffer, where any typed array may begin', () => {
  for (const size of SIZES) {
    const copy = copyMessage(Buffer.alloc(80_000), 3, 3 + size, size % 2 === 0);
    assert.equal(copy.constructor, Uint8Array);
    assert.equal(copy.byteOffset % 8, 0);
  }
});

test('what a kept message keeps is bounded', () => {
  for (const size of SIZES) {
    const { buffer } = copyMessage(new Uint8Array(80_000), 0, size, false);
    assert.ok(buffer.byteLength <= Math.max(size, size <= 1024 ? 8192 : 65_536));
  }
});

test('a message that waits keeps nothing but itself', () => {
  for (const size of SIZES) {
    assert.equal(copyMessage(new Uint8Array(80_000), 0, size, true).buffer.byteLength, size);
  }
});

test('transferring a message to a worker takes no other message away', () => {
  const [first, second] = [1, 2].map((octet) =>
    copyMessage(new Uint8Array(500).fill(octet), 0, 500, false),
  );
  assert.equal(first!.buffer, second!.buffer);
  try {
    structuredClone(first!.buffer, { transfer: [first!.buffer as ArrayBuffer] });
  } catch (error) {
    assert.equal((error as Error).name, 'DataCloneError');
  }
  assert.deepEqual(second, new Uint8Array(500).fill(2));
});
