/** Messages that are lent to a handler: right while they are lent, and never afterwards. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { readBuffer } from '#src/native/masking.js';
import { until } from '@framewire/test-support/waiting';
import {
  connect,
  WebSocketServer,
  type Connection,
  type ConnectionHandler,
  type Message,
  type PerMessageDeflateOptions,
  type Role,
} from 'framewire';
import { memoryPair } from 'framewire/testing';
import { octetsOf, randomOctets } from '../protocol/frames.ts';
import { assertMessage } from './messages.ts';
import { open, openOnTcp, openPair, ROLES, type OpenOptions } from './opening.ts';
import { turns, within } from './raw-peer.ts';

type AnyHandler = ConnectionHandler<undefined, unknown>;

/** What is longer is the handler's own. */
const LONGEST = 64 * 1024;

const SIZES = [
  0,
  1,
  7,
  8,
  9,
  64,
  65,
  125,
  126,
  1000,
  16_384,
  65_535,
  LONGEST,
  LONGEST + 1,
  200_000,
];

const ECHO: AnyHandler = {
  borrowsMessages: true,
  message: (connection, message) => void connection.send(message),
};

const COMPRESSIONS: readonly (readonly [string, PerMessageDeflateOptions | false])[] = [
  ['as they are', false],
  ['compressed without context', { threshold: 0 }],
  [
    'compressed with context',
    { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false },
  ],
];

/** What is different about every message of a series. */
function numbered(size: number, index: number): Uint8Array {
  const octets = octetsOf(size);
  if (size > 0) octets[0] = index;
  if (size > 1) octets[size - 1] = index;
  return octets;
}

async function pairOf(
  t: TestContext,
  role: Role,
  { handler, ...options }: OpenOptions & { readonly handler: AnyHandler },
): Promise<{ readonly borrower: Connection; readonly other: Connection }> {
  if (role === 'server') {
    const { near, far } = await openPair(t, { ...options, handler }, options);
    return { borrower: far, other: near };
  }
  const { near, far } = await openPair(t, options, { ...options, handler });
  return { borrower: near, other: far };
}

/** A client and a server in memory: each reads what the other writes within the write. */
async function inMemory(
  options: OpenOptions,
  handler: AnyHandler,
): Promise<[Connection, Connection]> {
  const [near, far] = memoryPair();
  const serving = new WebSocketServer({ ...options, handler }).serve(far);
  const client = await connect('ws://test.example/', { ...options, transport: near });
  return [client, await serving];
}

for (const role of ROLES) {
  for (const [how, perMessageDeflate] of COMPRESSIONS) {
    test(`a ${role} may send on what it has borrowed, ${how}`, async (t) => {
      const { other } = await pairOf(t, role, { handler: ECHO, perMessageDeflate });
      for (const size of SIZES) {
        const sent = Array.from({ length: 5 }, (_, index) => numbered(size, index));
        for (const message of sent) void other.send(message);
        for (const message of sent) {
          const echo = await within(other.receive(), `an echo of ${size} octets`);
          assertMessage(echo, message, `an echo of ${size} octets`);
        }
      }
    });
  }

  test(`what a ${role} has borrowed, and sends to one that does not read, is not lost`, async (t) => {
    const { connection, peer } = await openOnTcp(t, role, {
      handler: ECHO,
      maxBufferedAmount: Infinity,
      sendTimeout: Infinity,
    });
    peer.stream.pause();
    const count = 400;
    for (let index = 0; index < count; index++) {
      peer.sendFrame(0x82, numbered(LONGEST, index & 0xff));
    }
    await within(
      until(() => connection.bufferedAmount > 0),
      'a full socket',
    );
    peer.stream.resume();
    for (let index = 0; index < count; index++) {
      await peer.expectMessage(numbered(LONGEST, index & 0xff));
    }
  });

  test(`what a ${role} keeps of what it has borrowed is overwritten, however it came`, async () => {
    const kept: Uint8Array[] = [];
    const seen: Uint8Array[] = [];
    const handler: AnyHandler = {
      borrowsMessages: true,
      message(_connection, message) {
        kept.push(message as Uint8Array);
        seen.push((message as Uint8Array).slice());
      },
    };
    const { connection, peer } = await open(role, { handler });
    const sent = [3, 20, 1000, 16_384, 1000, LONGEST].map(octetsOf);
    peer.send(...sent.slice(0, 3).map((message) => peer.frame(0x82, message)));
    // In two pieces, as two fragments, and as one that does not come at once.
    const cut = peer.frame(0x82, sent[3]);
    peer.send(cut.subarray(0, 5000));
    await turns(3);
    peer.send(cut.subarray(5000));
    peer.sendFrame(0x02, sent[4]!.subarray(0, 300)).sendFrame(0x80, sent[4]!.subarray(300));
    peer.sendFrame(0x82, sent[5]).sendClose(1000).end();
    await within(connection.closed, 'the end');
    assert.deepEqual(seen, sent);
    for (const message of kept) {
      assert.ok(
        message.every((octet) => octet === 0xdb),
        `${message.length} octets`,
      );
    }
  });

  test(`what a socket brought whole is lent to a ${role} where it was read`, async (t) => {
    const buffers: unknown[] = [];
    const handler: AnyHandler = {
      borrowsMessages: true,
      message: (_connection, message) => void buffers.push((message as Uint8Array).buffer),
    };
    const { connection, peer } = await openOnTcp(t, role, { handler });
    for (const size of [1, 100, 20_000]) peer.sendFrame(0x82, octetsOf(size));
    peer.sendClose(1000).end();
    await within(connection.closed, 'the end');
    assert.equal(buffers.length, 3);
    const isShared = process.env['FRAMEWIRE_DOCUMENTED_API'] !== '1';
    for (const buffer of buffers) assert.equal(buffer === readBuffer.buffer, isShared);
  });

  test(`of many long messages for a ${role} none is lent, whole or not as they are read`, async (t) => {
    const kept: Message[] = [];
    const handler: AnyHandler = {
      borrowsMessages: true,
      message: (_connection, message) => void kept.push(message),
    };
    const { connection, peer } = await openOnTcp(t, role, { handler });
    const sent = Array.from({ length: 100 }, (_, index) => numbered(LONGEST + 1 + index, index));
    peer.send(...sent.map((message) => peer.frame(0x82, message)), peer.frame(0x88)).end();
    await within(connection.closed, 'the end');
    assert.equal(kept.length, sent.length);
    for (const [index, message] of sent.entries()) {
      assertMessage(kept[index], message, `message ${index}`);
    }
  });

  test(`what a ${role} has borrowed waits behind a stream in memory of its own`, async (t) => {
    let isSending = false;
    let onAll: (() => void) | undefined;
    const all = new Promise<void>((resolve) => (onAll = resolve));
    const handler: AnyHandler = {
      borrowsMessages: true,
      message(connection, message) {
        if (!isSending) {
          isSending = true;
          void connection.sendStream(
            (async function* () {
              yield 'stream';
              await all;
            })(),
          );
        }
        void connection.send(message);
      },
    };
    const { borrower, other } = await pairOf(t, role, { handler, perMessageDeflate: false });
    const sent = [5, 5000, LONGEST].map(octetsOf);
    for (const message of sent) void other.send(message);
    await within(
      until(() => borrower.bufferedAmount >= LONGEST + 5005),
      'echoes that wait',
    );
    onAll?.();
    assert.equal(await within(other.receive(), 'the stream'), 'stream');
    for (const message of sent) {
      assertMessage(await within(other.receive(), 'an echo'), message, `${message.length} octets`);
    }
  });

  test(`what is longer than 64 KiB, and text, is the own of a ${role}'s handler`, async (t) => {
    const kept: Message[] = [];
    const handler: AnyHandler = {
      borrowsMessages: true,
      message: (_connection, message) => void kept.push(message),
    };
    const { borrower, other } = await pairOf(t, role, { handler, perMessageDeflate: false });
    const sent = [octetsOf(LONGEST + 1), 'text', octetsOf(300_000), 'ü'.repeat(30_000)];
    for (const message of sent) void other.send(message);
    void other.send(octetsOf(5000));
    await other.close();
    await within(borrower.closed, 'the end');
    for (const [index, message] of sent.entries()) {
      assertMessage(kept[index], message, `message ${index}`);
    }
  });

  test(`an async handler of a ${role} has what it borrows until it first awaits`, async () => {
    const seen: (number | undefined)[] = [];
    let onDone: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (onDone = resolve));
    const handler: AnyHandler = {
      borrowsMessages: true,
      async message(_connection, message) {
        seen.push((message as Uint8Array)[0]);
        await Promise.resolve();
        seen.push((message as Uint8Array)[0]);
        onDone?.();
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.sendFrame(0x82, Uint8Array.of(1, 2, 3));
    await within(done, 'the handler');
    assert.deepEqual(seen, [1, 0xdb]);
    connection.terminate();
  });

  test(`a ${role}'s handler that throws has given back what it borrowed`, async () => {
    let kept: Message | undefined;
    const mistake = new Error('a mistake');
    const handler: AnyHandler = {
      borrowsMessages: true,
      message(_connection, message) {
        kept = message;
        throw mistake;
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.sendFrame(0x82, Uint8Array.of(1, 2));
    await peer.expectClose(1011);
    assert.deepEqual(kept, Uint8Array.of(0xdb, 0xdb));
    peer.end();
    assert.equal((await within(connection.closed, 'the end')).error, mistake);
  });

  test(`what a ${role} has borrowed may be the payload of a Ping`, async () => {
    let answered: Promise<number> | undefined;
    const handler: AnyHandler = {
      borrowsMessages: true,
      message(connection, message) {
        answered = connection.ping({ payload: message as Uint8Array });
      },
    };
    const { connection, peer } = await open(role, { handler });
    peer.sendFrame(0x82, 'payload');
    await peer.expectFrame(0x9, 'payload');
    peer.sendFrame(0x8a, 'payload');
    await within(answered!, 'a Pong');
    connection.terminate();
  });
}

test('what was borrowed stays as it is while a peer in memory reads within the call', async () => {
  const perMessageDeflate = { threshold: 0 };
  const [sink] = await inMemory({ perMessageDeflate }, { message() {} });
  const seen: unknown[] = [];
  const [client, server] = await inMemory(
    { perMessageDeflate },
    {
      borrowsMessages: true,
      message(connection, message) {
        // So much leaves at once, and is inflated before the call returns.
        void sink.send(randomOctets(LONGEST), { compress: true });
        seen.push((message as Uint8Array).slice());
        void connection.send(message);
      },
    },
  );
  const message = new Uint8Array(100).fill(7);
  void client.send(message);
  assertMessage(await within(client.receive(), 'an echo'), message, 'the echo');
  assert.deepEqual(seen, [message]);
  for (const connection of [sink, client, server]) connection.terminate();
});

test('what was borrowed may be sent to all', async (t) => {
  const { server, near } = await openPair(t, {
    handler: {
      borrowsMessages: true,
      message: (_connection, message) => void server.broadcast(message),
    },
  });
  const message = octetsOf(5000);
  void near.send(message);
  assertMessage(await within(near.receive(), 'a message'), message, 'a broadcast');
});
