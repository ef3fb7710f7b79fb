import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { acceptFor, createKey, isValidKey } from '#src/handshake/accept-key.js';
import { invalidArgument, octets, SAMPLE_ACCEPT, SAMPLE_KEY } from './sample-heads.js';

test('RFC 6455 §1.3 and §4.2.2: the answer to the sample key', () => {
  assert.equal(acceptFor(SAMPLE_KEY), SAMPLE_ACCEPT);
});

test('RFC 6455 §4.1: a key is the base64 of 16 octets', () => {
  assert.equal(createKey(octets('the sample nonce')), SAMPLE_KEY);
  assert.equal(
    createKey(Uint8Array.from({ length: 16 }, (_, index) => index + 1)),
    'AQIDBAUGBwgJCgsMDQ4PEA==',
  );
  for (const length of [0, 15, 17]) {
    assert.throws(() => createKey(new Uint8Array(length)), invalidArgument);
  }
});

test('RFC 6455 §4.2.1: every key that is made is valid, and is what base64 makes of it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (random) => {
      const key = createKey(random);
      assert.equal(key, Buffer.from(random).toString('base64'));
      assert.ok(isValidKey(key));
    }),
  );
});

test('RFC 6455 §4.2.1, case 7: base64 of 15 or 17 octets is no key, nor is other text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (random) => {
      assert.equal(isValidKey(Buffer.from(random).toString('base64')), random.length === 16);
    }),
  );
  for (const key of [
    '',
    'dGhlIHNhbXBsZSBub25jZQ',
    'dGhlIHNhbXBsZSBub25jZQ=',
    'dGhlIHNhbXBsZSBub25jZ===',
    'dGhlIHNhbXBsZSBub25j!Q==',
    'dGhlIHNhbXBsZSBub25j_Q==',
    ' dGhlIHNhbXBsZSBub25jZQ==',
    'dGhlIHNhbXBsZSBub25jZQ==\n',
    `${SAMPLE_KEY}, ${SAMPLE_KEY}`,
  ]) {
    assert.ok(!isValidKey(key), key);
  }
});

test('RFC 4648 §3.5, case 7: the four bits below the last octet must be zero', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const canonical = Array.from(alphabet).filter((last) =>
    isValidKey(`dGhlIHNhbXBsZSBub25jZ${last}==`),
  );
  assert.deepEqual(canonical, ['A', 'Q', 'g', 'w']);
});
