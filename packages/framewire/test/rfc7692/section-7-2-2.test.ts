/** RFC 7692 §7.2.2 — Decompression. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { onTheWireTo, ROLES } from '../protocol/endpoint.ts';
import { concat, frame, octetsOf, singleOctets, slicesOf, utf8 } from '../protocol/frames.ts';
import { deflated, noise } from './compressed.ts';
import { assertFailed, DeflateEndpoint, inAllWays, inBothRoles } from './deflate-endpoint.ts';

const NOISE = noise(400);

/** A message of these fragments; RSV1 with the first. */
function fragments(opcode: number, parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.map((part, index) => {
    const fin = index === parts.length - 1 ? 0x80 : 0;
    return frame(index === 0 ? fin | 0x40 | opcode : fin, part);
  });
}

inBothRoles('§7.1.1 the window is kept from message to message', async (role) => {
  const endpoint = new DeflateEndpoint(role, { takeover: true });
  const again = deflated(NOISE, { dictionary: NOISE });
  assert.ok(again.length < 20);
  await endpoint.receiveFrames(frame(0xc2, deflated(NOISE)), frame(0xc2, again));
  // Neither messages that are not compressed nor control frames touch it.
  await endpoint.receiveFrames(
    frame(0x82, octetsOf(500)),
    frame(0x02, octetsOf(500)),
    frame(0x80, octetsOf(500)),
    frame(0x8a, octetsOf(125)),
    ...fragments(0x2, singleOctets(again)),
  );
  assert.deepEqual(endpoint.events, [
    { binary: NOISE },
    { binary: NOISE },
    { binary: octetsOf(500) },
    {
      binary: octetsOf(1000)
        .fill(0)
        .map((_, at) => octetsOf(500)[at % 500]!),
    },
    { pong: octetsOf(125) },
    { binary: NOISE },
  ]);
});

inBothRoles('§7.1.1 an empty message does not touch the window either', async (role) => {
  const endpoint = new DeflateEndpoint(role, { takeover: true });
  const again = deflated(NOISE, { dictionary: NOISE });
  await endpoint.receiveFrames(frame(0xc2, deflated(NOISE)), hex`c1 01 00`, hex`c1 00`, hex`41 00`);
  await endpoint.receiveFrames(hex`80 00`, frame(0xc2, again));
  assert.deepEqual(endpoint.events, [
    { binary: NOISE },
    { text: '' },
    { text: '' },
    { text: '' },
    { binary: NOISE },
  ]);
});

inBothRoles('§7.1.1 without takeover nothing is left of the message before', async (role) => {
  const endpoint = new DeflateEndpoint(role);
  const again = deflated(NOISE, { dictionary: NOISE });
  await endpoint.receiveFrames(frame(0xc2, deflated(NOISE)), frame(0xc2, again));
  assert.deepEqual(endpoint.events[0], { binary: NOISE });
  assertFailed(endpoint, 'ERR_WS_INFLATE', 1007);
});

inBothRoles('§7.1.1 and nothing of what another connection has received', async (role) => {
  const again = deflated(NOISE, { dictionary: NOISE });
  for (let count = 0; count < 20; count++) {
    const one = new DeflateEndpoint(role);
    await one.receiveFrames(frame(0xc2, deflated(NOISE)));
    assert.deepEqual(one.events, [{ binary: NOISE }]);
    // Ended in the middle of a message, so that its state is in use.
    await one.receiveFrames(frame(0x42, deflated(NOISE)));
    one.end();
    const other = new DeflateEndpoint(role);
    await other.receiveFrames(frame(0xc2, again));
    assertFailed(other, 'ERR_WS_INFLATE', 1007);
  }
});

inBothRoles(
  '§7.1.1 messages of many connections, octet by octet in turn, do not mix',
  async (role) => {
    for (const takeover of [true, false]) {
      const endpoints = Array.from({ length: 40 }, () => new DeflateEndpoint(role, { takeover }));
      const messages = endpoints.map((_, index) => noise(60, index));
      const wires = messages.map((message) =>
        onTheWireTo(role, frame(0xc2, deflated(message)), frame(0xc2, deflated(message))),
      );
      for (let at = 0; at < wires[0]!.length; at++) {
        for (const [index, endpoint] of endpoints.entries()) {
          await endpoint.receive(wires[index]!.subarray(at, at + 1));
        }
      }
      for (const [index, { events }] of endpoints.entries()) {
        assert.deepEqual(events, [{ binary: messages[index] }, { binary: messages[index] }]);
      }
    }
  },
);

inAllWays('§7.2.2 fragments of any size, empty ones among them', async (role, takeover) => {
  const message = concat(octetsOf(3000), utf8('again and again, '.repeat(300)));
  const payload = deflated(message);
  const endpoint = new DeflateEndpoint(role, { takeover });
  for (const parts of [
    [payload],
    [hex``, payload],
    [payload, hex``],
    [hex``, hex``, payload, hex``, hex``],
    singleOctets(payload),
    singleOctets(payload).flatMap((octet) => [hex``, octet]),
    slicesOf(payload, [1, 2, 3, payload.length - 1]),
  ]) {
    endpoint.events.length = 0;
    await endpoint.receiveFrames(...fragments(0x2, parts));
    assert.deepEqual(endpoint.events, [{ binary: message }]);
  }
});

inAllWays('§7.2.2 a message far larger than what is inflated at a time', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  const zeros = new Uint8Array(3_000_001);
  const payload = deflated(zeros);
  assert.ok(payload.length < 3000);
  const big = frame(0xc2, payload);
  // In one chunk with what is before and after it, all of which waits its turn.
  const wire = onTheWireTo(role, hex`89 01 01`, big, hex`89 01 02`, big, hex`81 02 48 69`);
  await endpoint.receive(wire);
  const [, first, , second] = endpoint.events;
  for (const event of [first, second]) {
    assert.ok(event !== undefined && 'binary' in event);
    assert.ok(Buffer.from(event.binary).equals(zeros));
  }
  assert.deepEqual(endpoint.events[0], { ping: hex`01` });
  assert.deepEqual(endpoint.events[2], { ping: hex`02` });
  assert.deepEqual(endpoint.events.slice(4), [{ text: 'Hi' }]);
});

inBothRoles('§7.2.2 windows of all sizes, up to their last octet', async (role) => {
  for (const takeover of [true, false]) {
    for (let bits = 9; bits <= 15; bits++) {
      // Of what zlib makes with so small a window nothing is missing, in one message or in many.
      const message = concat(noise(2 ** bits - 300), noise(2 ** bits - 300), noise(50_000, 7));
      const endpoint = new DeflateEndpoint(role, { takeover, bits });
      await endpoint.receiveFrames(frame(0xc2, deflated(message, { windowBits: bits, level: 9 })));
      assert.deepEqual(endpoint.events, [{ binary: message }]);
      endpoint.end();
    }
  }
});

for (const role of ROLES) {
  test(`§7.2.2 any messages in any fragments and chunks arrive as they are (a ${role} receives)`, async () => {
    const message = fc.record({
      data: fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.nat({ max: 90_000 }).map((length) => 'x'.repeat(length)),
      ),
      compressed: fc.boolean(),
      level: fc.integer({ min: 0, max: 9 }),
      refers: fc.boolean(),
      cuts: fc.array(fc.nat(), { maxLength: 5 }),
      ping: fc.boolean(),
    });
    const conversation = fc.record({
      takeover: fc.boolean(),
      bits: fc.integer({ min: 9, max: 15 }),
      messages: fc.array(message, { maxLength: 6 }),
      cuts: fc.array(fc.nat(), { maxLength: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(conversation, async ({ takeover, bits, messages, cuts }) => {
        const frames: Uint8Array[] = [];
        const events: object[] = [];
        let window: Uint8Array = hex``;
        for (const { data, compressed, level, refers, cuts, ping } of messages) {
          const octets = typeof data === 'string' ? utf8(data) : data;
          const canRefer = takeover && refers && window.length > 0;
          const payload = compressed
            ? deflated(octets, { level, windowBits: bits, ...(canRefer && { dictionary: window }) })
            : octets;
          if (compressed) window = concat(window, octets).slice(-(2 ** bits));
          const parts = slicesOf(payload, cuts);
          const opcode = typeof data === 'string' ? 0x1 : 0x2;
          for (const [index, part] of parts.entries()) {
            const begins = index === 0 ? opcode | (compressed ? 0x40 : 0) : 0;
            frames.push(frame(begins | (index === parts.length - 1 ? 0x80 : 0), part));
            if (!ping || index === parts.length - 1) continue;
            frames.push(hex`8a 01 07`);
            events.push({ pong: hex`07` });
          }
          events.push(typeof data === 'string' ? { text: data } : { binary: octets });
        }
        const endpoint = new DeflateEndpoint(role, { takeover, bits });
        await endpoint.receive(...slicesOf(onTheWireTo(role, ...frames), cuts));
        assert.deepEqual(endpoint.events, events);
        endpoint.end();
      }),
      { numRuns: 150 },
    );
  });
}
