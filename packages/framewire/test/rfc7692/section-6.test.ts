/** RFC 7692 §6 — Framing: the bit "Per-Message Compressed". */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { open, ROLES } from '../connection/opening.ts';
import { frame, octetsOf, singleOctets, utf8 } from '../protocol/frames.ts';
import { onTheWireTo } from '../protocol/endpoint.ts';
import { deflated, openCompressed } from './compressed.ts';
import { assertFailed, DeflateEndpoint, inBothRoles } from './deflate-endpoint.ts';

const HELLO = hex`f2 48 cd c9 c9 07 00`;

inBothRoles('§6 RSV1 says of each message whether it is compressed', async (role) => {
  const endpoint = new DeflateEndpoint(role, { takeover: true });
  await endpoint.receiveFrames(
    frame(0xc1, HELLO),
    frame(0x81, utf8('Hello')),
    // Octets that would inflate, but are not said to be compressed.
    frame(0x82, HELLO),
    frame(0xc2, hex`f2 00 11 00 00`),
  );
  assert.deepEqual(endpoint.events, [
    { text: 'Hello' },
    { text: 'Hello' },
    { binary: HELLO },
    { binary: utf8('Hello') },
  ]);
});

inBothRoles(
  '§6 what is said with the first fragment holds for the message, and no longer',
  async (role) => {
    const endpoint = new DeflateEndpoint(role);
    await endpoint.receiveFrames(
      frame(0x41, HELLO.subarray(0, 3)),
      frame(0x80, HELLO.subarray(3)),
      frame(0x01, utf8('He')),
      frame(0x80, utf8('llo')),
      frame(0x42, HELLO.subarray(0, 3)),
      frame(0x80, HELLO.subarray(3)),
    );
    assert.deepEqual(endpoint.events, [
      { text: 'Hello' },
      { text: 'Hello' },
      { binary: utf8('Hello') },
    ]);
  },
);

inBothRoles('§6 RSV1 on a continuation fails the connection', async (role) => {
  for (const first of [frame(0x41, HELLO), frame(0x01, utf8('Hello'))]) {
    for (const octet0 of [0x40, 0xc0]) {
      const endpoint = new DeflateEndpoint(role);
      await endpoint.receiveFrames(first, Uint8Array.of(octet0));
      assertFailed(endpoint, 'ERR_WS_COMPRESSED_CONTINUATION', 1002);
    }
  }
});

inBothRoles('§6.1 RSV1 on a control frame fails the connection', async (role) => {
  for (const octet0 of [0xc8, 0xc9, 0xca]) {
    for (const before of [[], [frame(0x41, HELLO)]]) {
      const endpoint = new DeflateEndpoint(role);
      await endpoint.receiveFrames(...before, Uint8Array.of(octet0));
      assertFailed(endpoint, 'ERR_WS_COMPRESSED_CONTROL', 1002);
    }
  }
});

inBothRoles('§5.2 of RFC 6455: RSV2 and RSV3 stay reserved', async (role) => {
  for (const bits of [0x20, 0x10, 0x30, 0x60, 0x50, 0x70]) {
    for (const opcode of [0x0, 0x1, 0x2, 0x8, 0x9, 0xa]) {
      const endpoint = new DeflateEndpoint(role);
      if (opcode === 0) await endpoint.receiveFrames(frame(0x41, HELLO));
      await endpoint.receiveFrames(Uint8Array.of(0x80 | bits | opcode));
      assertFailed(endpoint, 'ERR_WS_RESERVED_BITS', 1002);
    }
  }
});

inBothRoles('§5.2 of RFC 6455: RSV1 makes no opcode of those that are reserved', async (role) => {
  for (const opcode of [0x3, 0x7]) {
    const endpoint = new DeflateEndpoint(role);
    await endpoint.receiveFrames(Uint8Array.of(0xc0 | opcode));
    assertFailed(endpoint, 'ERR_WS_RESERVED_OPCODE', 1002);
  }
});

inBothRoles(
  '§5.4 of RFC 6455: a compressed message does not begin within another',
  async (role) => {
    for (const first of [frame(0x41, HELLO), frame(0x01, utf8('Hello'))]) {
      const endpoint = new DeflateEndpoint(role);
      await endpoint.receiveFrames(first, hex`c1`);
      assertFailed(endpoint, 'ERR_WS_EXPECTED_CONTINUATION', 1002);
    }
  },
);

inBothRoles('§6.1 control frames between compressed fragments are heard at once', async (role) => {
  const payload = deflated(octetsOf(2000));
  const fragments = singleOctets(payload.subarray(0, 20));
  const endpoint = new DeflateEndpoint(role, { takeover: true });
  await endpoint.receiveFrames(hex`42 00`);
  for (const [index, fragment] of fragments.entries()) {
    await endpoint.receiveFrames(frame(0x89, Uint8Array.of(index)), frame(0x00, fragment));
    assert.deepEqual(endpoint.events, [{ ping: Uint8Array.of(index) }]);
    assert.deepEqual(
      endpoint.sent().map(({ opcode, payload, rsv }) => [opcode, payload, rsv]),
      [[0xa, Uint8Array.of(index), 0]],
    );
    endpoint.events.length = 0;
  }
  await endpoint.receiveFrames(hex`8a 01 07`, frame(0x80, payload.subarray(20)));
  assert.deepEqual(endpoint.events, [{ pong: hex`07` }, { binary: octetsOf(2000) }]);
});

inBothRoles(
  '§6.1 a Close between compressed fragments ends the message undelivered',
  async (role) => {
    for (const takeover of [true, false]) {
      const endpoint = new DeflateEndpoint(role, { takeover });
      await endpoint.receiveFrames(frame(0x41, HELLO), hex`88 02 03 e8`, hex`80 00`);
      assert.deepEqual(endpoint.events, [{ close: { code: 1000, reason: '' } }]);
    }
  },
);

inBothRoles('§6 all that a conversation is made of, octet by octet', async (role) => {
  const wire = onTheWireTo(
    role,
    frame(0xc1, HELLO),
    hex`89 01 21`,
    frame(0x42, deflated(octetsOf(300)).subarray(0, 99)),
    hex`8a 00`,
    frame(0x80, deflated(octetsOf(300)).subarray(99)),
    frame(0x82, octetsOf(200)),
    hex`c1 01 00`,
    hex`88 02 03 e8`,
  );
  const endpoint = new DeflateEndpoint(role);
  await endpoint.receive(...singleOctets(wire));
  assert.deepEqual(endpoint.events, [
    { text: 'Hello' },
    { ping: hex`21` },
    { pong: hex`` },
    { binary: octetsOf(300) },
    { binary: octetsOf(200) },
    { text: '' },
    { close: { code: 1000, reason: '' } },
  ]);
});

for (const role of ROLES) {
  for (const takeover of [true, false]) {
    const how = takeover ? 'with' : 'without';

    test(`§6 a ${role}, ${how} context takeover, may choose for each message`, async () => {
      const { connection, peer } = await openCompressed(role, { takeover });
      const text = 'to and fro, '.repeat(20);
      for (const compress of [true, false, true, undefined, false, undefined]) {
        void connection.send(text, { compress });
        const { fin, rsv, opcode, payload } = await peer.readFrame();
        assert.deepEqual([fin, opcode], [true, 1]);
        assert.equal(rsv, compress === false ? 0 : 0b100);
        if (compress === false) assert.deepEqual(payload, utf8(text));
        else assert.ok(payload.length < 50);
      }
      connection.terminate();
    });

    test(`§6.1 a ${role}, ${how} context takeover, never compresses its control frames`, async () => {
      const { connection, peer } = await openCompressed(role, { takeover });
      const payload = 'a'.repeat(125);
      void connection.ping({ payload });
      connection.pong(payload);
      peer.sendFrame(0x89, payload);
      void connection.sendStream(['a'.repeat(500), 'a'.repeat(500)]);
      const controls: number[] = [];
      for (let isStreaming = true; isStreaming || controls.length < 3;) {
        const { fin, opcode, rsv, payload } = await peer.readFrame();
        if (opcode < 8) isStreaming = !fin;
        else controls.push(opcode);
        assert.equal(rsv, opcode === 1 ? 0b100 : 0);
        if (opcode > 8) assert.deepEqual(payload, utf8('a'.repeat(125)));
      }
      assert.deepEqual(new Set(controls), new Set([0x9, 0xa]));
      void connection.close(1000, 'a'.repeat(100));
      const { opcode, rsv, payload: close } = await peer.readFrame();
      assert.deepEqual([opcode, rsv, close.length], [8, 0, 102]);
      connection.terminate();
    });
  }

  test(`§6 a ${role} that agreed on nothing neither sends nor takes RSV1`, async () => {
    const { connection, peer } = await open(role);
    void connection.send('a'.repeat(1000), { compress: true });
    const { rsv, payload } = await peer.readFrame();
    assert.deepEqual([rsv, payload], [0, utf8('a'.repeat(1000))]);
    peer.sendFrame(0xc1, HELLO);
    await peer.expectClose(1002);
    connection.terminate();
  });
}
