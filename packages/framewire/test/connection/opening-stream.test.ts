import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Deadline } from '#src/client/deadline.js';
import { OpeningStream } from '#src/connection/opening-stream.js';
import { NOBODY, Transport } from '#src/connection/transport.js';
import { HeadReader } from '#src/handshake/http1-head.js';
import { ManualClock, memoryPair } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { turns, within } from './raw-peer.ts';

interface Created {
  readonly near: Duplex;
  readonly far: Duplex;
  readonly clock: ManualClock;
  readonly stream: OpeningStream;
}

function create(signal?: AbortSignal): Created {
  const [near, far] = memoryPair();
  far.on('error', () => {});
  const clock = new ManualClock();
  const stream = new OpeningStream(new Transport(near), {
    clock,
    timeout: 1000,
    deadline: signal && new Deadline(new ManualClock(), 1000, signal),
    url: 'ws://test/',
  });
  return { near, far, clock, stream };
}

function decode(octets: Uint8Array): string {
  return Buffer.from(octets).toString();
}

test('octets are handed out in order, and those read too far can be put back', async () => {
  const { far, stream } = create();
  far.write('GET / HTTP/1.1\r\n\r\nrest');
  const head = await within(stream.readHead(new HeadReader()), 'the head');
  assert.equal(Buffer.from(head).toString(), 'GET / HTTP/1.1\r\n\r\n');
  far.write(' and more');
  await turns(3);
  assert.equal(Buffer.from(stream.release().octets).toString(), 'rest and more');
});

test('of a stream that is released nothing stays, and what comes next goes to the next', async () => {
  const [near, far] = memoryPair();
  const clock = new ManualClock();
  let waiting = 0;
  const deadline = {
    onExpire() {
      waiting++;
      return { [Symbol.dispose]: () => void waiting-- };
    },
  };
  const stream = new OpeningStream(new Transport(near), { clock, timeout: 1000, deadline });
  stream.failOnEnd();
  assert.equal(waiting, 1);
  assert.equal(stream.release().octets.length, 0);
  assert.equal(waiting, 0);
  assert.equal(clock.pending, 0);
  const chunks: string[] = [];
  stream.transport.sink = { ...NOBODY, onData: (chunk) => void chunks.push(decode(chunk)) };
  stream.transport.resume();
  far.write('later');
  await turns(3);
  assert.deepEqual(chunks, ['later']);
});

test('the deadline is one for all of it, however much arrives in between', async () => {
  const { far, clock, stream } = create();
  const reading = stream.readHead(new HeadReader());
  for (let count = 0; count < 9; count++) {
    far.write('x');
    await turns(2);
    clock.advance(110);
  }
  clock.advance(10);
  await assert.rejects(within(reading, 'the deadline'), {
    name: 'TimeoutError',
    code: 'ERR_WS_OPENING_TIMEOUT',
    milliseconds: 1000,
  });
  stream.destroy();
});

test('an aborted signal rejects with its reason, untouched', async () => {
  const controller = new AbortController();
  const { near, stream } = create(controller.signal);
  const reading = stream.next();
  const reason = { not: 'an error' };
  controller.abort(reason);
  await assert.rejects(within(reading, 'the abort'), (error) => error === reason);
  stream.destroy();
  assert.equal(near.destroyed, true);
});

test('an error, or a close, of the stream is an error that tells the URL', async () => {
  const failing = create();
  const reading = failing.stream.next();
  failing.near.destroy(new Error('read ETIMEDOUT'));
  await assert.rejects(within(reading, 'the failure'), (error: Error & { url?: string }) => {
    assert.match(error.message, /read ETIMEDOUT/u);
    assert.equal((error.cause as Error).message, 'read ETIMEDOUT');
    assert.equal(error.url, 'ws://test/');
    return true;
  });
  const closing = create();
  const waiting = closing.stream.next();
  closing.near.destroy();
  await assert.rejects(within(waiting, 'the failure'), { code: 'ERR_WS_NETWORK' });
  const [gone, other] = memoryPair();
  other.on('error', () => {});
  gone.destroy();
  const late = new OpeningStream(new Transport(gone), { clock: new ManualClock(), timeout: 1000 });
  await assert.rejects(within(late.next(), 'the failure'), { code: 'ERR_WS_NETWORK' });
});

test('the end of the stream is told after all octets, or as a failure where it is one', async () => {
  const { far, stream } = create();
  far.end('last');
  await turns(3);
  assert.equal(decode((await stream.next())!), 'last');
  assert.equal(await stream.next(), undefined);
  stream.failOnEnd();
  await assert.rejects(stream.race(new Promise(() => {})), { code: 'ERR_WS_NETWORK' });
  const later = create();
  later.stream.failOnEnd();
  const racing = later.stream.race(new Promise(() => {}));
  later.far.end();
  await assert.rejects(within(racing, 'the failure'), { code: 'ERR_WS_NETWORK' });
});

test('§10.4 what nobody asks for holds the peer back, and asking lets it go on', async () => {
  const { near, far, stream } = create();
  let taken = 0;
  for (let count = 0; count < 100; count++) far.write(octetsOf(10_000), () => taken++);
  await turns(20);
  assert.ok(taken < 20, `${taken} of 100 chunks were taken`);
  assert.equal(near.isPaused(), true);
  let received = 0;
  while (received < 1_000_000) received += (await within(stream.next(), 'octets'))!.length;
  assert.equal(received, 1_000_000);
  stream.destroy();
});

test('late errors of a stream that was destroyed concern nobody', async () => {
  const { near, far, stream } = create();
  far.on('error', () => {});
  stream.destroy();
  near.emit('error', new Error('late'));
  await turns(2);
  assert.equal(near.destroyed, true);
});

test('what is raced after the stream has failed may fail too, and surprises nobody', async () => {
  const { near, stream } = create();
  near.destroy();
  await turns(3);
  const racing = stream.race(Promise.reject(new Error('the application’s')));
  await assert.rejects(racing, { code: 'ERR_WS_NETWORK' });
  await turns(3);
});
