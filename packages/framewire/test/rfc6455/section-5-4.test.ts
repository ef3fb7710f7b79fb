/** RFC 6455 §5.4 — Fragmentation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { assertFailed, assertOpen, Endpoint, inBothRoles, ROLES } from '../protocol/endpoint.ts';
import { frame, octetsOf, utf8 } from '../protocol/frames.ts';

inBothRoles('§5.4 an unfragmented message is one frame with FIN and an opcode', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`81 02 48 69`);
  assert.deepEqual(endpoint.events, [{ text: 'Hi' }]);
});

inBothRoles('§5.4 a message in three fragments is delivered with the last', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 02 48 65`, hex`00 02 6c 6c`);
  assert.deepEqual(endpoint.events, []);
  endpoint.receiveFrames(hex`80 01 6f`);
  assert.deepEqual(endpoint.events, [{ text: 'Hello' }]);
});

inBothRoles('§5.4 all fragments have the type of the first', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`02 01 ff`, hex`00 01 fe`, hex`80 01 fd`);
  assert.deepEqual(endpoint.events, [{ binary: hex`ff fe fd` }]);
});

inBothRoles(
  '§5.4 control frames may be between fragments, and are heard before the message',
  (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(
      hex`01 01 41`,
      hex`89 01 21`,
      hex`00 01 42`,
      hex`8a 01 3f`,
      hex`80 01 43`,
    );
    assert.deepEqual(endpoint.events, [{ ping: hex`21` }, { pong: hex`3f` }, { text: 'ABC' }]);
  },
);

inBothRoles('§5.4 a Ping between fragments is answered before the message is complete', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 41`, hex`89 01 21`);
  assert.deepEqual(
    endpoint.sent().map(({ opcode, payload }) => [opcode, payload]),
    [[0xa, hex`21`]],
  );
});

inBothRoles('§5.4 a Close between fragments ends the message without delivering it', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 41`, hex`88 02 03 e8`, hex`80 01 42`);
  assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: '' } }]);
});

inBothRoles('§5.4 a control frame cannot be fragmented', (role) => {
  for (const octet of [0x08, 0x09, 0x0a]) {
    const endpoint = new Endpoint(role);
    endpoint.receive(Uint8Array.of(octet));
    assertFailed(endpoint, 'ERR_WS_CONTROL_FRAGMENTED', 1002);
  }
});

inBothRoles('§5.4 a continuation needs a message to continue', (role) => {
  for (const octet of [0x00, 0x80]) {
    const endpoint = new Endpoint(role);
    endpoint.receive(Uint8Array.of(octet));
    assertFailed(endpoint, 'ERR_WS_UNEXPECTED_CONTINUATION', 1002);
  }
});

inBothRoles('§5.4 a message that is complete cannot be continued', (role) => {
  for (const last of [hex`81 01 41`, hex`80 01 41`]) {
    const endpoint = new Endpoint(role);
    if (last[0] === 0x80) endpoint.receiveFrames(hex`01 00`);
    endpoint.receiveFrames(last, hex`80 00`);
    assertFailed(endpoint, 'ERR_WS_UNEXPECTED_CONTINUATION', 1002);
  }
});

inBothRoles('§5.4 the fragments of two messages do not mix', (role) => {
  for (const octet of [0x01, 0x81, 0x02, 0x82]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(hex`01 01 41`);
    endpoint.receive(Uint8Array.of(octet));
    assertFailed(endpoint, 'ERR_WS_EXPECTED_CONTINUATION', 1002);
  }
});

inBothRoles('§5.4 a control frame does not end the message it interrupts', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 01 41`, hex`89 00`, hex`81 00`);
  assertFailed(endpoint, 'ERR_WS_EXPECTED_CONTINUATION', 1002);
});

inBothRoles('§5.4 fragments may be empty: first, middle and last', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`01 00`, hex`00 00`, hex`00 02 48 69`, hex`00 00`, hex`80 00`);
  endpoint.receiveFrames(hex`02 00`, hex`80 00`);
  assert.deepEqual(endpoint.events, [{ text: 'Hi' }, { binary: hex`` }]);
});

inBothRoles('§5.4 fragments may be of any size: they are joined as they are', (role) => {
  const endpoint = new Endpoint(role);
  const sizes = [0, 1, 125, 126, 1000, 65_536, 3];
  let whole = new Uint8Array(0);
  for (const [index, size] of sizes.entries()) {
    const octet0 = (index === sizes.length - 1 ? 0x80 : 0) | (index === 0 ? 0x02 : 0x00);
    endpoint.receiveFrames(frame(octet0, octetsOf(size)));
    whole = new Uint8Array(Buffer.concat([whole, octetsOf(size)]));
  }
  assert.deepEqual(endpoint.events, [{ binary: whole }]);
  assertOpen(endpoint);
});

inBothRoles('§5.4 one message in fragments follows the other', (role) => {
  const endpoint = new Endpoint(role);
  for (let count = 0; count < 3; count++) {
    endpoint.receiveFrames(hex`01 01 41`, hex`80 01 42`, hex`02 01 00`, hex`80 01 01`);
  }
  const once = [{ text: 'AB' }, { binary: hex`00 01` }];
  assert.deepEqual(endpoint.events, [...once, ...once, ...once]);
});

for (const role of ROLES) {
  test(`§5.4 a ${role} sends the type with the first fragment, FIN with the last`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendFragment('binary', hex`01`, false);
    endpoint.protocol.sendFragment('binary', hex`02`, false);
    endpoint.protocol.sendFragment('binary', hex`03`, true);
    assert.deepEqual(
      endpoint.sent().map(({ fin, opcode, payload }) => [fin, opcode, payload]),
      [
        [false, 0x2, hex`01`],
        [false, 0x0, hex`02`],
        [true, 0x0, hex`03`],
      ],
    );
  });

  test(`§5.4 a ${role} answers a Ping between the fragments it sends`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendFragment('text', utf8('A'), false);
    endpoint.receiveFrames(hex`89 01 21`);
    endpoint.protocol.sendFragment('text', utf8('B'), true);
    assert.deepEqual(
      endpoint.sent().map(({ fin, opcode }) => [fin, opcode]),
      [
        [false, 0x1],
        [true, 0xa],
        [true, 0x0],
      ],
    );
  });

  test(`§5.4 a ${role} may close in the middle of a message it sends`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendFragment('text', utf8('A'), false);
    endpoint.protocol.sendClose(1001);
    assert.deepEqual(
      endpoint.sent().map(({ opcode }) => opcode),
      [0x1, 0x8],
    );
  });
}
