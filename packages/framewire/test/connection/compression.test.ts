/** RFC 7692 — what an application sees of compression: sizes apart, nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { Compression } from '#src/extensions/compression.js';
import { DEFLATE_SLICE } from '#src/extensions/compressor.js';
import { HandleDeflater, HandleInflater } from '#src/extensions/handle-codec.js';
import { StreamDeflater, StreamInflater } from '#src/extensions/stream-codec.js';
import { until } from '@framewire/test-support/waiting';
import {
  connect,
  prepareMessage,
  WebSocketServer,
  type Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type Message,
  type PerMessageDeflateOptions,
  type Role,
  type SendOptions,
} from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import {
  concat,
  octetsOf,
  randomOctets,
  readFrames,
  utf8,
  type Frame,
} from '../protocol/frames.ts';
import { assertMessage, record } from './messages.ts';
import { ROLES } from './opening.ts';
import { turn, turns, within } from './raw-peer.ts';

/** Every message that may be compressed is. */
const EAGER: PerMessageDeflateOptions = { threshold: 0 };

/** Both sides keep their context. */
const KEPT: PerMessageDeflateOptions = {
  ...EAGER,
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};

const SETTINGS: readonly (readonly [string, PerMessageDeflateOptions])[] = [
  ['without context', EAGER],
  ['with context', KEPT],
];

const TRANSPORTS = ['memory', 'TCP'] as const;

interface PairOptions extends ConnectionOptions {
  /** Of both sides. */
  readonly handler?: ConnectionHandler<undefined, unknown>;
}

interface Pair {
  /** Of the role that was asked for. */
  readonly sender: Connection;
  readonly receiver: Connection;
  /** What the sender has written since the opening handshake. */
  readonly written: () => Uint8Array;
  readonly frames: () => Frame[];
}

/** A connection of the library's at both ends. */
async function openPair(
  role: Role,
  options: PairOptions = {},
  transport: (typeof TRANSPORTS)[number] = 'memory',
): Promise<Pair> {
  const given = { perMessageDeflate: EAGER, heartbeat: false, ...options } as const;
  const [near, far] = transport === 'memory' ? memoryPair() : await socketPair();
  const written = record(role === 'client' ? near : far);
  const serving = new WebSocketServer(given).serve(far);
  const client = await within(connect('ws://127.0.0.1/', { ...given, transport: near }), 'connect');
  const server = await within(serving, 'serve');
  assert.notEqual(client.perMessageDeflate, undefined);
  const [sender, receiver] = role === 'client' ? [client, server] : [server, client];
  return { sender, receiver, written, frames: () => readFrames(written()) };
}

async function socketPair(): Promise<[Duplex, Duplex]> {
  const listener = net.createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const near = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1');
  const [far] = (await once(listener, 'connection')) as [net.Socket];
  listener.close();
  return [near, far];
}

async function receiveAll(connection: Connection, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for (let index = 0; index < count; index++) {
    const message = await within(connection.receive(), `message ${index}`);
    assert.notEqual(message, undefined);
    messages.push(message!);
  }
  return messages;
}

/** Text that can be made smaller by half or so. */
function proseOf(size: number): string {
  let state = size;
  const letters = Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 'etaoin shrdlü€'[state >>> 28] ?? 'e';
  });
  return letters.join('').slice(0, size);
}

function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return Promise.race([promise, turns(5).then(() => pending)]).then(
    (value) => value !== pending,
    () => true,
  );
}

/** Counts what is inflated from here on, and what is made to do so. */
function countInflated(t: TestContext): { octets: number } {
  const counted = { octets: 0 };
  for (const { prototype } of [HandleInflater, StreamInflater]) {
    const inflate = prototype.inflate;
    t.mock.method(prototype, 'inflate', function (this: HandleInflater & StreamInflater) {
      const step = inflate.call(this);
      if (step === 'piece' || step === 'done') counted.octets += this.length;
      return step;
    });
  }
  return counted;
}

const CHOICES: readonly (boolean | undefined)[] = [true, false, undefined];

for (const role of ROLES) {
  for (const transport of TRANSPORTS) {
    for (const [kind, perMessageDeflate] of SETTINGS) {
      const where = `a ${role} over ${transport}, ${kind}`;

      test(`messages of all kinds arrive in the order of the calls: ${where}`, async () => {
        const { sender, receiver, frames } = await openPair(role, { perMessageDeflate }, transport);
        const prepared = prepareMessage(proseOf(3000));
        const largePrepared = prepareMessage(octetsOf(150_000));
        const messages: Message[] = [];
        const sent: Promise<void>[] = [];
        const send = (message: Message, options?: SendOptions): void => {
          messages.push(message);
          sent.push(sender.send(message, options));
        };
        for (let round = 0; round < 3; round++) {
          for (const compress of CHOICES) {
            send(`round ${round}`, { compress });
            send(proseOf(300_000), { compress });
            send('', { compress });
            send(randomOctets(70_000), { compress });
            messages.push(proseOf(3000), octetsOf(150_000), 'one and two');
            sent.push(
              sender.send(prepared, { compress }),
              sender.send(largePrepared, { compress }),
              sender.sendStream(['one ', 'and two'], { compress }),
            );
            send(octetsOf(65_536), { compress });
            send(new Uint8Array(0), { compress });
          }
        }
        const pings = [sender.ping(), receiver.ping()];
        const received = await receiveAll(receiver, messages.length);
        for (const [index, message] of messages.entries()) {
          assertMessage(received[index], message, `message ${index}`);
        }
        await within(Promise.all([...sent, ...pings]), 'all promises');
        assertWellFormed(frames());
        await turns(2);
        assert.equal(sender.bufferedAmount, 0);
        sender.terminate();
      });
    }
  }

  test(`§6.1 a ${role}'s Ping goes between the fragments of a large compressed message`, async () => {
    const { sender, receiver, frames } = await openPair(role);
    const message = octetsOf(2_000_000);
    const sent = sender.send(message);
    while (frames().length === 0) await turn();
    void sender.ping({ payload: 'between' });
    assertMessage(await within(receiver.receive(), 'the message'), message, 'it is whole');
    await sent;
    const all = frames();
    const at = all.findIndex(({ opcode }) => opcode === 9);
    assert.ok(at > 0 && at < all.length - 1, `the Ping is frame ${at} of ${all.length}`);
    assert.deepEqual([all[at]!.rsv, String(Buffer.from(all[at]!.payload))], [0, 'between']);
    assertWellFormed(all);
    sender.terminate();
  });

  test(`each message of a ${role} is compressed or not as it was said`, async () => {
    const perMessageDeflate = { threshold: 1000 };
    const { sender, receiver, frames } = await openPair(role, { perMessageDeflate });
    const short = proseOf(100);
    const long = proseOf(2000);
    const octets = randomOctets(2000);
    const sends: readonly (readonly [Message, boolean | undefined, rsv: number])[] = [
      [short, undefined, 0],
      [short, true, 4],
      [short, false, 0],
      [long, undefined, 4],
      [long, false, 0],
      [long, true, 4],
      // What gets larger is sent as it is, unless it was asked for.
      [octets, undefined, 0],
      [octets, true, 4],
      [octets, false, 0],
      ['', true, 4],
      ['', undefined, 0],
    ];
    for (const [message, compress] of sends) void sender.send(message, { compress });
    const received = await receiveAll(receiver, sends.length);
    const rsvs = frames().map(({ rsv }) => rsv);
    assert.deepEqual(
      rsvs,
      sends.map(([, , rsv]) => rsv),
    );
    for (const [index, [message]] of sends.entries()) {
      assertMessage(received[index], message, `message ${index}`);
    }
    sender.terminate();
  });

  test(`the threshold of a ${role} is one of octets, for text too`, async () => {
    const perMessageDeflate = { threshold: 600 };
    const { sender, receiver, frames } = await openPair(role, { perMessageDeflate });
    const text = '€'.repeat(200);
    for (const message of [text, utf8(text), text.slice(1)]) void sender.send(message);
    await receiveAll(receiver, 3);
    assert.deepEqual(
      frames().map(({ rsv }) => rsv),
      [4, 4, 0],
    );
    sender.terminate();
  });

  test(`after messages that get no smaller, a ${role} tries fewer`, async (t) => {
    const tried = [HandleDeflater, StreamDeflater].map(({ prototype }) =>
      t.mock.method(prototype, 'deflate'),
    );
    const { sender, receiver } = await openPair(role);
    const messages = Array.from({ length: 40 }, () => randomOctets(500));
    for (const message of messages) {
      await sender.send(message);
      assertMessage(await within(receiver.receive(), 'a message'), message, 'it is whole');
    }
    // One, then after breaks of 1, 2, 4, 8 and 16 messages one each.
    const count = tried.reduce((sum, { mock }) => sum + mock.callCount(), 0);
    assert.equal(count, 6);
    sender.terminate();
  });

  for (const [kind, perMessageDeflate] of SETTINGS) {
    test(`octets up to 64 KiB are free as soon as a ${role} has sent them, ${kind}`, async () => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate });
      const other = await openPair(role, { perMessageDeflate });
      const expected = [1000, 65_536].map(octetsOf);
      // At rest, behind another message, and behind one of a connection that shares the state.
      for (let round = 0; round < 3; round++) {
        const sends = expected.flatMap((octets) =>
          [sender, other.sender, sender].map((connection) => {
            const own = octets.slice();
            const sent = connection.send(own, { compress: true });
            own.fill(0);
            return sent;
          }),
        );
        const received = await receiveAll(receiver, 4);
        received.push(...(await receiveAll(other.receiver, 2)));
        const order = [0, 0, 1, 1, 0, 1];
        for (const [index, message] of received.entries()) {
          const what = `round ${round}, message ${index}`;
          assertMessage(message, expected[order[index]!]!, what);
        }
        await within(Promise.all(sends), 'the sends');
      }
      sender.terminate();
      other.sender.terminate();
    });

    test(`larger octets of a ${role} are free when its send has resolved, ${kind}`, async () => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate }, 'TCP');
      for (const message of [octetsOf(1_000_000), randomOctets(1_000_000)]) {
        const own = message.slice();
        const sent = sender.send(own);
        void sent.then(() => own.fill(0));
        assertMessage(await within(receiver.receive(), 'the message'), message, 'it is whole');
        await within(sent, 'the send');
      }
      sender.terminate();
    });
  }

  test(`a ${role}'s send waits for a peer that does not read`, async () => {
    const { sender, receiver } = await openPair(role);
    await turns(2);
    receiver.pause();
    const message = randomOctets(300_000);
    const large = sender.send(message, { compress: true });
    assert.equal(await isSettled(large), false);
    const behind = sender.send('x');
    assert.equal(await isSettled(behind), false);
    assert.ok(sender.bufferedAmount > 200_000);
    receiver.resume();
    assertMessage(await within(receiver.receive(), 'the message'), message, 'it is whole');
    assert.equal(await within(receiver.receive(), 'the next'), 'x');
    await within(Promise.all([large, behind]), 'room');
    assert.equal(sender.bufferedAmount, 0);
    sender.terminate();
  });

  const kinds: Readonly<Record<string, (connection: Connection) => Promise<void>>> = {
    'a small message': (connection) => connection.send(proseOf(5000)),
    'a large message': (connection) => connection.send(proseOf(400_000)),
    'a large message that gets no smaller': (connection) => connection.send(randomOctets(500_000)),
    'a prepared message': (connection) => connection.send(prepareMessage(proseOf(5000))),
    'a large prepared message': (connection) =>
      connection.send(prepareMessage(octetsOf(3_000_000))),
    'a message behind another': (connection) => {
      void connection.send(proseOf(300_000));
      return connection.send(proseOf(5000));
    },
  };
  for (const [what, send] of Object.entries(kinds)) {
    test(`bufferedAmount of a ${role} counts ${what} until it has left`, async () => {
      const { sender, receiver } = await openPair(role);
      await turns(3);
      assert.equal(sender.bufferedAmount, 0);
      let isSent = false;
      const sent = send(sender).then(() => (isSent = true));
      const amounts = [sender.bufferedAmount];
      await Promise.resolve();
      while (!isSent) {
        amounts.push(sender.bufferedAmount);
        await turn();
      }
      await sent;
      assert.ok(
        !amounts.includes(0),
        `it was 0 at step ${amounts.indexOf(0)} of ${amounts.length}`,
      );
      await within(receiver.receive(), 'a message');
      await turns(2);
      assert.equal(sender.bufferedAmount, 0);
      sender.terminate();
    });
  }

  test(`bufferedAmount of a ${role} falls while a large message is compressed, and never grows`, async () => {
    const { sender, receiver } = await openPair(role);
    await turns(3);
    const size = 4_000_000;
    const sent = sender.send(octetsOf(size));
    let before = sender.bufferedAmount;
    assert.ok(before >= size);
    let steps = 0;
    let isSent = false;
    void sent.then(() => (isSent = true));
    while (!isSent) {
      await turn();
      const { bufferedAmount } = sender;
      assert.ok(bufferedAmount <= before, `${bufferedAmount} after ${before}`);
      if (bufferedAmount < before) steps++;
      before = bufferedAmount;
    }
    assert.ok(steps > 20, `it fell ${steps} times`);
    await within(receiver.receive(), 'the message');
    sender.terminate();
  });

  test(`§10.4 a ${role} refuses what does not fit beside a large message in progress`, async () => {
    const options = { maxBufferedAmount: 1_000_000, slowConsumer: 'drop' } as const;
    const { sender, receiver } = await openPair(role, options);
    const message = octetsOf(3_000_000);
    const large = sender.send(message);
    for (let count = 0; count < 3; count++) {
      const error = { name: 'LimitError', code: 'ERR_WS_SEND_BUFFER_FULL', limit: 1_000_000 };
      await assert.rejects(sender.send('dropped', { compress: true }), error);
      await assert.rejects(sender.send(octetsOf(500)), error);
      await assert.rejects(sender.send(prepareMessage(proseOf(500))), error);
      await turns(2);
    }
    assertMessage(await within(receiver.receive(), 'the message'), message, 'it is whole');
    await within(large, 'the send');
    await sender.send('fits');
    assert.equal(await within(receiver.receive(), 'the next'), 'fits');
    sender.terminate();
  });

  test(`§10.4 … or ends the connection, and all that was begun`, async () => {
    const { sender } = await openPair(role, { maxBufferedAmount: 1_000_000 });
    const large = [sender.send(octetsOf(3_000_000))];
    await turns(2);
    await assert.rejects(sender.send('one more'), { code: 'ERR_WS_SEND_BUFFER_FULL' });
    const info = await within(sender.closed, 'the end');
    assert.equal(info.code, 1006);
    await assert.rejects(within(large[0]!, 'the send'), { code: 'ERR_WS_CLOSED' });
    await turns(2);
    assert.equal(sender.bufferedAmount, 0);
  });

  test(`a slow peer holds the source of a ${role}'s compressed stream back`, async () => {
    const { sender, receiver } = await openPair(role);
    await turns(2);
    receiver.pause();
    const part = randomOctets(10_000);
    const count = 300;
    let yielded = 0;
    function* source(): Generator<Uint8Array> {
      for (; yielded < count; yielded++) yield part;
    }
    const streamed = sender.sendStream(source(), { compress: true });
    while (yielded === 0) await turn();
    await turns(200);
    assert.ok(yielded < 20, `${yielded} parts were taken from the source`);
    receiver.resume();
    const message = await within(receiver.receive(), 'the message');
    assertMessage(message, concat(...Array.from({ length: count }, () => part)), 'it is whole');
    await within(streamed, 'the stream');
    sender.terminate();
  });

  for (const [kind, perMessageDeflate] of SETTINGS) {
    test(`§5.4 a compressed stream of a ${role} is one message, ${kind}`, async () => {
      const { sender, receiver, frames } = await openPair(role, { perMessageDeflate });
      const parts = ['ü', '', proseOf(200_000), '\ud83d', '\ude00', 'end'];
      void sender.sendStream(parts);
      void sender.sendStream([]);
      void sender.sendStream([randomOctets(0), octetsOf(70_000)], { compress: true });
      void sender.send('after');
      const [text, empty, binary, after] = await receiveAll(receiver, 4);
      assertMessage(text, parts.join(''), 'text');
      assertMessage(empty, new Uint8Array(0), 'nothing');
      assertMessage(binary, octetsOf(70_000), 'octets');
      assert.equal(after, 'after');
      assertWellFormed(frames());
      assert.equal(frames()[0]!.rsv, 4);
      sender.terminate();
    });
  }

  test(`a large message to or from a ${role} blocks nobody: others have their turns`, async (t) => {
    const { sender, receiver } = await openPair(role);
    const counted = countTurns(t);
    const slices = 100;
    const message = new Uint8Array(slices * DEFLATE_SLICE);
    await within(sender.send(message), 'the send');
    assert.ok(counted.turns >= slices - 1, `${counted.turns} turns while it was sent`);
    await within(receiver.receive(), 'the message');
    const prepared = prepareMessage(message);
    counted.turns = 0;
    await within(sender.send(prepared), 'the send');
    assert.ok(counted.turns >= slices - 1, `${counted.turns} turns while it was prepared`);
    // Now it is there, and goes as one frame, which is small.
    await within(receiver.receive(), 'the message');
    counted.turns = 0;
    void sender.send(prepared);
    assertMessage(await within(receiver.receive(), 'the message'), message, 'it is whole');
    // What is inflated at a time is 256 KiB.
    assert.ok(counted.turns >= slices / 4 - 1, `${counted.turns} turns while it was received`);
    sender.terminate();
  });

  test(`a small frame that inflates to much reaches the ${role}'s peer whole, with nothing behind it`, async () => {
    for (const transport of TRANSPORTS) {
      const { sender, receiver } = await openPair(role, {}, transport);
      for (const size of [256 * 1024, 256 * 1024 + 1, 10_000_000]) {
        const message = new Uint8Array(size);
        void sender.send(prepareMessage(message));
        assertMessage(await within(receiver.receive(), `${size} octets`), message, 'it is whole');
      }
      // Several of them in one chunk.
      const prepared = prepareMessage(new Uint8Array(1_000_000));
      for (let count = 0; count < 5; count++) void sender.send(prepared);
      for (const message of await receiveAll(receiver, 5)) {
        assert.equal(message.length, 1_000_000);
      }
      sender.terminate();
    }
  });

  test(`§10.4 messages() inflates at the pace of the reader of a ${role}'s messages`, async (t) => {
    const size = 256 * 1024 * 1024;
    const counted = countInflated(t);
    const highWaterMark = 256 * 1024;
    const { sender, receiver } = await openPair(role, { highWaterMark, maxMessageSize: 1000 });
    const messages = receiver.messages();
    const part = new Uint8Array(4 * 1024 * 1024);
    void sender.sendStream(Array.from({ length: size / part.length }, () => part));
    const { value: message } = await within(messages.next(), 'a message');
    let read = 0;
    let most = 0;
    for await (const octets of message!) {
      read += octets.length;
      // A reader that is slow to begin with: what it does not take must not be inflated.
      if (read < 10_000_000) await turns(10);
      most = Math.max(most, counted.octets - read);
    }
    assert.equal(read, size);
    assert.ok(most < 2 * highWaterMark, `${most} octets were inflated ahead`);
    sender.terminate();
  });

  test(`§8.1 text of a ${role} that inflates in pieces is cut between code points`, async () => {
    const { sender, receiver } = await openPair(role);
    const text = `x${'€😀ü'.repeat(100_000)}`;
    const messages = receiver.messages();
    void sender.send(text);
    const { value: message } = await within(messages.next(), 'a message');
    const parts: string[] = [];
    for await (const part of message!) parts.push(part as string);
    assert.ok(parts.length > 1);
    assertMessage(parts.join(''), text, 'it is whole');
    assert.ok(parts.every((part) => !/[\ud800-\udfff]/u.test(part)));
    sender.terminate();
  });

  for (const [kind, perMessageDeflate] of SETTINGS) {
    test(`§7.1.2 a ${role} that closes during a large message closes after it, ${kind}`, async () => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate });
      const message = octetsOf(3_000_000);
      const sent = [
        sender.send(message),
        sender.send(prepareMessage(message)),
        sender.send('last'),
      ];
      await turns(2);
      const closing = sender.close(1000, 'done');
      assert.equal(sender.readyState, 'closing');
      await assert.rejects(sender.send('late', { compress: true }), { code: 'ERR_WS_CLOSED' });
      for (const expected of [message, message, 'last']) {
        assertMessage(await within(receiver.receive(), 'a message'), expected, 'it is whole');
      }
      assert.equal(await within(receiver.receive(), 'the end'), undefined);
      await within(Promise.all(sent), 'the sends');
      const info = await within(closing, 'the end');
      assert.deepEqual([info.wasClean, info.sent], [true, { code: 1000, reason: 'done' }]);
      assert.equal(sender.bufferedAmount, 0);
    });

    test(`a peer that does not take a ${role}'s large message delays its Close by closeTimeout, ${kind}`, async () => {
      const clock = new ManualClock();
      const options = { perMessageDeflate, clock, closeTimeout: 500 };
      const { sender, receiver } = await openPair(role, options);
      receiver.pause();
      const sent = [sender.send(randomOctets(3_000_000), { compress: true }), sender.send('next')];
      while (!sender.transport.writableNeedDrain) await turn();
      const closing = sender.close(4321);
      clock.advance(500);
      receiver.resume();
      for (const each of sent) {
        await assert.rejects(within(each, 'the send'), { code: 'ERR_WS_CLOSED' });
      }
      const info = await within(closing, 'the end');
      assert.deepEqual([info.wasClean, info.sent?.code], [true, 4321]);
      assert.equal(sender.bufferedAmount, 0);
    });

    test(`a peer that is lost ends all that a ${role} had to send, ${kind}`, async (t) => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate }, 'TCP');
      receiver.pause();
      await sender.send('before', { compress: true });
      const sent = [
        sender.send(randomOctets(8_000_000), { compress: true }),
        sender.send(octetsOf(3_000_000)),
        sender.send('small', { compress: true }),
        sender.send(prepareMessage(octetsOf(3_000_000))),
        sender.sendStream(['stream'], { compress: true }),
      ];
      while (!sender.transport.writableNeedDrain) await turn();
      const made = t.mock.method(Compression.prototype, 'createDeflater');
      (receiver.transport as net.Socket).resetAndDestroy();
      for (const each of sent) {
        await assert.rejects(within(each, 'the send'), { code: 'ERR_WS_CLOSED' });
      }
      const info = await within(sender.closed, 'the end');
      assert.equal(info.code, 1006);
      await turns(5);
      assert.equal(sender.bufferedAmount, 0);
      assert.equal(made.mock.callCount(), 0, 'nothing is compressed for nobody');
    });
  }

  test(`a message that was being inflated when a ${role} was lost is no message`, async () => {
    const { sender, receiver } = await openPair(role, {}, 'TCP');
    const receiving = receiver.receive();
    void sender.sendStream(
      (function* () {
        for (;;) yield randomOctets(100_000);
      })(),
      { compress: true },
    );
    await turns(20);
    (sender.transport as net.Socket).resetAndDestroy();
    await assert.rejects(within(receiving, 'the end'), { code: 'ERR_WS_CLOSED' });
  });

  test(`§10.4 what a ${role} leaves behind is inflated for a slow reader, within a bound`, async (t) => {
    const counted = countInflated(t);
    const perMessageDeflate = { ...EAGER, level: 9 };
    const options = { perMessageDeflate, highWaterMark: 100_000, maxMessageSize: 1_000_000 };
    const { sender, receiver } = await openPair(role, options);
    const messages = receiver.messages();
    // Few enough octets to arrive although nobody reads.
    await within(sender.send(prepareMessage(new Uint8Array(8_000_000))), 'the send');
    await turns(5);
    sender.terminate();
    const info = await within(receiver.closed, 'the end');
    assert.equal((info.error as { code?: string }).code, 'ERR_WS_MESSAGE_TOO_BIG');
    assert.ok(counted.octets < 2 * options.maxMessageSize, `${counted.octets} were inflated`);
    let read = 0;
    const reading = async (): Promise<void> => {
      for await (const message of messages) {
        for await (const part of message) read += part.length;
      }
    };
    await assert.rejects(within(reading(), 'the end'), { code: 'ERR_WS_CLOSED' });
    assert.ok(read >= options.highWaterMark, 'what had arrived can be read');
  });

  test(`what a ${role} has sent before it was lost can be read, inflated or not`, async () => {
    const { sender, receiver, written } = await openPair(role, { highWaterMark: 100_000 });
    const message = new Uint8Array(600_000);
    void sender.send(prepareMessage(message));
    await within(receiver.receive(), 'the first');
    // In one chunk: what a transport has not handed on is lost with it.
    const octets = written();
    sender.transport.write(concat(octets, octets, octets, octets));
    await turns(5);
    sender.terminate();
    await within(receiver.closed, 'the end');
    for (const received of await receiveAll(receiver, 4)) {
      assertMessage(received, message, 'it is whole');
    }
    await assert.rejects(receiver.receive(), { code: 'ERR_WS_CLOSED' });
  });

  for (const [kind, perMessageDeflate] of SETTINGS) {
    test(`what a ${role} sends can be paused while it is inflated, ${kind}`, async (t) => {
      const counted = countInflated(t);
      const { sender, receiver } = await openPair(role, { perMessageDeflate });
      const size = 8_000_000;
      const receiving = receiver.receive();
      void sender.send(prepareMessage(new Uint8Array(size)));
      void sender.send('next');
      for (let times = 1; times <= 5; times++) {
        const before = counted.octets;
        while (counted.octets === before) await turn();
        receiver.pause();
        // What is in the hands of the thread pool comes to an end.
        await turns(20);
        const paused = counted.octets;
        await turns(20);
        assert.equal(counted.octets, paused, 'nothing is inflated meanwhile');
        assert.ok(paused < size, 'it was in the middle');
        receiver.resume();
      }
      const message = await within(receiving, 'the message');
      assertMessage(message, new Uint8Array(size), 'it is whole');
      assert.equal(await within(receiver.receive(), 'the next'), 'next');
      sender.terminate();
    });

    test(`a handler that pauses gets the next of a ${role}'s messages after resume, ${kind}`, async () => {
      const seen: Message[] = [];
      const { sender, receiver } = await openPair(role, {
        perMessageDeflate,
        handler: {
          message(connection, message) {
            seen.push(message);
            connection.pause();
          },
        },
      });
      const messages = ['one', proseOf(200_000), 'three', new Uint8Array(2_000_000), 'five'];
      for (const message of messages) void sender.send(message, { compress: true });
      for (const [index, message] of messages.entries()) {
        while (seen.length <= index) await turn();
        await turns(20);
        assert.equal(seen.length, index + 1);
        assertMessage(seen[index], message, `message ${index}`);
        receiver.resume();
      }
      sender.terminate();
    });

    test(`a ${role}'s compressed messages can be iterated over to the end, ${kind}`, async () => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate });
      const messages = Array.from({ length: 50 }, (_, index) => proseOf(index * index * 20));
      for (const message of messages) void sender.send(message);
      void sender.close(1000);
      let index = 0;
      for await (const message of receiver) {
        assertMessage(message, messages[index]!, `message ${index}`);
        index++;
      }
      assert.equal(index, messages.length);
    });

    test(`a ${role}'s compressed octets pass through a Duplex, ${kind}`, async () => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate }, 'TCP');
      const octets = octetsOf(2_000_000);
      const [output, input] = [sender.toDuplex(), receiver.toDuplex()];
      output.end(octets);
      const parts: Uint8Array[] = [];
      for await (const part of input) parts.push(part as Uint8Array);
      assertMessage(concat(...parts), octets, 'all of it');
    });

    test(`a ${role}'s compressed messages pass through Web Streams, ${kind}`, async () => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate });
      const messages = ['one', octetsOf(300_000), '', proseOf(70_000)];
      const writer = sender.toWebStreams().writable.getWriter();
      const reader = receiver.toWebStreams().readable.getReader();
      const written = messages.map((message) => writer.write(message));
      for (const [index, message] of messages.entries()) {
        const { value } = await within(reader.read(), 'a message');
        assertMessage(value, message, `message ${index}`);
      }
      await within(Promise.all(written), 'room');
      const closed = writer.close();
      assert.equal((await within(reader.read(), 'the end')).done, true);
      await within(closed, 'the close');
    });

    test(`nothing is made for a ${role} before it has to compress, nor for its peer, ${kind}`, async (t) => {
      const deflaters = t.mock.method(Compression.prototype, 'createDeflater');
      const inflaters = t.mock.method(Compression.prototype, 'createInflater');
      const pair = await openPair(role, {
        perMessageDeflate: { ...perMessageDeflate, threshold: 300 },
      });
      const { sender, receiver } = pair;
      const idle = (): number => deflaters.mock.callCount() + inflaters.mock.callCount();
      await sender.ping();
      for (const message of ['small', octetsOf(299)]) {
        void sender.send(message);
        await within(receiver.receive(), 'a message');
      }
      for (const message of [octetsOf(70_000), prepareMessage(proseOf(500))]) {
        void sender.send(message, { compress: false });
        await within(receiver.receive(), 'a message');
      }
      assert.equal(idle(), 0);
      for (let count = 0; count < 3; count++) {
        void sender.send(proseOf(400));
        await within(receiver.receive(), 'a message');
      }
      // One each where it keeps its context; else one to inflate with for each message, from a pool.
      const isKept = perMessageDeflate === KEPT;
      assert.equal(deflaters.mock.callCount(), isKept ? 1 : 0);
      assert.equal(inflaters.mock.callCount(), isKept ? 1 : 3);
      sender.terminate();
    });
  }

  for (const [kind, perMessageDeflate] of SETTINGS) {
    test(`where zlib fails, nothing is thrown at a ${role} that sends, nor forgotten, ${kind}`, async (t) => {
      const { sender, receiver } = await openPair(role, { perMessageDeflate });
      const failing = [
        t.mock.method(HandleDeflater.prototype, 'deflate', () => {
          throw new Error('no memory');
        }),
        t.mock.method(StreamDeflater.prototype, 'deflate', () =>
          Promise.reject(new Error('no memory')),
        ),
      ];
      const messages = [proseOf(500), proseOf(500), octetsOf(200_000), proseOf(200_000)];
      const sends = messages.map((message, index) =>
        sender.send(index === 1 || index === 2 ? prepareMessage(message) : message),
      );
      for (const [index, received] of (await receiveAll(receiver, 4)).entries()) {
        assertMessage(received, messages[index]!, 'it arrives as it is');
      }
      await within(Promise.all(sends), 'the sends');
      assert.equal(sender.bufferedAmount, 0);
      for (const { mock } of failing) mock.restore();
      assert.equal(sender.readyState, 'open');
      const last = sender.send('last', { compress: false });
      assert.equal(await within(receiver.receive(), 'a message'), 'last');
      await last;
      sender.terminate();
    });
  }

  test(`the states of a ${role} and its peer are closed with the connection`, async (t) => {
    const pair = await openPair(role, { perMessageDeflate: KEPT });
    const { sender, receiver } = pair;
    const closed = [HandleDeflater, StreamDeflater, HandleInflater, StreamInflater].map(
      ({ prototype }) => t.mock.method(prototype, 'close'),
    );
    void sender.send('there', { compress: true });
    await within(receiver.receive(), 'a message');
    void receiver.send('and back', { compress: true });
    await within(sender.receive(), 'a message');
    const count = (): number => closed.reduce((sum, { mock }) => sum + mock.callCount(), 0);
    assert.equal(count(), 0);
    void sender.close(1000);
    await within(Promise.all([sender.closed, receiver.closed]), 'the end');
    assert.ok(count() >= 4, `${count()} of 4 were closed`);
  });
}

test('what was compressed stays as it is while a peer in memory answers what was sent before', async () => {
  const seen: Message[] = [];
  const handler: ConnectionHandler<undefined, unknown> = {
    message(connection, message) {
      if (message === 'ask')
        void connection.send(Buffer.alloc(3000, 'an answer '), { compress: true });
      else seen.push(message);
    },
  };
  const message = Buffer.from(Buffer.from(randomOctets(3003)).toString('base64'));
  const others = await Promise.all(Array.from({ length: 18 }, () => openPair('client')));
  // Others have filled the memory that frames are encoded into, but for some octets.
  for (let filled = 0; filled < 64_000; filled += 2000) {
    const { sender, receiver } = await openPair('client', { handler });
    void sender.send('ask', { compress: false });
    for (const { sender: other } of others) {
      void other.send(new Uint8Array(60_000), { compress: false });
    }
    void sender.send(new Uint8Array(filled), { compress: false });
    void sender.send(message, { compress: true });
    await within(
      until(() => seen.length === 3 || sender.readyState === 'closed'),
      'messages',
    );
    const arrived = seen.find(({ length }) => length === message.length);
    assertMessage(arrived, message, `behind ${filled} octets`);
    seen.length = 0;
    sender.terminate();
    receiver.terminate();
  }
  for (const { sender, receiver } of others) {
    sender.terminate();
    receiver.terminate();
  }
});

/** Counts the turns of the event loop from here on. */
function countTurns(t: TestContext): { turns: number } {
  const counted = { turns: 0 };
  const count = (): void => {
    counted.turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  t.after(() => clearImmediate(next));
  return counted;
}

/** §5.4 and RFC 7692 §6: fragments do not mix, and only the first frame of a message has RSV1. */
function assertWellFormed(frames: readonly Frame[]): void {
  let isBegun = false;
  for (const [index, { opcode, fin, rsv }] of frames.entries()) {
    if (opcode >= 8) {
      assert.deepEqual([fin, rsv], [true, 0], `control frame ${index}`);
      continue;
    }
    assert.equal(opcode === 0, isBegun, `frame ${index} continues, or does not`);
    assert.ok(rsv === 0 || (rsv === 4 && !isBegun), `RSV of frame ${index}`);
    isBegun = !fin;
  }
  assert.equal(isBegun, false);
}
