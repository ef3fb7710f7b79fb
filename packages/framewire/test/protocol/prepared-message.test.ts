import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PreparedMessage } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { frame, octetsOf, utf8 } from './frames.ts';

test('§5.7 a prepared "Hello" is the single unmasked frame', () => {
  const message = new PreparedMessage('text', utf8('Hello'));
  assert.equal(message.type, 'text');
  assert.deepEqual(message.frame, hex`81 05 48 65 6c 6c 6f`);
  assert.deepEqual(message.payload, hex`48 65 6c 6c 6f`);
});

for (const length of [0, 125, 126, 65_535, 65_536]) {
  test(`§5.2 a prepared message of ${length} octets has the shortest header`, () => {
    const message = new PreparedMessage('binary', octetsOf(length));
    assert.deepEqual(message.frame, frame(0x82, octetsOf(length)));
    assert.deepEqual(message.payload, octetsOf(length));
  });
}

test('§5.6 the original may change after preparing', () => {
  const data = octetsOf(10);
  const message = new PreparedMessage('binary', data);
  data.fill(0);
  assert.deepEqual(message.payload, octetsOf(10));
});
