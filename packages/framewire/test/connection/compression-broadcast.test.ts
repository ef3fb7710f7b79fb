/** RFC 7692 — prepared messages: compressed once, whoever they are sent to. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { HandleDeflater } from '#src/extensions/handle-codec.js';
import { SharedDeflater } from '#src/extensions/shared-states.js';
import { StreamDeflater } from '#src/extensions/stream-codec.js';
import {
  connect,
  prepareMessage,
  WebSocketServer,
  type Connection,
  type ConnectOptions,
  type Message,
  type PerMessageDeflateOptions,
  type ServerOptions,
} from 'framewire';
import { memoryPair } from 'framewire/testing';
import { concat, octetsOf, randomOctets, readFrames, type Frame } from '../protocol/frames.ts';
import { assertMessage, record } from './messages.ts';
import { turns, within } from './raw-peer.ts';

/** What is compressed at a time. */
const SLICE = 64 * 1024;

const KEPT: PerMessageDeflateOptions = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

interface Guest {
  readonly client: Connection;
  /** The server's end. */
  readonly far: Connection<undefined>;
  /** What each of them has written since the opening handshake. */
  readonly fromClient: () => Frame[];
  readonly fromServer: () => Frame[];
}

function serverOf(options: ServerOptions<undefined> = {}): WebSocketServer {
  return new WebSocketServer({ perMessageDeflate: KEPT, heartbeat: false, ...options });
}

async function admit(
  server: WebSocketServer,
  perMessageDeflate: ConnectOptions['perMessageDeflate'] = true,
): Promise<Guest> {
  const [near, far] = memoryPair();
  const [fromClient, fromServer] = [record(near), record(far)];
  const serving = server.serve(far);
  const options = { transport: near, perMessageDeflate, heartbeat: false } as const;
  const client = await within(connect('ws://test.example/', options), 'connect');
  return {
    client,
    far: await within(serving, 'serve'),
    fromClient: () => readFrames(fromClient()),
    fromServer: () => readFrames(fromServer()),
  };
}

/** The sizes of what was compressed without context. */
function watchShared(t: TestContext): () => number[] {
  const method = t.mock.method(SharedDeflater.prototype, 'deflate');
  return () => method.mock.calls.map(({ arguments: [octets] }) => octets.length);
}

async function expectMessage({ client }: Guest, expected: Message, what: string): Promise<void> {
  await expectAt(client, expected, what);
}

async function expectAt(connection: Connection, expected: Message, what: string): Promise<void> {
  assertMessage(await within(connection.receive(), what), expected, what);
}

/** Halves that are alike: what is compressed with a window of that size refers to it. */
function twice(size: number): Uint8Array {
  const half = randomOctets(size);
  return concat(half, half);
}

/** Text that compresses well, another for each number. */
function newsOf(number: number, size: number = 2000): string {
  return `{"number":${number},"text":"Breaking news number ${number}"}`.repeat(size / 40);
}

test('§6 a broadcast is compressed once for all who agreed on the same', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guests: Guest[] = [];
  for (let count = 0; count < 10; count++) guests.push(await admit(server));
  assert.deepEqual(server.broadcast(newsOf(1)), { sent: 10, skipped: 0 });
  for (const [index, guest] of guests.entries()) {
    await expectMessage(guest, newsOf(1), `guest ${index}`);
    assert.deepEqual(
      guest.fromServer().map(({ rsv }) => rsv),
      [4],
    );
    assert.deepEqual(guest.fromServer()[0]?.payload, guests[0]?.fromServer()[0]?.payload);
  }
  assert.deepEqual(compressed(), [newsOf(1).length]);
  await server.close();
});

test('§7.1.2 each window size gets its own, which fits it', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guests: Guest[] = [];
  for (const serverMaxWindowBits of [15, 12, 9, 8, 12, 9, undefined]) {
    guests.push(await admit(server, { serverMaxWindowBits }));
  }
  const message = concat(twice(3000), twice(300), new Uint8Array(3000));
  server.broadcast(message);
  for (const [index, guest] of guests.entries()) {
    await expectMessage(guest, message, `guest ${index}`);
    assert.equal(guest.fromServer()[0]?.rsv, 4);
  }
  assert.equal(compressed().length, 4);
  const sizes = guests.map((guest) => guest.fromServer()[0]!.payload.length);
  assert.ok(sizes[0]! + 2000 < sizes[2]!, 'the small window cannot refer to what is far behind');
  await server.close();
});

for (const size of [2000, 300_000]) {
  test(`§7.2.3.2 a context survives broadcasts of ${size} octets before, between and after`, async () => {
    const server = serverOf();
    const guests = [
      await admit(server, KEPT),
      await admit(server, true),
      await admit(server, { ...KEPT, serverMaxWindowBits: 9 }),
      await admit(server, false),
    ];
    const sent: Message[][] = guests.map(() => []);
    const broadcast = (message: string): void => {
      assert.equal(server.broadcast(message).sent, guests.length);
      for (const messages of sent) messages.push(message);
    };
    const send = (message: string, compress?: boolean): void => {
      for (const [index, { far }] of guests.entries()) {
        void far.send(message, { compress });
        sent[index]!.push(message);
      }
    };
    broadcast(newsOf(0, size));
    send(newsOf(0));
    send(newsOf(1));
    broadcast(newsOf(1, size));
    send(newsOf(1));
    send('too short to be compressed');
    send(newsOf(1));
    broadcast(newsOf(2, size));
    broadcast(newsOf(1, size));
    send(newsOf(2), false);
    send(newsOf(2, 200_000));
    send(newsOf(2), true);
    broadcast(newsOf(3, size));
    for (let round = 0; round < 5; round++) {
      send(newsOf(round));
      broadcast(newsOf(round, size));
      // With everything at rest, too: nothing waits for anything.
      for (const [index, guest] of guests.entries()) {
        for (const message of sent[index]!.splice(0)) {
          await expectMessage(guest, message, `guest ${index}, round ${round}`);
        }
      }
    }
    await server.close();
  });
}

test('§7.2.3.2 what is sent next after a broadcast refers to nothing, and then to that', async () => {
  const server = serverOf({ perMessageDeflate: { ...KEPT, threshold: 0 } });
  const guest = await admit(server, KEPT);
  const message = randomOctets(1000);
  const messages = [message, message, newsOf(1), message, message];
  for (const each of messages) {
    if (typeof each === 'string') server.broadcast(each);
    else void guest.far.send(each, { compress: true });
    await expectMessage(guest, each, 'a message');
  }
  const sizes = guest.fromServer().map(({ payload }) => payload.length);
  assert.deepEqual(
    sizes.map((size) => size < 500),
    [false, true, true, false, true],
  );
  await server.close();
});

test('a broadcast that is not compressed leaves the context as it is', async () => {
  const server = serverOf();
  const guest = await admit(server, KEPT);
  const message = randomOctets(1000);
  const broadcasts = [
    () => server.broadcast(newsOf(1), { compress: false }),
    () => server.broadcast('short'),
    () => server.broadcast(randomOctets(1000)),
  ];
  void guest.far.send(message, { compress: true });
  await within(guest.client.receive(), 'a message');
  for (const broadcast of broadcasts) {
    broadcast();
    await within(guest.client.receive(), 'a message');
    void guest.far.send(message, { compress: true });
    await expectMessage(guest, message, 'a message');
    const frames = guest.fromServer();
    assert.equal(frames.at(-2)?.rsv, 0);
    assert.ok(frames.at(-1)!.payload.length < 50, 'it refers to the first');
  }
  await server.close();
});

test('a large broadcast is compressed once, slice by slice, for all', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guests: Guest[] = [];
  for (let count = 0; count < 5; count++) guests.push(await admit(server, count % 2 === 0 || KEPT));
  const message = octetsOf(3 * SLICE + 1);
  server.broadcast(message);
  server.broadcast('right behind it');
  for (const [index, guest] of guests.entries()) {
    await expectMessage(guest, message, `guest ${index}`);
    await expectMessage(guest, 'right behind it', `guest ${index}`);
    assert.deepEqual(
      guest.fromServer().map(({ rsv, fin }) => [rsv, fin]),
      [
        [4, true],
        [0, true],
      ],
    );
  }
  assert.deepEqual(compressed(), [SLICE, SLICE, SLICE, 1]);
  await server.close();
});

test('who leaves while a broadcast is compressed takes nothing from the others', async () => {
  const server = serverOf();
  const guests = [await admit(server), await admit(server, KEPT), await admit(server)];
  const message = octetsOf(1_000_000);
  server.broadcast(message);
  await turns(3);
  guests[0]!.client.terminate();
  void guests[1]!.far.close(1000);
  await expectMessage(guests[1]!, message, 'the one that is closed after it');
  await expectMessage(guests[2]!, message, 'the one that stays');
  assert.deepEqual(server.broadcast('later'), { sent: 1, skipped: 0 });
  await expectMessage(guests[2]!, 'later', 'the one that stays');
  await server.close();
});

test('what does not get smaller is tried once, and sent to all as it is', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guests = [await admit(server), await admit(server, KEPT), await admit(server)];
  for (const message of [randomOctets(5000), randomOctets(200_000)]) {
    const before = compressed().length;
    server.broadcast(message);
    for (const guest of guests) {
      await expectMessage(guest, message, 'it is whole');
      assert.equal(guest.fromServer().at(-1)?.rsv, 0);
    }
    assert.equal(compressed().length - before, Math.ceil(message.length / SLICE));
  }
  await server.close();
});

test('connections without compression get it as it is, at the same time', async () => {
  const server = serverOf();
  const [plain, compressing] = [await admit(server, false), await admit(server)];
  for (const message of [newsOf(1), octetsOf(200_000), 'short', new Uint8Array(0)]) {
    assert.deepEqual(server.broadcast(message), { sent: 2, skipped: 0 });
    await expectMessage(plain, message, 'without compression');
    await expectMessage(compressing, message, 'with compression');
  }
  assert.deepEqual(
    plain.fromServer().map(({ rsv }) => rsv),
    [0, 0, 0, 0],
  );
  assert.deepEqual(
    compressing.fromServer().map(({ rsv }) => rsv),
    [4, 4, 0, 0],
  );
  await server.close();
});

test('a server whose connections have no compression compresses nothing', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guest = await admit(server, false);
  server.broadcast(newsOf(1), { compress: true });
  await expectMessage(guest, newsOf(1), 'it is whole');
  assert.deepEqual(compressed(), []);
  await server.close();
});

test('`except` and `filter` choose among connections of all kinds', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const [sender, plain, kept, small] = [
    await admit(server),
    await admit(server, false),
    await admit(server, KEPT),
    await admit(server, { serverMaxWindowBits: 9 }),
  ];
  const filter = (connection: Connection): boolean => connection !== small.far;
  const counts = server.broadcast(newsOf(1), { except: sender.far, filter });
  assert.deepEqual(counts, { sent: 2, skipped: 0 });
  server.broadcast('to all');
  await expectMessage(plain, newsOf(1), 'without compression');
  await expectMessage(kept, newsOf(1), 'with context');
  for (const guest of [sender, plain, kept, small]) await expectMessage(guest, 'to all', 'all');
  assert.equal(compressed().length, 1);
  await server.close();
});

test('RFC 7692 §8: what must not be compressed is not, however it is given', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guests = [await admit(server), await admit(server, KEPT)];
  const given = [
    newsOf(1),
    prepareMessage(newsOf(1)),
    prepareMessage(newsOf(1), { compress: true }),
  ];
  for (const data of given) {
    server.broadcast(data, { compress: false });
    for (const guest of guests) await expectMessage(guest, newsOf(1), 'it is whole');
  }
  server.broadcast(prepareMessage(newsOf(1), { compress: false }));
  for (const guest of guests) {
    await expectMessage(guest, newsOf(1), 'it is whole');
    void guest.far.send(prepareMessage(newsOf(1), { compress: false }));
    void guest.far.send(prepareMessage(newsOf(1)), { compress: false });
    await expectMessage(guest, newsOf(1), 'it is whole');
    await expectMessage(guest, newsOf(1), 'it is whole');
    assert.deepEqual(
      guest.fromServer().map(({ rsv }) => rsv),
      [0, 0, 0, 0, 0, 0],
    );
  }
  assert.deepEqual(compressed(), []);
  await server.close();
});

test('what is short is compressed when that is asked for, however it is given', async () => {
  const server = serverOf();
  const guest = await admit(server);
  const message = 'short '.repeat(10);
  server.broadcast(message);
  server.broadcast(message, { compress: true });
  server.broadcast(prepareMessage(message), { compress: true });
  server.broadcast(prepareMessage(message, { compress: true }));
  server.broadcast(prepareMessage(message, { compress: false }), { compress: true });
  for (let count = 0; count < 5; count++) await expectMessage(guest, message, 'it is whole');
  assert.deepEqual(
    guest.fromServer().map(({ rsv }) => rsv),
    [0, 4, 4, 4, 4],
  );
  await server.close();
});

test('where zlib fails, a broadcast reaches those who need none', async (t) => {
  const server = serverOf();
  const [compressing, plain] = [await admit(server), await admit(server, false)];
  for (const data of [newsOf(1), octetsOf(100_000)]) {
    const handles = t.mock.method(HandleDeflater.prototype, 'deflate', () => {
      throw new Error('no memory');
    });
    const streams = t.mock.method(StreamDeflater.prototype, 'deflate', () =>
      Promise.reject(new Error('no memory')),
    );
    server.broadcast(data);
    await expectMessage(plain, data, 'without compression');
    handles.mock.restore();
    streams.mock.restore();
  }
  assert.equal(compressing.far.readyState, 'open');
  await server.close();
});

test('one who is too slow is skipped, and nobody else is', async () => {
  const server = serverOf({ maxBufferedAmount: 50_000, slowConsumer: 'drop' });
  const [slow, quick] = [await admit(server, KEPT), await admit(server)];
  slow.client.pause();
  void slow.far.send(randomOctets(200_000), { compress: true });
  while (!slow.far.transport.writableNeedDrain) await turns(1);
  assert.deepEqual(server.broadcast(newsOf(1)), { sent: 1, skipped: 1 });
  await expectMessage(quick, newsOf(1), 'the quick one');
  slow.client.resume();
  await within(slow.client.receive(), 'the large one');
  while (slow.far.bufferedAmount > 0) await turns(1);
  assert.deepEqual(server.broadcast(newsOf(2)), { sent: 2, skipped: 0 });
  await expectMessage(slow, newsOf(2), 'the slow one');
  void slow.far.send(newsOf(2));
  await expectMessage(slow, newsOf(2), 'the slow one');
  await server.close();
});

test('a prepared message may be sent by clients and servers, again and again', async (t) => {
  const compressed = watchShared(t);
  const server = serverOf();
  const guests = [await admit(server), await admit(server, KEPT), await admit(server, false)];
  const large = octetsOf(2 * SLICE);
  for (const [message, slices] of [
    [newsOf(1), 1],
    [large, 2],
  ] as const) {
    const before = compressed().length;
    const prepared = prepareMessage(message);
    for (let round = 0; round < 3; round++) {
      for (const guest of guests) {
        void guest.client.send(prepared);
        void guest.far.send(prepared);
        await expectMessage(guest, message, 'at the client');
        await expectAt(guest.far, message, 'at the server');
      }
    }
    assert.equal(compressed().length - before, slices);
  }
  for (const [index, guest] of guests.entries()) {
    const [own, other] = [guest.fromClient(), guest.fromServer()];
    // §5.3: each of a client's frames is masked anew.
    assert.equal(new Set(own.map(({ key }) => String(key))).size, own.length);
    assert.ok(other.every(({ key }) => key === undefined));
    const rsv = index === 2 ? 0 : 4;
    assert.ok([...own, ...other].every((frame) => frame.rsv === rsv));
  }
  await server.close();
});

test('§7.2.3.2 a client too forgets its context for a prepared message', async () => {
  const server = serverOf();
  const { client, far } = await admit(server, KEPT);
  const prepared = prepareMessage(newsOf(1));
  const message = newsOf(1);
  const way = [message, prepared, message, message, prepared, prepared, message];
  for (const each of way) void client.send(each);
  for (const [index] of way.entries()) await expectAt(far, message, `message ${index}`);
  for (const each of way) {
    void client.send(each);
    await expectAt(far, message, 'at rest');
  }
  await server.close();
});
