import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inbox } from '#src/connection/inbox.js';
import { MessageStream } from '#src/connection/message-stream.js';
import type { CloseInfo, MessageType } from 'framewire';
import { hex } from 'framewire/testing';
import { octetsOf, singleOctets, utf8 } from '../protocol/frames.ts';
import { turns } from './raw-peer.ts';

const LOST: CloseInfo = { code: 1006, reason: '', wasClean: false, initiator: 'network' };

/** What the published types leave out. */
interface Inner extends MessageStream {
  push(octets: Uint8Array, start: number, end: number, final: boolean): void;
  drop(): void;
  finish(info: CloseInfo): void;
}

const InnerStream = MessageStream as unknown as new (type: MessageType, inbox: Inbox) => Inner;

interface Recorded {
  readonly stream: Inner;
  readonly flow: string[];
  push(octets: Uint8Array, final?: boolean): void;
}

function create(type: MessageType, highWaterMark: number = 1_000_000): Recorded {
  const flow: string[] = [];
  const inbox = new Inbox(
    { onFull: () => void flow.push('full'), onRoom: () => void flow.push('room') },
    highWaterMark,
  );
  const stream = new InnerStream(type, inbox);
  return {
    stream,
    flow,
    push: (octets, final = false) => stream.push(octets, 0, octets.length, final),
  };
}

async function all(stream: MessageStream): Promise<(string | Uint8Array)[]> {
  const parts: (string | Uint8Array)[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

test('§5.4 parts come as they arrive, in memory of their own', async () => {
  const { stream, push } = create('binary');
  const octets = octetsOf(10);
  stream.push(octets, 2, 5, false);
  octets.fill(0);
  const reading = all(stream);
  await turns(2);
  push(hex`aa`);
  push(hex``, true);
  assert.deepEqual(await reading, [hex`0e 15 1c`, hex`aa`]);
});

test('§8.1 text may be cut anywhere: no part ends within a code point', async () => {
  const text = '\u{FEFF}a ß € 😀 z';
  const { stream, push } = create('text');
  const octets = utf8(text);
  for (const octet of singleOctets(octets)) push(octet);
  push(hex``, true);
  const parts = await all(stream);
  assert.equal(parts.join(''), text);
  for (const part of parts) assert.doesNotMatch(String(part), /\u{FFFD}/u);
});

test('an empty message ends without a part', async () => {
  const { stream, push } = create('text');
  push(hex``, true);
  assert.deepEqual(await all(stream), []);
});

test('parts nobody reads hold the peer back, and reading them lets it go on', async () => {
  const { stream, flow, push } = create('binary', 200);
  push(octetsOf(60));
  push(octetsOf(60));
  assert.deepEqual(flow, ['full']);
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  assert.deepEqual(flow, ['full', 'room']);
  push(octetsOf(60), true);
  assert.deepEqual(flow, ['full', 'room', 'full']);
});

test('leaving the loop drops the rest, and what still comes of it costs nothing', async () => {
  const { stream, flow, push } = create('binary', 100);
  push(octetsOf(10));
  push(octetsOf(95));
  assert.deepEqual(flow, ['full']);
  for await (const part of stream) {
    assert.equal(part.length, 10);
    break;
  }
  assert.deepEqual(flow, ['full', 'room']);
  push(octetsOf(200), true);
  assert.deepEqual(flow, ['full', 'room']);
});

test('a reader is told when somebody else drops the rest: it must not pass for the whole', async () => {
  const waiting = create('binary');
  const reading = all(waiting.stream);
  waiting.push(octetsOf(5));
  await turns(2);
  waiting.stream.drop();
  await assert.rejects(reading, { code: 'ERR_WS_MESSAGE_DROPPED' });
  const unread = create('binary');
  unread.push(octetsOf(5), true);
  unread.stream.drop();
  await assert.rejects(all(unread.stream), { code: 'ERR_WS_MESSAGE_DROPPED' });
});

test('a message is read once', async () => {
  const { stream, push } = create('binary');
  push(octetsOf(5), true);
  await all(stream);
  await assert.rejects(all(stream), { code: 'ERR_WS_CONCURRENT_READ' });
});

test('§7.1.5 a message that the end of the connection cuts rejects, after what there is of it', async () => {
  const { stream, push } = create('binary');
  push(octetsOf(5));
  stream.finish(LOST);
  const parts: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const part of stream) parts.push(part);
    },
    { code: 'ERR_WS_CLOSED', info: LOST },
  );
  assert.equal(parts.length, 1);
  const waiting = create('binary');
  const reading = all(waiting.stream);
  await turns(2);
  waiting.stream.finish(LOST);
  await assert.rejects(reading, { code: 'ERR_WS_CLOSED' });
});

test('a message that was complete before the end is whole', async () => {
  const { stream, push } = create('text');
  push(utf8('whole'), true);
  stream.finish(LOST);
  assert.deepEqual(await all(stream), ['whole']);
});
