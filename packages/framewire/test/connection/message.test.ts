import assert from 'node:assert/strict';
import { test } from 'node:test';
import { octetsOf, toMessage } from '#src/connection/message.js';
import { prepareMessage } from 'framewire';
import { hex } from 'framewire/testing';
import { frame, octetsOf as sampleOctets, utf8 } from '../protocol/frames.ts';

test('§5.6 text becomes a string, with its byte order mark, and binary octets of their own', () => {
  const octets = utf8('<\u{FEFF}grüße>');
  assert.equal(toMessage('text', octets, 1, octets.length - 1, true, 'owner'), '\u{FEFF}grüße');
  const lent = toMessage('binary', octets, 1, 3, true, 'owner') as Uint8Array;
  assert.notEqual(lent.buffer, octets.buffer);
  assert.ok(!Buffer.isBuffer(lent));
  assert.deepEqual(lent, octets.slice(1, 3));
  const given = toMessage('binary', octets, 1, 3, false, 'owner') as Uint8Array;
  assert.equal(given.buffer, octets.buffer);
});

test('all that holds octets can be sent, of a view only its range', () => {
  const octets = sampleOctets(16);
  const { buffer } = octets;
  assert.equal(octetsOf(octets), octets);
  assert.deepEqual(octetsOf(buffer), octets);
  assert.deepEqual(octetsOf(new DataView(buffer, 3, 5)), octets.subarray(3, 8));
  assert.deepEqual(octetsOf(new Uint16Array(buffer, 2, 2)), octets.subarray(2, 6));
  const shared = new SharedArrayBuffer(4);
  new Uint8Array(shared).set([1, 2, 3, 4]);
  assert.deepEqual(octetsOf(shared), hex`01 02 03 04`);
});

for (const [value, kind] of [
  [undefined, 'undefined'],
  [null, 'null'],
  [7, 'number'],
  [{ a: 1 }, 'Object'],
  [[1, 2], 'Array'],
  [Object.create(null) as unknown, 'an object'],
] as const) {
  test(`${kind} is no message: a TypeError says so`, () => {
    assert.throws(() => octetsOf(value as never), {
      name: 'TypeError',
      code: 'ERR_WS_INVALID_ARGUMENT',
      message: new RegExp(`got ${kind}`, 'u'),
    });
  });
}

test('§5.2 a prepared message is the whole frame, and a copy', () => {
  const octets = hex`01 02 03`;
  const prepared = prepareMessage(octets);
  octets.fill(0);
  assert.deepEqual(prepared.frame, frame(0x82, hex`01 02 03`));
  assert.deepEqual(prepared.payload, hex`01 02 03`);
  assert.equal(prepareMessage(prepared), prepared);
  assert.deepEqual(prepareMessage('grüße').frame, frame(0x81, utf8('grüße')));
  assert.deepEqual(prepareMessage(utf8('x'), { type: 'text' }).frame, frame(0x81, utf8('x')));
});

test('§8.1 octets that are no UTF-8 are not prepared as text', () => {
  assert.throws(() => prepareMessage(hex`ff`, { type: 'text' }), { name: 'TypeError' });
});
