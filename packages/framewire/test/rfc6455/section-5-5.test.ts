/** RFC 6455 §5.5 — Control Frames: Close, Ping, Pong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import {
  assertDeaf,
  assertFailed,
  assertOpen,
  Endpoint,
  inBothRoles,
  isOutOfRange,
  onTheWireTo,
  ROLES,
} from '../protocol/endpoint.ts';
import { closeFrame, closePayload, frame, octetsOf, singleOctets } from '../protocol/frames.ts';

inBothRoles('§5.5 control frames of 125 octets are received', (role) => {
  const endpoint = new Endpoint(role);
  const reason = 'x'.repeat(123);
  endpoint.receiveFrames(frame(0x89, octetsOf(125)), frame(0x8a, octetsOf(125)));
  endpoint.receiveFrames(closeFrame(1000, reason));
  assert.deepEqual(endpoint.events, [
    { ping: octetsOf(125) },
    { pong: octetsOf(125) },
    { close: { code: 1000, reason } },
  ]);
});

inBothRoles('§5.5 control frames of more fail by their second octet', (role) => {
  for (const octet0 of [0x88, 0x89, 0x8a]) {
    for (const length7 of [126, 127]) {
      const endpoint = new Endpoint(role);
      endpoint.receive(Uint8Array.of(octet0, (role === 'server' ? 0x80 : 0) | length7));
      assertFailed(endpoint, 'ERR_WS_CONTROL_TOO_LONG', 1002);
    }
  }
});

inBothRoles('§5.5 control frames do not depend on how they are sliced', (role) => {
  const endpoint = new Endpoint(role);
  const frames = [frame(0x89, octetsOf(9)), frame(0x8a, octetsOf(7)), closeFrame(3000, 'bye')];
  endpoint.receive(...singleOctets(onTheWireTo(role, ...frames)));
  assert.deepEqual(endpoint.events, [
    { ping: octetsOf(9) },
    { pong: octetsOf(7) },
    { close: { code: 3000, reason: 'bye' } },
  ]);
});

inBothRoles('§5.5.1 a Close may be empty, and is answered empty', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`88 00`);
  assert.deepEqual(endpoint.events, [{ close: { code: 1005, reason: '' } }]);
  assert.deepEqual(endpoint.sent()[0]?.payload, hex``);
  assert.equal(endpoint.closeInfo.wasClean, true);
});

inBothRoles('§5.5.1 a Close is answered with its code, once', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(closeFrame(1001, 'going'), closeFrame(1001, 'going'));
  assert.deepEqual(endpoint.events, [{ close: { code: 1001, reason: 'going' } }]);
  const sent = endpoint.sent();
  assert.deepEqual(
    sent.map(({ fin, opcode, payload }) => [fin, opcode, payload]),
    [[true, 0x8, hex`03 e9`]],
  );
  assertDeaf(endpoint);
});

inBothRoles('§5.5.1 the answer is written before the application hears of the Close', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.onEvent = () => assert.equal(endpoint.sent().length, 1);
  endpoint.receiveFrames(closeFrame(1000));
  assert.equal(endpoint.events.length, 1);
});

inBothRoles('§5.5.1 a payload of one octet is no code', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`88 01 03`);
  assertFailed(endpoint, 'ERR_WS_CLOSE_PAYLOAD', 1002);
});

inBothRoles('§5.5.1 a reason is UTF-8', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(closeFrame(1000, 'до свидания 👋'));
  assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: 'до свидания 👋' } }]);
});

inBothRoles('§5.5.1 a reason that is not UTF-8 fails with 1007', (role) => {
  for (const octets of [hex`88 03 03 e8 ff`, hex`88 04 03 e8 e2 82`, hex`88 05 03 e8 ed a0 80`]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(octets);
    assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
  }
});

for (const role of ROLES) {
  test(`§5.5.1 a ${role} sends a code and a reason`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendClose(4321, 'göne');
    assert.deepEqual(endpoint.sent()[0]?.payload, closePayload(4321, 'göne'));
    assert.deepEqual(endpoint.closeInfo.sent, { code: 4321, reason: 'göne' });
  });

  test(`§5.5.1 a ${role} sends a Close without a code`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendClose(undefined);
    assert.deepEqual(endpoint.sent()[0]?.payload, hex``);
    assert.deepEqual(endpoint.closeInfo.sent, { code: 1005, reason: '' });
  });

  test(`§5.5.1 a ${role} cannot send a reason without a code`, () => {
    const endpoint = new Endpoint(role);
    assert.throws(() => endpoint.protocol.sendClose(undefined, 'why'), /needs a close code/u);
    assert.equal(endpoint.written().length, 0);
    assertOpen(endpoint);
  });

  test(`§5.5.1 a ${role} sends a reason of 123 octets, and no longer one`, () => {
    const endpoint = new Endpoint(role);
    assert.throws(() => endpoint.protocol.sendClose(1000, 'x'.repeat(124)), isOutOfRange);
    assert.throws(() => endpoint.protocol.sendClose(1000, 'é'.repeat(62)), isOutOfRange);
    assertOpen(endpoint);
    endpoint.protocol.sendClose(1000, `${'é'.repeat(61)}x`);
    assert.equal(endpoint.sent()[0]?.payload.length, 125);
  });

  test(`§5.5.1 a ${role} sends one Close, however often it closes`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendClose(1000, 'first');
    endpoint.protocol.sendClose(1001, 'second');
    endpoint.receiveFrames(closeFrame(1000));
    endpoint.protocol.sendClose(1001, 'third');
    assert.deepEqual(
      endpoint.sent().map(({ payload }) => payload),
      [closePayload(1000, 'first')],
    );
  });

  test(`§5.5.1 a ${role} that closes twice is still told of a bad code`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendClose(1000);
    assert.throws(() => endpoint.protocol.sendClose(1005), isOutOfRange);
  });
}

inBothRoles('§5.5.1 after a Close was sent, data that still arrives is discarded', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.protocol.sendClose(1000);
  endpoint.written();
  endpoint.receiveFrames(hex`81 02 48 69`, hex`01 01 41`, hex`89 01 21`, hex`80 01 42`);
  endpoint.receiveFrames(closeFrame(1000));
  assert.deepEqual(endpoint.events, [{ ping: hex`21` }, { close: { code: 1000, reason: '' } }]);
  // §5.5.2 exempts only who has received a Close from answering a Ping.
  assert.deepEqual(
    endpoint.sent().map(({ opcode }) => opcode),
    [0xa],
  );
  assert.equal(endpoint.closeInfo.wasClean, true);
});

inBothRoles('§5.5.2 a Ping is answered with its payload', (role) => {
  for (const size of [0, 1, 5, 124, 125]) {
    const endpoint = new Endpoint(role);
    endpoint.receiveFrames(frame(0x89, octetsOf(size)));
    assert.deepEqual(endpoint.events, [{ ping: octetsOf(size) }]);
    assert.deepEqual(
      endpoint.sent().map(({ fin, opcode, payload }) => [fin, opcode, payload]),
      [[true, 0xa, octetsOf(size)]],
    );
  }
});

inBothRoles('§5.5.2 each Ping is answered, in their order', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receive(onTheWireTo(role, hex`89 01 01`, hex`89 01 02`, hex`89 01 03`));
  assert.deepEqual(
    endpoint.sent().map(({ payload }) => payload),
    [hex`01`, hex`02`, hex`03`],
  );
});

inBothRoles('§5.5.2 the payload of a Ping is octets, not text', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`89 02 ff fe`);
  assert.deepEqual(endpoint.sent()[0]?.payload, hex`ff fe`);
  assertOpen(endpoint);
});

inBothRoles('§5.5.2 a Ping after the Close is not answered', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(closeFrame(1000));
  endpoint.written();
  endpoint.receiveFrames(hex`89 00`);
  assert.equal(endpoint.written().length, 0);
});

inBothRoles('§5.5.3 a Pong that nobody asked for is heard and not answered', (role) => {
  const endpoint = new Endpoint(role);
  endpoint.receiveFrames(hex`8a 04 70 6f 6e 67`, hex`8a 00`);
  assert.deepEqual(endpoint.events, [{ pong: hex`70 6f 6e 67` }, { pong: hex`` }]);
  assert.equal(endpoint.written().length, 0);
  assertOpen(endpoint);
});

for (const role of ROLES) {
  test(`§5.5.3 a ${role} may send a Pong nobody asked for`, () => {
    const endpoint = new Endpoint(role);
    endpoint.protocol.sendPong(hex`01 02`);
    const [pong] = endpoint.sent();
    assert.deepEqual([pong?.opcode, pong?.payload], [0xa, hex`01 02`]);
  });
}
