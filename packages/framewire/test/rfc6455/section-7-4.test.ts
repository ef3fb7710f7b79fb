/** RFC 6455 §7.4 — Status Codes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import {
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  isOutOfRange,
  ROLES,
} from '../protocol/endpoint.ts';
import { closeFrame, closePayload } from '../protocol/frames.ts';

const VALID = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
];
const INVALID = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535];

for (const code of VALID) {
  inBothRoles(`§7.4 ${code} is heard and echoed`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(closeFrame(code, 'why'));
    assert.deepEqual(endpoint.events, [{ close: { code, reason: 'why' } }]);
    assert.deepEqual(endpoint.sent()[0]?.payload, closePayload(code));
    assert.equal(endpoint.closeInfo.wasClean, true);
  });
}

for (const code of INVALID) {
  inBothRoles(`§7.4 ${code} in a Close fails the connection`, (role) => {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(closeFrame(code));
    assertFailed(endpoint, 'ERR_WS_CLOSE_CODE', 1002);
    assert.match(endpoint.protocol.error?.message ?? '', new RegExp(`: ${code} `, 'u'));
  });
}

for (const role of ROLES) {
  test(`§7.4 a ${role} sends each code it may send`, () => {
    for (const code of VALID) {
      if (code === 1010 && role === 'server') continue;
      const endpoint = new Endpoint(role);
      endpoint.protocol.sendClose(code);
      assert.deepEqual(endpoint.sent()[0]?.payload, closePayload(code));
    }
  });

  test(`§7.4 a ${role} cannot send any other, and stays open`, () => {
    for (const code of [...INVALID, -1, 1000.5, 65_536 + 1000, NaN]) {
      const endpoint = new Endpoint(role);
      assert.throws(() => endpoint.protocol.sendClose(code), isOutOfRange);
      assert.equal(endpoint.written().length, 0);
      assertOpen(endpoint);
    }
  });

  test(`§7.4.1 1005, 1006 and 1015 never leave a ${role}, whatever happens`, () => {
    const never = new Set([1005, 1006, 1015]);
    const happenings: ((endpoint: Endpoint) => void)[] = [
      ({ protocol }) => protocol.sendClose(undefined),
      ({ protocol }) => protocol.receiveEnd(),
      ({ protocol }) => protocol.fail(new Error('any'), 1006),
      ({ protocol }) => protocol.fail(new Error('any'), 1005),
      ({ protocol }) => protocol.fail(new Error('any'), 1015),
      (endpoint) => endpoint.receiveFrames(hex`88 00`),
      (endpoint) => endpoint.receiveFrames(closeFrame(1006)),
      (endpoint) => endpoint.receiveFrames(closeFrame(1005)),
      (endpoint) => endpoint.receiveFrames(closeFrame(1015)),
    ];
    for (const happens of happenings) {
      const endpoint = new Endpoint(role);
      happens(endpoint);
      for (const { payload } of endpoint.sent()) {
        if (payload.length > 0) assert.ok(!never.has((payload[0]! << 8) | payload[1]!));
      }
    }
  });
}

test('§7.4.1 a client may say 1010: the extension it needs was not agreed', () => {
  const client = new Endpoint('client');
  client.protocol.sendClose(1010, 'permessage-deflate');
  assert.deepEqual(client.sent()[0]?.payload, closePayload(1010, 'permessage-deflate'));
});

test('§7.4.1 a server may not say 1010: it can refuse the handshake instead', () => {
  const server = new Endpoint('server');
  assert.throws(() => server.protocol.sendClose(1010), /sent by clients only/u);
  assertOpen(server);
});

inBothRoles('§7.4.1 bad text is 1007, a message too big 1009, too many fragments 1008', (role) => {
  const text = new Endpoint(role);
  text.receiveFrames(hex`81 01 ff`);
  assertFailed(text, 'ERR_WS_INVALID_UTF8', 1007);
  const big = new Endpoint(role, { maxMessageSize: 1 });
  big.receiveFrames(hex`82 02 00 00`);
  assertFailed(big, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
  const many = new Endpoint(role, { maxSmallFragments: 1 });
  many.receiveFrames(hex`02 00`, hex`80 00`);
  assertFailed(many, 'ERR_WS_TOO_MANY_FRAGMENTS', 1008);
});
