/** RFC 9112 §9.3: streams are connections to whoever asks over them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { MuxStream } from '@framewire/tunnel';
import type { ManualClock } from 'framewire/testing';
import { StreamPool } from '#src/relay/stream-pool.js';
import { turn, within } from '@framewire/test-support/waiting';
import { openPair } from '../mux/sessions.ts';

interface Pooling {
  readonly clock: ManualClock;
  readonly pool: StreamPool;
  /** Names for which a stream was opened. */
  readonly opened: string[];
  /** The other ends, in the same order. */
  readonly streams: MuxStream[];
  readonly server: http.Server;
}

async function startPool(
  t: TestContext,
  options: { readonly maxStreams?: number } = {},
): Promise<Pooling> {
  const opened: string[] = [];
  const streams: MuxStream[] = [];
  const server = http.createServer((request, response) => response.end(request.url));
  const { near, clock } = await openPair(t, 'server', options, {
    onStream(stream) {
      streams.push(stream);
      server.emit('connection', stream);
    },
  });
  const pool = new StreamPool((name) => {
    opened.push(name);
    return near.open();
  }, clock);
  return { pool, clock, opened, streams, server };
}

/** The answer is read, and its stream has been given back. */
async function get({ pool }: Pooling, host: string): Promise<http.ClientRequest> {
  const request = http.request({ agent: pool.agent, host, path: '/x' }).end();
  const [response] = (await within(once(request, 'response'), 'answer')) as [IncomingMessage];
  assert.equal(Buffer.concat(await response.toArray()).toString(), '/x');
  await turn();
  return request;
}

test('RFC 9112 §9.3 requests one after another share a stream, and know it', async (t) => {
  const pooling = await startPool(t);
  assert.equal((await get(pooling, 'app')).reusedSocket, false);
  assert.equal((await get(pooling, 'app')).reusedSocket, true);
  assert.deepEqual(pooling.opened, ['app']);
});

test('RFC 9112 §9.3 a stream is kept for the name it was opened for', async (t) => {
  const pooling = await startPool(t);
  await get(pooling, 'app');
  await get(pooling, 'other');
  await get(pooling, 'app');
  assert.deepEqual(pooling.opened, ['app', 'other']);
});

test('RFC 9112 §9.3 requests at a time have a stream each', async (t) => {
  const pooling = await startPool(t);
  await Promise.all([get(pooling, 'app'), get(pooling, 'app'), get(pooling, 'app')]);
  await Promise.all([get(pooling, 'app'), get(pooling, 'app'), get(pooling, 'app')]);
  assert.deepEqual(pooling.opened, ['app', 'app', 'app']);
});

test('RFC 9112 §9.5 a stream that has ended meanwhile is not used again', async (t) => {
  const pooling = await startPool(t);
  const { socket } = await get(pooling, 'app');
  pooling.streams[0]!.end();
  await within(once(socket!, 'close'), 'the end of the stream');
  await get(pooling, 'app');
  assert.deepEqual(pooling.opened, ['app', 'app']);
});

test('RFC 9112 §9.6 a stream is not kept when its server says so', async (t) => {
  const pooling = await startPool(t);
  pooling.server.prependListener('request', (_, response) => {
    response.setHeader('Connection', 'close');
  });
  await get(pooling, 'app');
  await get(pooling, 'app');
  assert.deepEqual(pooling.opened, ['app', 'app']);
});

test('streams that only wait are dropped, those that are busy when they are done', async (t) => {
  const pooling = await startPool(t);
  const idle = (await get(pooling, 'app')).socket!;
  const busy = http.request({ agent: pooling.pool.agent, host: 'other', path: '/x' }).end();
  await within(once(busy, 'socket'), 'a stream');
  pooling.pool.dropIdle();
  assert.equal(idle.destroyed, true);
  const [response] = (await within(once(busy, 'response'), 'answer')) as [IncomingMessage];
  await response.toArray();
  await turn();
  assert.equal(busy.socket!.destroyed, true);
});

test('RFC 9112 §9.5 a stream that nobody has used for 4 seconds is ended', async (t) => {
  const pooling = await startPool(t);
  const first = (await get(pooling, 'app')).socket!;
  pooling.clock.advance(3_000);
  const other = (await get(pooling, 'other')).socket!;
  pooling.clock.advance(999);
  assert.equal(first.destroyed, false);
  pooling.clock.advance(1);
  assert.equal(first.destroyed, true);
  assert.equal(other.destroyed, false);
  pooling.clock.advance(3_000);
  assert.equal(other.destroyed, true);
  assert.equal(pooling.pool.size, 0);
});

test('a stream that is used again does not count as idle for the time before', async (t) => {
  const pooling = await startPool(t);
  await get(pooling, 'app');
  pooling.clock.advance(3_000);
  const { socket } = await get(pooling, 'app');
  pooling.clock.advance(3_999);
  assert.equal(socket!.destroyed, false);
  pooling.clock.advance(1);
  assert.equal(socket!.destroyed, true);
});

test('of all names 64 streams are kept, and the oldest goes for one more', async (t) => {
  const pooling = await startPool(t);
  const first = (await get(pooling, 'first')).socket!;
  pooling.clock.advance(1);
  for (let index = 0; index < 63; index++) await get(pooling, `name-${index}`);
  assert.equal(pooling.pool.size, 64);
  assert.equal(first.destroyed, false);
  await get(pooling, 'one-more');
  assert.equal(pooling.pool.size, 64);
  assert.equal(first.destroyed, true);
});

test('streams that wait do not keep another name from being asked', async (t) => {
  const pooling = await startPool(t, { maxStreams: 2 });
  await get(pooling, 'a');
  await get(pooling, 'b');
  await get(pooling, 'c');
  assert.deepEqual(pooling.opened.slice(0, 2), ['a', 'b']);
  assert.equal(pooling.opened.at(-1), 'c');
  assert.equal(pooling.pool.size, 2);
});
