import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { Payloads } from '#src/bench/payloads.js';

const MOST = 16 * 1024 * 1024;

for (const type of ['text', 'binary'] as const) {
  for (const size of [1, 64, 65_536, MOST]) {
    test(`${type} of ${size} octets is just that`, () => {
      const payloads = new Payloads(type, size);
      const payload = payloads.of(0, 0);
      assert.equal(typeof payload === 'string' ? 'text' : 'binary', type);
      assert.equal(Buffer.from(payload).length, size);
      assert.equal(payload.length, size);
    });
  }
}

test('neighbours say different things, and so do the next messages of one connection', () => {
  const payloads = new Payloads('text', 64);
  const said = [payloads.of(0, 0), payloads.of(0, 1), payloads.of(1, 1), payloads.of(2, 2)];
  assert.equal(new Set(said).size, 4);
});

test('text compresses and octets do not', () => {
  const deflated = (type: 'text' | 'binary'): number =>
    deflateRawSync(Buffer.from(new Payloads(type, 4096).of(0, 0))).length;
  assert.ok(deflated('text') < 3072);
  assert.ok(deflated('binary') >= 4096);
});

test('an echo has no mistake, whichever message it answers', () => {
  for (const type of ['text', 'binary'] as const) {
    const payloads = new Payloads(type, 16);
    for (let index = 0; index < 200; index++) {
      assert.equal(payloads.mistakeIn(payloads.of(3, index), 3, index), undefined);
    }
  }
});

test('each answer is checked for type and size', () => {
  const text = new Payloads('text', 4);
  const binary = new Payloads('binary', 4);
  assert.equal(text.mistakeIn(Uint8Array.of(1, 2, 3, 4), 0, 9), 'text was answered with binary');
  assert.equal(binary.mistakeIn('1234', 0, 9), 'binary was answered with text');
  assert.equal(text.mistakeIn('12345', 0, 9), '4 octets were answered with 5 octets');
  assert.equal(text.mistakeIn('é', 0, 9), '4 octets were answered with 2 octets');
  assert.equal(binary.mistakeIn(new Uint8Array(1), 0, 9), '4 octets were answered with 1 octet');
});

test('the content of the first answers is compared, and of one in 61 later', () => {
  const payloads = new Payloads('text', 64);
  const noticed: number[] = [];
  for (let index = 0; index < 130; index++) {
    if (payloads.mistakeIn('?'.repeat(64), 0, index) !== undefined) noticed.push(index);
  }
  assert.deepEqual(noticed, [0, 1, 2, 3, 61, 122]);
  const swapped = new Payloads('binary', 64);
  assert.equal(swapped.mistakeIn(swapped.of(1, 0), 0, 0), 'an answer had another content');
});
