import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf } from '#src/protocol/octets.js';
import { octetsOf } from './frames.ts';

test('a copy has the octets of the range, and memory of its own', () => {
  const chunk = octetsOf(100);
  const copy = copyOf(chunk, 10, 20);
  assert.equal(copy.buffer.byteLength, 10);
  chunk.fill(0);
  assert.deepEqual(copy, octetsOf(100).slice(10, 20));
});

test('a copy of a Buffer is none, and does not lie in the pool', () => {
  const copy = copyOf(Buffer.from('abc'), 0, 3);
  assert.equal(copy.constructor, Uint8Array);
  assert.equal(copy.buffer.byteLength, 3);
});

test('a long copy of a Buffer is none either, and has its offset right', () => {
  const chunk = Buffer.from(octetsOf(300).buffer, 20, 200);
  const copy = copyOf(chunk, 10, 110);
  assert.equal(copy.constructor, Uint8Array);
  assert.equal(copy.buffer.byteLength, 100);
  assert.deepEqual(copy, octetsOf(300).slice(30, 130));
});
