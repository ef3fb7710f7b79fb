/** RFC 7692 §7.2.3 — Examples; and what this side sends, held to the same rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from 'framewire/testing';
import { Compression } from '#src/extensions/compression.js';
import { resolveDeflateOptions } from '#src/extensions/deflate-options.js';
import { prepareMessage, type PerMessageDeflateOptions, type Role } from 'framewire';
import { ROLES } from '../connection/opening.ts';
import type { RawPeer } from '../connection/raw-peer.ts';
import { concat, octetsOf, slicesOf, utf8, type Frame } from '../protocol/frames.ts';
import { inflated, noise, openCompressed, TAIL } from './compressed.ts';
import { DeflateEndpoint, inAllWays, inBothRoles } from './deflate-endpoint.ts';
import { readDeflate } from './deflate-reader.ts';

const HELLO = { text: 'Hello' };

inAllWays('§7.2.3.1 a message in one DEFLATE block', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  await endpoint.receiveFrames(hex`c1 07  f2 48 cd c9 c9 07 00`);
  assert.deepEqual(endpoint.events, [HELLO]);
});

inAllWays(
  '§7.2.3.1 the same in two fragments, the first alone with RSV1',
  async (role, takeover) => {
    const endpoint = new DeflateEndpoint(role, { takeover });
    await endpoint.receiveFrames(hex`41 03  f2 48 cd`);
    assert.deepEqual(endpoint.events, []);
    await endpoint.receiveFrames(hex`80 04  c9 c9 07 00`);
    assert.deepEqual(endpoint.events, [HELLO]);
  },
);

inAllWays('§7.2.3.1 the same cut at each place', async (role, takeover) => {
  const payload = hex`f2 48 cd c9 c9 07 00`;
  const endpoint = new DeflateEndpoint(role, { takeover });
  // To be the same each time, it may not refer to anything before: it is the octets that are equal.
  for (let cut = 0; cut <= payload.length; cut++) {
    const [first, second] = slicesOf(payload, [cut]);
    await endpoint.receiveFrames(
      concat(Uint8Array.of(0x41, first!.length), first!),
      concat(Uint8Array.of(0x80, second!.length), second!),
    );
  }
  assert.deepEqual(
    endpoint.events,
    Array.from({ length: payload.length + 1 }, () => HELLO),
  );
});

inBothRoles('§7.2.3.2 the second message refers to the first', async (role) => {
  const endpoint = new DeflateEndpoint(role, { takeover: true });
  await endpoint.receiveFrames(hex`c1 07  f2 48 cd c9 c9 07 00`, hex`c1 05  f2 00 11 00 00`);
  assert.deepEqual(endpoint.events, [HELLO, HELLO]);
});

inBothRoles('§7.2.3.2 each message by itself is the same twice', async (role) => {
  const endpoint = new DeflateEndpoint(role);
  const hello = hex`c1 07  f2 48 cd c9 c9 07 00`;
  await endpoint.receiveFrames(hello, hello);
  assert.deepEqual(endpoint.events, [HELLO, HELLO]);
});

inAllWays('§7.2.3.3 a DEFLATE block with no compression', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  await endpoint.receiveFrames(hex`c1 0b  00 05 00 fa ff 48 65 6c 6c 6f 00`);
  assert.deepEqual(endpoint.events, [HELLO]);
});

inAllWays('§7.2.3.4 a DEFLATE block with BFINAL', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  const hello = hex`c1 08  f3 48 cd c9 c9 07 00 00`;
  await endpoint.receiveFrames(hello, hello);
  assert.deepEqual(endpoint.events, [HELLO, HELLO]);
});

inAllWays('§7.2.3.5 two DEFLATE blocks in one message', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  await endpoint.receiveFrames(hex`c1 0d  f2 48 05 00 00 00 ff ff ca c9 c9 07 00`);
  assert.deepEqual(endpoint.events, [HELLO]);
});

inAllWays('§7.2.3.6 an empty message', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  await endpoint.receiveFrames(hex`c1 01  00`, hex`c2 01  00`, hex`c1 07  f2 48 cd c9 c9 07 00`);
  assert.deepEqual(endpoint.events, [{ text: '' }, { binary: hex`` }, HELLO]);
});

inAllWays('§7.2.1 the last, empty block may have BFINAL as well', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover });
  // As left by compressors that end with such a block, and do not flush.
  const hello = hex`c1 0b  00 05 00 fa ff 48 65 6c 6c 6f 01`;
  await endpoint.receiveFrames(hello, hex`c1 01  01`, hello);
  assert.deepEqual(endpoint.events, [HELLO, { text: '' }, HELLO]);
});

/** All frames of the next message, which must be compressed. */
async function readMessage(peer: RawPeer): Promise<{ first: Frame; payload: Uint8Array }> {
  const first = await peer.readFrame();
  assert.equal(first.rsv, 0b100, 'RSV1 with the first frame');
  const parts = [first.payload];
  for (let { fin } = first; !fin;) {
    const frame = await peer.readFrame();
    assert.deepEqual([frame.opcode, frame.rsv], [0, 0], 'RSV1 with the first frame alone');
    parts.push(frame.payload);
    ({ fin } = frame);
  }
  return { first, payload: concat(...parts) };
}

/** Compressible, and of more than one slice of what is compressed at a time. */
const LARGE = utf8('Als die Hexe den Wald sah, lachte sie. '.repeat(6000));

for (const role of ROLES) {
  for (const takeover of [true, false]) {
    const how = takeover ? 'with' : 'without';

    test(`§7.2.1 what a ${role} sends, ${how} context takeover, lacks the tail and inflates with it`, async () => {
      const { connection, peer } = await openCompressed(role, { takeover });
      const messages = [utf8('Hello'), utf8('Hello'), hex``, LARGE, octetsOf(100), LARGE, hex``];
      let before: Uint8Array = hex``;
      const sent: Uint8Array[] = [];
      for (const message of messages) {
        void connection.send(message, { compress: true });
        const { first, payload } = await readMessage(peer);
        assert.equal(first.opcode, 2);
        assert.notDeepEqual(payload.slice(-4), TAIL);
        sent.push(payload, TAIL);
        if (!takeover) assert.deepEqual(inflated(payload), message);
        const whole = takeover ? concat(...sent) : concat(payload, TAIL);
        before = takeover ? concat(before, message) : message;
        const { octets, blocks, rest } = readDeflate(whole);
        assert.deepEqual(octets, before);
        assert.equal(rest.length, 0);
        assert.deepEqual(blocks.at(-1), { type: 'stored', final: false, length: 0 });
      }
      connection.terminate();
    });

    test(`§7.2.1 a stream of a ${role}, ${how} context takeover, is one compressed message`, async () => {
      const { connection, peer } = await openCompressed(role, { takeover });
      const parts = [utf8('Once upon '), hex``, utf8('a time '), LARGE, utf8('the end')];
      void connection.sendStream(parts);
      const { payload } = await readMessage(peer);
      assert.notDeepEqual(payload.slice(-4), TAIL);
      assert.deepEqual(inflated(payload), concat(...parts));
      void connection.sendStream([]);
      assert.deepEqual((await readMessage(peer)).payload, hex`00`);
      connection.terminate();
    });

    test(`§7.2.1 a prepared message of a ${role}, ${how} context takeover, needs no other`, async () => {
      const { connection, peer } = await openCompressed(role, { takeover });
      const text = 'Rapunzel, let down your hair. '.repeat(9);
      const prepared = prepareMessage(text);
      void connection.send(text);
      const { payload: first } = await readMessage(peer);
      void connection.send(prepared);
      const { payload: second } = await readMessage(peer);
      void connection.send(text);
      const { payload: third } = await readMessage(peer);
      assert.deepEqual(inflated(second), utf8(text));
      // What this side remembers is not what the peer has seen last: it may not be referred to.
      assert.deepEqual(inflated(third), utf8(text));
      const whole = concat(first, TAIL, second, TAIL, third, TAIL);
      assert.deepEqual(readDeflate(whole).octets, utf8(text.repeat(3)));
      connection.terminate();
    });
  }
}

const ALL_BITS = [8, 9, 10, 11, 12, 13, 14, 15];

/** Octets that come again at distances just within and just beyond every window. */
function echoes(): Uint8Array {
  const distances = ALL_BITS.flatMap((bits) =>
    [-300, -262, -261, -8, 0, 1, 9, 300].map((beside) => 2 ** bits + beside),
  ).filter((distance) => distance > 40);
  let octets = noise(33_200);
  for (const [index, distance] of distances.entries()) {
    const again = octets.slice(octets.length - distance, octets.length - distance + 40);
    octets = concat(octets, again, noise(20, index));
  }
  return octets;
}

async function sentBy(
  role: Role,
  windows: { readonly server: number; readonly client: number },
  options: PerMessageDeflateOptions,
): Promise<Uint8Array> {
  const agreement = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: windows.server,
    clientMaxWindowBits: windows.client,
  };
  const settings = resolveDeflateOptions({ clientNoContextTakeover: false, ...options });
  const compression = new Compression(role, agreement, '', settings);
  const deflater = compression.createDeflater();
  const parts: Uint8Array[] = [];
  // In several messages, so that there are references from one to another.
  for (const part of slicesOf(echoes(), [7000, 14_000, 30_000, 35_000])) {
    parts.push(Uint8Array.from(await deflater.deflate(part)));
  }
  deflater.close();
  return concat(...parts);
}

for (const bits of ALL_BITS) {
  test(`§7.1.2 with a window of ${bits} bits nothing refers back further, at any level`, async () => {
    for (let level = 1; level <= 9; level++) {
      for (const memoryLevel of [1, 8, 9]) {
        const sent = await sentBy('server', { server: bits, client: 15 }, { level, memoryLevel });
        const { octets, largestDistance } = readDeflate(sent);
        assert.deepEqual(octets, echoes());
        assert.ok(largestDistance <= 2 ** bits, `${largestDistance} at level ${level}`);
        // The octets do invite to more. Of 9 bits zlib uses 250 octets, which fit in a window of 8.
        assert.ok(largestDistance >= 250 && largestDistance > 2 ** bits * 0.48);
      }
    }
  });
}

test('§7.1.2 each role keeps to the window of its own', async () => {
  const windows = { server: 12, client: 10 };
  const ofServer = readDeflate(await sentBy('server', windows, {})).largestDistance;
  const ofClient = readDeflate(await sentBy('client', windows, {})).largestDistance;
  assert.ok(ofServer > 2 ** 11 && ofServer <= 2 ** 12, String(ofServer));
  assert.ok(ofClient > 2 ** 9 && ofClient <= 2 ** 10, String(ofClient));
});

for (const role of ROLES) {
  for (const takeover of [true, false]) {
    const how = takeover ? 'with' : 'without';
    test(`§7.1.2 a ${role} with a window of 8 bits, ${how} context takeover, keeps to it`, async () => {
      const { connection, peer } = await openCompressed(
        role,
        { takeover, bits: 8 },
        {},
        { level: 9 },
      );
      const sent: Uint8Array[] = [];
      // One message of a few slices, so that the window passes from one to the next.
      const octets = concat(echoes(), echoes(), echoes());
      for (let count = 0; count < 2; count++) {
        void connection.send(octets, { compress: true });
        sent.push((await readMessage(peer)).payload, TAIL);
      }
      const read = readDeflate(concat(...sent));
      assert.deepEqual(read.octets, concat(octets, octets));
      assert.ok(read.largestDistance <= 256 && read.largestDistance > 128);
      connection.terminate();
    });
  }
}
