import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';

test('octets as the RFC writes them, with spaces wherever one likes', () => {
  assert.deepEqual(hex`81 05 48 65`, Uint8Array.of(0x81, 0x05, 0x48, 0x65));
  assert.deepEqual(
    hex`8105 48
    65 `,
    Uint8Array.of(0x81, 0x05, 0x48, 0x65),
  );
  assert.deepEqual(hex``, new Uint8Array(0));
  assert.deepEqual(hex`fF`, Uint8Array.of(255));
});

test('values are parts of it', () => {
  assert.deepEqual(hex`81 ${'05'} ${'48 65'}`, Uint8Array.of(0x81, 0x05, 0x48, 0x65));
});

test('anything else throws', () => {
  for (const text of ['8', '81 0', 'xx', '0x81', '81,05']) {
    assert.throws(() => hex`${text}`, { name: 'TypeError', message: /not octets/u });
  }
});
