/** RFC 6455 §5.6 — Data Frames: text and binary. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { assertFailed, Endpoint, inBothRoles, ROLES } from '../protocol/endpoint.ts';
import { frame, octetsOf, utf8 } from '../protocol/frames.ts';

const TEXT = 'κόσμε — naïve 日本語 🙂 \u0000 \uFEFF \u{10FFFF}';

inBothRoles('§5.6 text is UTF-8', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(frame(0x81, utf8(TEXT)));
  assert.deepEqual(endpoint.events, [{ text: TEXT }]);
});

inBothRoles('§5.6 a byte order mark at the start of text is part of it', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 04 ef bb bf 41`);
  assert.deepEqual(endpoint.events, [{ text: '\uFEFFA' }]);
});

inBothRoles('§5.6 a frame of text may end within a code point, the message may not', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 02 e2 82`, hex`80 01 ac`);
  assert.deepEqual(endpoint.events, [{ text: '€' }]);
  endpoint.receiveFrames(hex`01 02 e2 82`, hex`80 00`);
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

inBothRoles('§5.6 binary is any octets', (role) => {
  const endpoint = new Endpoint(role);
  const all = Uint8Array.from({ length: 256 }, (_, octet) => octet);
  endpoint.receiveFrames(frame(0x82, all));
  assert.deepEqual(endpoint.events, [{ binary: all }]);
});

for (const role of ROLES) {
  test(`§5.6 a ${role} sends text with opcode 1, binary with opcode 2`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendText(TEXT);
    endpoint.protocol.sendOctets('text', utf8(TEXT));
    endpoint.protocol.sendOctets('binary', octetsOf(300));
    assert.deepEqual(
      endpoint.sent().map(({ opcode, payload }) => [opcode, payload]),
      [
        [0x1, utf8(TEXT)],
        [0x1, utf8(TEXT)],
        [0x2, octetsOf(300)],
      ],
    );
  });

  test(`§5.6 a ${role} sends a lone surrogate as U+FFFD, since text must be UTF-8`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendText('a\uD800b\uDC00');
    assert.deepEqual(endpoint.sent()[0]?.payload, utf8('a\uFFFDb\uFFFD'));
  });
}
