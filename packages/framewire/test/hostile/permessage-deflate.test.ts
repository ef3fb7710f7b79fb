/** Compressed messages of peers that mean harm. The numbers are those of the list. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import type { Role } from 'framewire';
import { hex } from 'framewire/testing';
import { mostCompressedOctets } from '#src/protocol/limits.js';
import { run } from '../connection/child.ts';
import { ROLES } from '../connection/opening.ts';
import { turn, turns, within } from '../connection/raw-peer.ts';
import { onTheWireTo, type Event } from '../protocol/endpoint.ts';
import {
  concat,
  frame,
  header,
  octetsOf,
  singleOctets,
  slicesOf,
  utf8,
} from '../protocol/frames.ts';
import { deflated, noise, openCompressed, TAIL } from '../rfc7692/compressed.ts';
import {
  assertFailed,
  DeflateEndpoint,
  inAllWays,
  inBothRoles,
  type DeflateEndpointOptions,
} from '../rfc7692/deflate-endpoint.ts';
import { readDeflate } from '../rfc7692/deflate-reader.ts';

const MIB = 1024 * 1024;

/** What is inflated for one peer before others get their turn. */
const SHARE = 256 * 1024;

const HELLO = hex`f2 48 cd c9 c9 07 00`;

/** With matches, and in codes of its own. */
const STORY = utf8(
  'The king said to the queen what the queen said to the king: "Nobody keeps what nobody counts." '.repeat(
    2,
  ),
);

interface Verdict {
  readonly events: readonly Event[];
  /** The codes of the Closes sent: one, after a failure. */
  readonly closes: readonly number[];
}

async function verdictOn(
  role: Role,
  chunks: readonly Uint8Array[],
  options: DeflateEndpointOptions,
): Promise<Verdict> {
  const endpoint = new DeflateEndpoint(role, options);
  await endpoint.receive(...chunks);
  const closes = endpoint.sent().filter(({ opcode }) => opcode === 0x8);
  endpoint.end();
  return {
    events: endpoint.events,
    closes: closes.map(({ payload }) => (payload[0]! << 8) | payload[1]!),
  };
}

/** What comes of the frames, however they are cut. */
async function verdictInAllSlicings(
  role: Role,
  frames: readonly Uint8Array[],
  options: DeflateEndpointOptions,
): Promise<Verdict> {
  const wire = onTheWireTo(role, ...frames);
  const verdict = await verdictOn(role, [wire], options);
  const cuts = noise(8, wire.length);
  for (const chunks of [
    singleOctets(wire),
    slicesOf(
      wire,
      [...cuts].map((cut) => cut * 7),
    ),
    slicesOf(wire, [wire.length - 1, wire.length - 3]),
  ]) {
    assert.deepEqual(await verdictOn(role, chunks, options), verdict);
  }
  return verdict;
}

const CORRUPT: Verdict = { events: [{ failure: 'ERR_WS_INFLATE' }], closes: [1007] };

/** What a payload inflates to by the letter of RFC 1951 and RFC 7692; undefined when it is none. */
function messageIn(payload: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let rest = concat(payload, TAIL);
  try {
    for (;;) {
      const { octets, blocks, rest: next } = readDeflate(rest);
      parts.push(octets);
      const last = blocks.at(-1)!;
      // §7.2.3.4: after BFINAL there is an octet more; but without it the message is whole as well.
      if (last.final && next.length === TAIL.length) return concat(...parts);
      if (next.length === 0) {
        return last.type === 'stored' && last.length === 0 ? concat(...parts) : undefined;
      }
      rest = next;
    }
  } catch {
    return undefined;
  }
}

/* Framing */

inAllWays('§6 case 37: RSV2 and RSV3, with and without RSV1', async (role, takeover) => {
  for (const bits of [0x20, 0x10, 0x60, 0x50, 0x70]) {
    const verdict = await verdictInAllSlicings(role, [Uint8Array.of(0x81 | bits, 0)], { takeover });
    assert.deepEqual(verdict, { events: [{ failure: 'ERR_WS_RESERVED_BITS' }], closes: [1002] });
  }
});

inAllWays('§6 case 38: RSV1 on a continuation and on control frames', async (role, takeover) => {
  for (const first of [frame(0x41, HELLO), hex`01 00`]) {
    for (const [octet0, failure] of [
      [0xc0, 'ERR_WS_COMPRESSED_CONTINUATION'],
      [0xc8, 'ERR_WS_COMPRESSED_CONTROL'],
      [0xc9, 'ERR_WS_COMPRESSED_CONTROL'],
      [0xca, 'ERR_WS_COMPRESSED_CONTROL'],
    ] as const) {
      const frames = [first, Uint8Array.of(octet0, 0)];
      const verdict = await verdictInAllSlicings(role, frames, { takeover });
      assert.deepEqual(verdict, { events: [{ failure }], closes: [1002] });
    }
  }
});

inBothRoles(
  '§10.4 case 45: lengths of compressed frames that would wrap round a number',
  async (role) => {
    for (const before of [[], [frame(0x42, deflated(octetsOf(10)))]]) {
      const octet0 = before.length === 0 ? 0xc2 : 0x80;
      for (const length of [0xffff_ffffn, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n]) {
        const frames = [...before, header(octet0, length)];
        const verdict = await verdictInAllSlicings(role, frames, {});
        assert.deepEqual(verdict, {
          events: [{ failure: 'ERR_WS_MESSAGE_TOO_BIG' }],
          closes: [1009],
        });
      }
    }
  },
);

inBothRoles(
  '§10.4 case 46: a gibibyte of compressed octets is announced, and ten come',
  async (role) => {
    const announced = header(0xc2, 2 ** 30);
    const bounded = new DeflateEndpoint(role);
    await bounded.receiveFrames(announced);
    assertFailed(bounded, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
    const unbounded = new DeflateEndpoint(role, { maxMessageSize: Infinity });
    const before = process.memoryUsage().arrayBuffers;
    await unbounded.receiveFrames(concat(announced, deflated(octetsOf(100)).subarray(0, 10)));
    assert.ok(process.memoryUsage().arrayBuffers - before < MIB);
    assert.equal(unbounded.protocol.isOpen, true);
    unbounded.end();
  },
);

inBothRoles(
  '§10.4 case 46: compressed, a message of the limit may take some more',
  async (role) => {
    const maxMessageSize = 100_000;
    const octets = noise(maxMessageSize);
    const fits = await verdictOn(role, [onTheWireTo(role, frame(0xc2, deflated(octets)))], {
      maxMessageSize,
    });
    assert.deepEqual(fits.events, [{ binary: octets }]);
    const most = Math.floor(mostCompressedOctets(maxMessageSize));
    const tooBig = new DeflateEndpoint(role, { maxMessageSize });
    await tooBig.receiveFrames(header(0xc2, most + 1));
    assertFailed(tooBig, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
  },
);

/* UTF-8 */

inAllWays(
  '§8.1 case 54: code points cut by fragments, blocks and chunks',
  async (role, takeover) => {
    const text = 'a£€🙂'.repeat(4);
    for (const level of [0, 9]) {
      const payload = deflated(utf8(text), { level });
      for (let cut = 1; cut < payload.length; cut++) {
        const [first, second] = slicesOf(payload, [cut]) as [Uint8Array, Uint8Array];
        const { events } = await verdictOn(
          role,
          [onTheWireTo(role, frame(0x41, first)), onTheWireTo(role, frame(0x80, second))],
          { takeover, isUtf8 },
        );
        assert.deepEqual(events, [{ text }]);
      }
      const singles = singleOctets(payload).map((octet, index) =>
        frame((index === 0 ? 0x41 : 0) | (index === payload.length - 1 ? 0x80 : 0), octet),
      );
      const { events } = await verdictInAllSlicings(role, singles, { takeover });
      assert.deepEqual(events, [{ text }]);
    }
    // One DEFLATE block for each octet.
    const octets = utf8('🙂');
    const blocks = singleOctets(octets).map((octet) => concat(deflated(octet), TAIL));
    const whole = frame(0xc1, concat(...blocks).subarray(0, -TAIL.length));
    const { events } = await verdictInAllSlicings(role, [whole, whole], { takeover });
    assert.deepEqual(events, [{ text: '🙂' }, { text: '🙂' }]);
  },
);

for (const [name, octets] of Object.entries({
  'a surrogate': hex`ed a0 80`,
  'C0 80': hex`c0 80`,
  'more than F4 8F': hex`f4 90 80 80`,
  'a lone continuation': hex`80`,
  'cut short by FIN': hex`f0 9f 99`,
})) {
  inAllWays(`§8.1 case 53: ${name} in compressed text`, async (role, takeover) => {
    for (const before of [hex``, utf8('good '.repeat(100)), utf8('🙂'.repeat(20_000))]) {
      for (const options of [{}, { isUtf8 }]) {
        const payload = deflated(concat(before, octets));
        const cut = payload.length >>> 1;
        for (const frames of [
          [frame(0xc1, payload)],
          [frame(0x41, payload.subarray(0, cut)), frame(0x80, payload.subarray(cut))],
        ]) {
          const verdict = await verdictInAllSlicings(role, frames, { takeover, ...options });
          assert.deepEqual(verdict.events, [{ failure: 'ERR_WS_INVALID_UTF8' }]);
          assert.deepEqual(verdict.closes, [1007]);
        }
      }
    }
  });
}

inAllWays('§8.1 case 52: bad text fails before its message ends', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover, isUtf8 });
  const bad = concat(deflated(hex`41 ff`), TAIL);
  await endpoint.receiveFrames(concat(header(0xc1, 1000), bad));
  assertFailed(endpoint, 'ERR_WS_INVALID_UTF8', 1007);
});

/* What is no DEFLATE, or not all of it */

inAllWays(
  '§7.2.2 case 63: garbage fails, and the same however it is cut',
  async (role, takeover) => {
    for (let seed = 0; seed < 100; seed++) {
      const payload = noise(1 + seed, seed);
      const message = messageIn(payload);
      const verdict = await verdictInAllSlicings(role, [frame(0xc2, payload)], { takeover });
      assert.deepEqual(
        verdict,
        message === undefined ? CORRUPT : { events: [{ binary: message }], closes: [] },
      );
    }
  },
);

inBothRoles(
  '§7.2.2 case 63: a message with one bit changed is another message, or none',
  async (role) => {
    const twice = concat(HELLO, TAIL, HELLO);
    for (const payload of [HELLO, hex`00 05 00 fa ff 48 65 6c 6c 6f 00`, deflated(STORY), twice]) {
      for (let bit = 0; bit < 8 * payload.length; bit++) {
        const changed = payload.slice();
        changed[bit >>> 3]! ^= 1 << (bit & 7);
        const message = messageIn(changed);
        const verdict = await verdictOn(role, [onTheWireTo(role, frame(0xc2, changed))], {});
        const expected =
          message === undefined ? CORRUPT : { events: [{ binary: message }], closes: [] };
        assert.deepEqual(
          verdict,
          expected,
          `bit ${bit} of ${Buffer.from(payload).toString('hex')}`,
        );
      }
    }
  },
);

inBothRoles('§7.2.2 case 63: a message that breaks off at any octet fails', async (role) => {
  const stored = deflated(octetsOf(60), { level: 0 });
  const dynamic = deflated(utf8(JSON.stringify(process.versions)), { level: 9 });
  for (const payload of [HELLO, stored, dynamic, deflated(noise(200))]) {
    for (let cut = 1; cut < payload.length; cut++) {
      const part = payload.subarray(0, cut);
      const { events } = await verdictOn(role, [onTheWireTo(role, frame(0xc2, part))], {});
      const [event] = events;
      if (messageIn(part) === undefined) assert.deepEqual(events, CORRUPT.events, `cut at ${cut}`);
      // Octets may happen to look like an end. Then this is what has come before it.
      else assert.ok(event !== undefined && 'binary' in event);
    }
  }
});

inBothRoles(
  '§7.2.2 case 63: with context takeover too it brings nothing that was not sent',
  async (role) => {
    const stored = deflated(octetsOf(60), { level: 0 });
    for (const [message, payload] of [
      [utf8('Hello'), HELLO],
      [octetsOf(60), stored],
      [STORY, deflated(STORY)],
      [noise(200), deflated(noise(200))],
    ] as const) {
      for (let cut = 1; cut < payload.length; cut++) {
        const frames = [frame(0xc2, payload.subarray(0, cut))];
        const { events } = await verdictInAllSlicings(role, frames, { takeover: true });
        // zlib tells an end that is missing not always from one that is there, but always in order.
        const [event] = events;
        if (event !== undefined && 'binary' in event) {
          const { binary } = event;
          assert.deepEqual(binary, message.slice(0, binary.length));
        } else {
          assert.deepEqual(events, CORRUPT.events);
        }
      }
    }
  },
);

inBothRoles('§7.2.1 case 63: a message that was sent with its tail fails', async (role) => {
  const verdict = await verdictInAllSlicings(role, [frame(0xc1, concat(HELLO, TAIL))], {});
  assert.deepEqual(verdict, CORRUPT);
});

inAllWays('§7.2.3.4 case 63: blocks with BFINAL, and more after them', async (role, takeover) => {
  const stored = hex`01 03 00 fc ff 61 62 63`;
  const fixed = hex`f3 48 cd c9 c9 07 00`;
  for (const [payload, text] of [
    [concat(stored, HELLO), 'abcHello'],
    [concat(stored, hex`00`), 'abc'],
    [concat(fixed, stored, stored, HELLO), 'HelloabcabcHello'],
    [concat(HELLO, TAIL, fixed, hex`00`), 'HelloHello'],
    [concat(hex`01 00 00 ff ff`, hex`03 00`, HELLO), 'Hello'],
    // §7.2.3.4 has an octet more, and some have not.
    [fixed, 'Hello'],
    [concat(stored, fixed), 'abcHello'],
  ] as const) {
    const whole = frame(0xc1, payload);
    const singles = singleOctets(payload).map((octet, index) =>
      frame((index === 0 ? 0x41 : 0) | (index === payload.length - 1 ? 0x80 : 0), octet),
    );
    const frames = [whole, frame(0xc1, HELLO), ...singles, hex`c1 01 00`, whole];
    const { events } = await verdictInAllSlicings(role, frames, { takeover });
    const expected = [text, 'Hello', text, '', text].map((each) => ({ text: each }));
    assert.deepEqual(events, expected, Buffer.from(payload).toString('hex'));
  }
});

inAllWays('§7.2.3.4 case 63: garbage after a block with BFINAL', async (role, takeover) => {
  const fixed = hex`f3 48 cd c9 c9 07 00`;
  for (const garbage of [hex`07`, hex`ff ff ff`, hex`00 01 00 00 00`]) {
    const frames = [frame(0xc1, concat(fixed, garbage))];
    assert.deepEqual(await verdictInAllSlicings(role, frames, { takeover }), CORRUPT);
  }
});

inBothRoles(
  '§7.2.3.4 case 63: what is before a block with BFINAL is nothing to refer to',
  async (role) => {
    // As after any end of DEFLATE data; compressors that end it begin anew.
    const again = deflated(utf8('Hello'), { dictionary: utf8('Hello') });
    const frames = [frame(0xc1, hex`f3 48 cd c9 c9 07 00 00`), frame(0xc1, again)];
    const { events } = await verdictInAllSlicings(role, frames, { takeover: true });
    assert.deepEqual(events, [{ text: 'Hello' }, ...CORRUPT.events]);
  },
);

for (const role of ROLES) {
  test(`case 63: what one peer of a ${role} sends wrongly does not spoil the messages of another`, async () => {
    for (const takeover of [true, false]) {
      for (let seed = 0; seed < 40; seed++) {
        const bad = new DeflateEndpoint(role, { takeover });
        await bad.receiveFrames(frame(0xc2, concat(deflated(noise(seed)), noise(9, seed))));
        // Left in the middle of a message.
        const torn = new DeflateEndpoint(role, { takeover });
        await torn.receiveFrames(frame(0x42, deflated(noise(100)).subarray(0, 50)));
        torn.end();
        bad.end();
        const good = new DeflateEndpoint(role, { takeover });
        await good.receiveFrames(frame(0xc1, HELLO), frame(0xc1, HELLO));
        assert.deepEqual(good.events, [{ text: 'Hello' }, { text: 'Hello' }]);
        good.end();
      }
    }
  });
}

/* Bombs */

const ZEROS = deflated(new Uint8Array(100 * MIB));

inAllWays('§10.4 case 64: a bomb is found out as soon as it is too big', async (role, takeover) => {
  assert.ok(ZEROS.length < (100 * MIB) / 1000);
  const maxMessageSize = MIB;
  const single = [frame(0xc2, ZEROS)];
  const parts = slicesOf(
    ZEROS,
    Array.from({ length: 2000 }, (_, index) => 50 * index),
  );
  const fragments = parts.map((part, index) =>
    frame((index === 0 ? 0x42 : 0) | (index === parts.length - 1 ? 0x80 : 0), part),
  );
  for (const frames of [single, fragments]) {
    const wire = onTheWireTo(role, ...frames);
    for (const size of [50, wire.length]) {
      const endpoint = new DeflateEndpoint(role, { takeover, maxMessageSize });
      let received = 0;
      for (; endpoint.protocol.isOpen; received += size) {
        assert.ok(received < wire.length);
        await endpoint.receive(wire.subarray(received, received + size));
      }
      const { error } = endpoint.protocol;
      assertFailed(endpoint, 'ERR_WS_MESSAGE_TOO_BIG', 1009);
      const actual = Reflect.get(error ?? {}, 'actual') as number;
      assert.ok(actual > maxMessageSize && actual <= maxMessageSize + 64 * 1024, String(actual));
      if (size < wire.length) assert.ok(received < wire.length / 50, `${received} octets`);
      endpoint.end();
    }
  }
});

inAllWays(
  '§10.4 case 64: a bomb is none where its message is within the limit',
  async (role, takeover) => {
    const zeros = new Uint8Array(MIB);
    const frames = [frame(0xc2, deflated(zeros)), frame(0xc2, deflated(zeros))];
    const wire = onTheWireTo(role, ...frames);
    const { events } = await verdictOn(role, [wire], { takeover, maxMessageSize: MIB });
    assert.equal(events.length, 2);
    for (const event of events) assert.ok('binary' in event && event.binary.length === MIB);
    const { closes } = await verdictOn(role, [wire], { takeover, maxMessageSize: MIB - 1 });
    assert.deepEqual(closes, [1009]);
  },
);

inAllWays('§10.4 case 64: blocks that come to nothing do not count', async (role, takeover) => {
  const endpoint = new DeflateEndpoint(role, { takeover, maxMessageSize: 1000 });
  const empty = concat(...Array.from({ length: 2000 }, () => hex`00 00 00 ff ff`));
  await endpoint.receiveFrames(frame(0x42, empty));
  for (let count = 0; count < 100; count++) await endpoint.receiveFrames(frame(0x00, empty));
  await endpoint.receiveFrames(frame(0x80, concat(empty, HELLO)));
  assert.deepEqual(endpoint.events, [{ binary: utf8('Hello') }]);
  endpoint.end();
});

for (const role of ROLES) {
  for (const size of [60_000, 200_000]) {
    for (const isLost of [false, true]) {
      const peer = `a ${isLost ? 'lost ' : ''}peer`;
      test(`case 64: many messages of ${peer} that inflate to ${size} octets leave others their turns at a ${role}`, async () => {
        let inflated = 0;
        const { connection, peer } = await openCompressed(
          role,
          {},
          { handler: { message: (_connection, message) => void (inflated += message.length) } },
        );
        const bomb = peer.frame(0xc2, deflated(new Uint8Array(size)));
        const count = Math.floor(64_000 / bomb.length);
        assert.ok(count * size > 100 * SHARE);
        // Now the connection reads: one chunk, of a size that any socket brings, and the end.
        await turns(2);
        peer.send(...Array.from({ length: count }, () => bomb));
        if (isLost) peer.reset();
        for (let before = 0; before < count * size; await turn()) {
          const octets = inflated - before;
          assert.ok(octets <= 4 * SHARE, `${octets} octets in one turn`);
          assert.ok(octets > 0 || connection.readyState !== 'closed');
          before = inflated;
        }
        connection.terminate();
      });
    }
  }

  test(`case 64: what nobody reads of a peer that is lost does not pile up at a ${role}`, async () => {
    const maxMessageSize = 4 * MIB;
    const size = 60_000;
    const { connection, peer } = await openCompressed(role, {}, { maxMessageSize });
    const bomb = peer.frame(0xc2, deflated(new Uint8Array(size)));
    const count = Math.floor(64_000 / bomb.length);
    assert.ok(count * size > 8 * maxMessageSize);
    peer.send(...Array.from({ length: count }, () => bomb));
    await turn();
    peer.reset();
    await within(connection.closed, 'the end');
    let kept = 0;
    await assert.rejects(
      (async () => {
        for await (const message of connection) kept += message.length;
      })(),
      { code: 'ERR_WS_CLOSED' },
    );
    assert.ok(kept <= maxMessageSize + 2 * SHARE, `${kept} octets were kept`);
  });

  test(`case 64: but small messages that a ${role}'s peer sent before it was lost are all there`, async () => {
    const { connection, peer } = await openCompressed(role, {}, { highWaterMark: 1000 });
    const message = octetsOf(100);
    const small = peer.frame(0xc2, deflated(message));
    peer.send(...Array.from({ length: 300 }, () => small));
    await turn();
    peer.reset();
    const { error } = await within(connection.closed, 'the end');
    assert.equal(Reflect.get(error ?? {}, 'code'), 'ERR_WS_TRUNCATED');
    let count = 0;
    await assert.rejects(
      (async () => {
        for await (const received of connection) {
          assert.deepEqual(new Uint8Array(received as Uint8Array), message);
          count++;
        }
      })(),
      { code: 'ERR_WS_CLOSED' },
    );
    assert.equal(count, 300);
  });
}

/* Empty messages, contexts and windows */

inAllWays('§7.2.3.6 case 65: compressed messages of nothing', async (role, takeover) => {
  const empties = [
    [hex`c1 01 00`],
    [hex`c1 00`],
    [hex`41 00`, hex`80 01 00`],
    [hex`41 01 00`, hex`80 00`],
    [hex`41 00`, hex`00 00`, hex`80 00`],
    // Some blocks, all of them empty.
    [frame(0xc1, hex`02 00 00 00 ff ff 00`)],
  ];
  const frames = empties.flatMap((empty) => [...empty, frame(0xc1, HELLO)]);
  const { events } = await verdictInAllSlicings(role, frames, { takeover });
  assert.deepEqual(
    events,
    empties.flatMap(() => [{ text: '' }, { text: 'Hello' }]),
  );
});

for (const role of ROLES) {
  test(`§7.1.1 case 66: a window that was given up is not there for the peer of a ${role}`, async () => {
    const { connection, peer } = await openCompressed(role);
    const message = noise(300);
    peer.sendFrame(0xc2, deflated(message));
    assert.deepEqual(new Uint8Array((await connection.receive()) as Uint8Array), message);
    peer.sendFrame(0xc2, deflated(message, { dictionary: message }));
    await peer.expectClose(1007);
    peer.end();
    const { error } = await within(connection.closed, 'the end');
    assert.equal(Reflect.get(error ?? {}, 'code'), 'ERR_WS_INFLATE');
  });
}

/** Octets that zlib refers back in by just the distance. */
function echo(distance: number): Uint8Array {
  const sound = utf8('Is anybody there?');
  const octets = concat(sound, new Uint8Array(distance - sound.length), sound);
  const payload = deflated(octets, { level: 9 });
  assert.equal(readDeflate(concat(payload, TAIL)).largestDistance, distance);
  return octets;
}

inAllWays(
  '§7.1.2 case 67: references as far as the window, however they are cut',
  async (role, takeover) => {
    for (const bits of [8, 9, 10, 12, 14]) {
      for (const distance of [2 ** bits - 1, 2 ** bits]) {
        const octets = echo(distance);
        const frames = [frame(0xc2, deflated(octets, { level: 9 }))];
        const { events } = await verdictInAllSlicings(role, frames, { takeover, bits });
        assert.deepEqual(events, [{ binary: octets }]);
      }
    }
  },
);

inAllWays('§7.1.2 case 67: references far beyond the window', async (role, takeover) => {
  for (const bits of [8, 9, 10, 12, 13]) {
    // What is inflated in one go is there to refer to: up to twice the window zlib may not notice.
    for (const distance of [2 * 2 ** bits, 2 * 2 ** bits + 1, 3 * 2 ** bits, 32_000]) {
      const frames = [frame(0xc2, deflated(echo(distance), { level: 9 }))];
      assert.deepEqual(await verdictInAllSlicings(role, frames, { takeover, bits }), CORRUPT);
    }
  }
});

inBothRoles('§7.1.2 case 67: references beyond the window into earlier messages', async (role) => {
  for (const bits of [8, 10, 13]) {
    const message = noise(100);
    const between = noise(2 * 2 ** bits, 2);
    const again = deflated(message, { dictionary: concat(message, between) });
    assert.ok(again.length < 50);
    const frames = [message, between].map((octets) => frame(0xc2, deflated(octets)));
    const verdict = await verdictInAllSlicings(role, [...frames, frame(0xc2, again)], {
      takeover: true,
      bits,
    });
    assert.deepEqual(verdict.events.slice(2), CORRUPT.events);
  }
});

/* Programs of their own: what they must not do is to end, or to grow */

const PREAMBLE = `
  import { createHook } from 'node:async_hooks';
  import v8 from 'node:v8';
  import vm from 'node:vm';
  import zlib from 'node:zlib';
  import { memoryPair } from ${JSON.stringify(import.meta.resolve('framewire/testing'))};
  import { deflated, noise, openCompressed, TAIL } from ${JSON.stringify(import.meta.resolve('../rfc7692/compressed.js'))};
  import { concat, octetsOf } from ${JSON.stringify(import.meta.resolve('../protocol/frames.js'))};

  // The states of zlib that were made and not closed.
  let made = 0;
  let closed = 0;
  const seen = new WeakSet();
  createHook({ init: (id, type) => void (made += type === 'ZLIB' ? 1 : 0) }).enable();
  for (const { prototype } of [zlib.DeflateRaw, zlib.InflateRaw]) {
    const { close } = prototype;
    prototype.close = function (...parameters) {
      if (!seen.has(this)) closed++;
      seen.add(this);
      return close.apply(this, parameters);
    };
  }
  const statesLeft = () => made - closed;
  const peakMemory = () => process.resourceUsage().maxRSS * 1024;
  const report = (result) => console.log(JSON.stringify(result));
  const settings = { heartbeat: false };
`;

async function runChild<Result>(script: string): Promise<Result> {
  const { code, stdout, stderr } = await run(PREAMBLE + script);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  return JSON.parse(stdout) as Result;
}

test('case 64: bombs of 200 MiB on many connections cost little more than the limit', async () => {
  const { failures, growth } = await runChild<{ failures: string[]; growth: number }>(`
    // Each mebibyte by itself, so that this side does not need the memory either.
    const part = concat(deflated(new Uint8Array(2 ** 20)), TAIL);
    const bomb = concat(...Array.from({ length: 200 }, () => part)).slice(0, -TAIL.length);
    const open = (role, takeover) =>
      openCompressed(role, { takeover }, { ...settings, maxMessageSize: 2 ** 22 });
    const { connection, peer } = await open('server', true);
    peer.sendFrame(0xc2, deflated(octetsOf(2 ** 16)));
    await connection.receive();
    connection.terminate();
    const before = peakMemory();
    const opened = [];
    for (const role of ['client', 'server']) {
      for (const takeover of [true, false]) {
        for (let count = 0; count < 3; count++) opened.push(await open(role, takeover));
      }
    }
    const ends = opened.map(async ({ connection, peer }, index) => {
      if (index % 2 === 0) peer.sendFrame(0xc2, bomb);
      else {
        peer.sendFrame(0x42, bomb.subarray(0, 9999));
        for (let at = 9999; at < bomb.length; at += 9999) {
          peer.sendFrame(0x00, bomb.subarray(at, at + 9999));
        }
      }
      peer.end();
      return (await connection.closed).error.code;
    });
    report({ failures: [...new Set(await Promise.all(ends))], growth: peakMemory() - before });
  `);
  assert.deepEqual(failures, ['ERR_WS_MESSAGE_TOO_BIG']);
  assert.ok(growth < 400 * MIB, `${growth} octets`);
});

test('case 64: a slow reader has what it reads in memory, and not what it has read', async () => {
  const { total, most } = await runChild<{ total: number; most: number }>(`
    v8.setFlagsFromString('--expose-gc');
    const collect = vm.runInNewContext('gc');
    const inUse = () => (collect(), collect(), process.memoryUsage().arrayBuffers);
    let total = 0;
    let most = 0;
    const read = async (source, before) => {
      let count = 0;
      for await (const octets of source) {
        total += octets.length;
        if (count++ % 100 === 0) most = Math.max(most, inUse() - before);
        await turns(2);
        if (total % (20 * 2 ** 20) === 0) break;
      }
    };
    // One message that streams.
    const part = concat(deflated(new Uint8Array(2 ** 20)), TAIL);
    const large = concat(...Array.from({ length: 20 }, () => part)).slice(0, -TAIL.length);
    const one = await openCompressed('server', {}, settings);
    const streams = one.connection.messages();
    const before = inUse();
    one.peer.sendFrame(0xc2, large);
    await read((await streams.next()).value, before);
    one.connection.terminate();
    // Many whole messages.
    const many = await openCompressed('server', {}, settings);
    const message = many.peer.frame(0xc2, deflated(new Uint8Array(2 ** 15)));
    many.peer.send(...Array.from({ length: 20 * 2 ** 5 }, () => message));
    await read(many.connection, before);
    many.connection.terminate();
    report({ total, most });
  `);
  assert.equal(total, 40 * MIB);
  assert.ok(most < 4 * MIB, `${most} octets`);
});

test('case 68: errors of zlib that come late, and all the others, end no process', async () => {
  const { codes, left } = await runChild<{ codes: string[]; left: number }>(`
    const bomb = deflated(new Uint8Array(2 ** 20));
    const torn = concat(bomb.subarray(0, 500), noise(600));
    const payloads = [torn, concat(bomb, TAIL, noise(99)), noise(2000), concat(noise(9), bomb)];
    const codes = new Set();
    for (const takeover of [true, false]) {
      for (const role of ['client', 'server']) {
        for (const maxMessageSize of [100_000, 2 ** 24]) {
          for (const payload of payloads) {
            for (let wait = 0; wait < 5; wait++) {
              const { connection, peer } = await openCompressed(role, { takeover }, { ...settings, maxMessageSize });
              peer.sendFrame(0x42, payload.subarray(0, 600));
              peer.sendFrame(0x80, payload.subarray(600));
              await turns(wait);
              if (wait === 3) connection.terminate();
              if (wait === 4) peer.reset();
              else peer.end();
              const { error } = await connection.closed;
              codes.add(error.code);
            }
          }
        }
      }
    }
    // Whatever is late has come.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await turns(50);
    report({ codes: [...codes], left: statesLeft() });
  `);
  for (const code of ['ERR_WS_INFLATE', 'ERR_WS_MESSAGE_TOO_BIG']) assert.ok(codes.includes(code));
  // Those without context wait for the next message, as many as are kept.
  assert.ok(left <= 16 && left >= 0, `${left} states are left`);
});

test('case 69: thousands of large messages at once are compressed in bounded memory', async () => {
  const { sent, growth } = await runChild<{ sent: number; growth: number }>(`
    const connections = [];
    for (let count = 0; count < 1500; count++) {
      const { connection, peer } = await openCompressed('server', {}, settings);
      // Nothing is kept of what it is sent.
      peer.stream.removeAllListeners('data').resume();
      connections.push(connection);
    }
    const large = new Uint8Array(66_000);
    const before = peakMemory();
    const sends = connections.flatMap((connection) => [1, 2].map(() => connection.send(large)));
    const results = await Promise.all(sends);
    report({ sent: results.length, growth: peakMemory() - before });
    for (const connection of connections) connection.terminate();
  `);
  assert.equal(sent, 3000);
  assert.ok(growth < 90 * MIB, `${growth} octets`);
});

test('case 69: large messages of many connections are compressed in turn', async () => {
  const large = new Uint8Array(MIB);
  const opened = await Promise.all(Array.from({ length: 10 }, () => openCompressed('server')));
  const fragments = opened.map(() => 0);
  let small: { readonly after: number } | undefined;
  const least = (): number => Math.min(...fragments);
  const readings = opened.map(async ({ connection, peer }, index) => {
    void connection.send(large);
    for (let fin = false; !fin;) {
      ({ fin } = await peer.readFrame());
      fragments[index]!++;
      assert.ok(fragments[index]! - least() <= 2, String(fragments));
    }
  });
  // Whoever comes later does not wait until all of them are done.
  const late = (async () => {
    const { connection, peer } = await openCompressed('server');
    void connection.send(STORY);
    await peer.readFrame();
    small = { after: least() };
    connection.terminate();
  })();
  await within(Promise.all([...readings, late]), 'all messages');
  assert.ok(least() >= 16);
  assert.ok(small !== undefined && small.after < 8, `after ${small?.after} of ${least()}`);
  for (const { connection } of opened) connection.terminate();
});

test('case 70: whatever ends a connection while it compresses and inflates, all settles', async () => {
  interface Result {
    readonly takeover: boolean;
    readonly left: number;
    readonly outcomes: string[];
    readonly pending: number;
  }
  const results = await runChild<Result[]>(`
    const ENDS = {
      near: ({ near }) => near.terminate(),
      far: ({ far }) => far.terminate(),
      destroyed: ({ near }) => near.transport.destroy(),
      failed: ({ near }) => near.transport.destroy(new Error('cut')),
      both: ({ near, far }) => (near.terminate(), far.terminate()),
      closed: ({ near }) => void near.close(1000),
      closedByBoth: ({ near, far }) => void (near.close(1000), far.close(1000)),
    };
    const open = async (takeover) => {
      const perMessageDeflate = {
        threshold: 0,
        serverNoContextTakeover: !takeover,
        clientNoContextTakeover: !takeover,
      };
      const options = { ...settings, perMessageDeflate };
      const [a, b] = memoryPair();
      const serving = new WebSocketServer(options).serve(b);
      const near = await connect('ws://test.example/', { ...options, transport: a });
      return { near, far: await serving };
    };
    const large = Buffer.from('all that glitters '.repeat(20_000));
    const dense = noise(200_000);
    const prepared = prepareMessage('prepared '.repeat(20_000));
    async function* source() {
      for (let count = 0; count < 5; count++) yield large;
    }
    const results = [];
    for (const takeover of [true, false]) {
      const outcomes = new Set();
      let pending = 0;
      const track = (promise) => {
        pending++;
        const settle = (outcome) => void (pending--, outcomes.add(outcome));
        promise.then(() => settle('done'), (error) => settle(error.code));
      };
      for (const end of Object.values(ENDS)) {
        for (const wait of [0, 1, 2, 3, 5, 9]) {
          const pair = await open(takeover);
          for (const connection of [pair.near, pair.far]) {
            for (const data of [large, 'small', prepared, dense, new Uint8Array(0)]) {
              track(connection.send(data));
              track(connection.send(data, { compress: true }));
            }
            track(connection.sendStream(source()));
            track(connection.send('behind'));
            track(connection.closed);
          }
          track((async () => { for await (const message of pair.far); })());
          track((async () => { for await (const message of pair.near); })());
          await turns(wait);
          end(pair);
          await Promise.all([pair.near.closed, pair.far.closed]);
        }
      }
      // What the thread pool still does, for those who compress there, comes to its end.
      for (let count = 0; count < 100 && pending > 0; count++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      results.push({ takeover, left: statesLeft(), outcomes: [...outcomes], pending });
    }
    report(results);
  `);
  for (const { takeover, left, outcomes, pending } of results) {
    assert.equal(pending, 0, 'all promises are settled');
    assert.deepEqual(outcomes.sort(), ['ERR_WS_CLOSED', 'done']);
    // What is shared stays: a state that compresses, and those that wait for the next message.
    const most = takeover ? 1 : 1 + 16;
    assert.ok(left >= 0 && left <= most, `${left} states are left, takeover ${takeover}`);
  }
});
