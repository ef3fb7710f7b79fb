/** RFC 6455 §8.1 — Handling Errors in UTF-8-Encoded Data. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { hex } from 'framewire/testing';
import {
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  onTheWireTo,
} from '../protocol/endpoint.ts';
import { concat, frame, singleOctets, utf8 } from '../protocol/frames.ts';

/** Octets that are not UTF-8, and after how many of them that is certain. */
const INVALID: readonly (readonly [string, Uint8Array, number])[] = [
  ['a lone continuation', hex`80`, 1],
  ['a second continuation', hex`c3 a9 a9`, 3],
  ['C0, which nothing begins with', hex`c0 80`, 1],
  ['C1, which nothing begins with', hex`c1 bf`, 1],
  ['F5, beyond the last plane', hex`f5 80 80 80`, 1],
  ['FE', hex`fe`, 1],
  ['FF', hex`ff`, 1],
  ['an overlong form of three octets', hex`e0 80 80`, 2],
  ['the longest overlong form of three', hex`e0 9f bf`, 2],
  ['an overlong form of four octets', hex`f0 80 80 80`, 2],
  ['the longest overlong form of four', hex`f0 8f bf bf`, 2],
  ['the first surrogate', hex`ed a0 80`, 2],
  ['the last surrogate', hex`ed bf bf`, 2],
  ['a pair of surrogates', hex`ed a0 bd ed b8 80`, 2],
  ['U+110000', hex`f4 90 80 80`, 2],
  ['five octets', hex`f8 88 80 80 80`, 1],
  ['six octets', hex`fc 84 80 80 80 80`, 1],
  ['a code point that ASCII interrupts', hex`e2 82 41`, 3],
  ['a code point that another interrupts', hex`e2 c3 a9`, 2],
];

for (const [name, octets, known] of INVALID) {
  inBothRoles(`§8.1 ${name} fails with 1007, octet ${known} of it`, (role) => {
    const endpoint = new Endpoint(role);
    const wire = onTheWireTo(role, frame(0x81, concat(octets, utf8('and more'))));
    const certain = wire.length - 8 - octets.length + known;
    endpoint.receive(...singleOctets(wire.subarray(0, certain - 1)));
    assertOpen(endpoint);
    endpoint.receive(wire.subarray(certain - 1, certain));
    assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
  });

  inBothRoles(`§8.1 ${name} within long text fails, with a native check too`, (role) => {
    for (const check of [undefined, isUtf8]) {
      const endpoint = new Endpoint(role, check === undefined ? {} : { isUtf8: check });
      const text = utf8('x'.repeat(200));
      endpoint.receiveFrames(frame(0x81, concat(text, octets, text)));
      assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
    }
  });
}

inBothRoles('§8.1 text that ends within a code point fails with its last frame', (role) => {
  for (const octets of [hex`81 01 c3`, hex`81 02 e2 82`, hex`81 03 f0 9f 99`]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(octets);
    assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
  }
});

inBothRoles('§8.1 a code point may be cut by fragments anywhere', (role) => {
  const octets = utf8('é€🙂');
  for (let cut = 0; cut <= octets.length; cut++) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(frame(0x01, octets.subarray(0, cut)), frame(0x80, octets.subarray(cut)));
    assert.deepEqual(endpoint.events, [{ text: 'é€🙂' }]);
  }
});

inBothRoles('§8.1 a code point may be cut by a control frame', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 e2`, hex`89 01 ff`, hex`00 01 82`, hex`80 01 ac`);
  assert.deepEqual(endpoint.events, [{ ping: hex`ff` }, { text: '€' }]);
});

inBothRoles('§8.1 a fragment that cannot continue the last code point fails at once', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 02 e2 82`);
  assertOpen(endpoint);
  endpoint.receiveFrames(hex`00 01 41`);
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

inBothRoles('§8.1 one message after the other begins between code points', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 02 c3 a9`, hex`82 01 c3`, hex`81 02 c3 a9`);
  assert.deepEqual(endpoint.events, [{ text: 'é' }, { binary: hex`c3` }, { text: 'é' }]);
  assertOpen(endpoint);
});

inBothRoles('§8.1 binary is not judged', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`02 02 e2 82`, hex`80 01 ff`);
  assert.deepEqual(endpoint.events, [{ binary: hex`e2 82 ff` }]);
});

inBothRoles('§8.1 the first, the last and the odd code points are valid', (role) => {
  const points = [0x0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0x10000];
  const text = String.fromCodePoint(...points, 0x1fffe, 0x10fffe, 0x10ffff);
  const endpoint = new Endpoint(role);
  endpoint.receive(...singleOctets(onTheWireTo(role, frame(0x81, utf8(text)))));
  assert.deepEqual(endpoint.events, [{ text }]);
});
