/** RFC 9112 §9.3: connections to whoever serves, here streams of a session. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import type { MuxStream } from '@framewire/tunnel';
import { ManualClock } from 'framewire/testing';
import { ConnectionPool } from '#src/http/client/connection-pool.js';
import type { Exchange, ExchangeSink } from '#src/http/client/exchange.js';
import { turn, within } from '@framewire/test-support/waiting';
import { openPair } from '../mux/sessions.ts';

interface Pooling {
  readonly clock: ManualClock;
  readonly pool: ConnectionPool;
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
  // Without a word of how long it waits.
  const server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    response.end(request.url);
  });
  const { near, clock } = await openPair(t, 'server', options, {
    onStream(stream) {
      streams.push(stream);
      server.emit('connection', stream);
    },
  });
  const open = (name: string): Duplex => {
    opened.push(name);
    return near.open();
  };
  return {
    pool: new ConnectionPool({ open, clock, mostIdle: 64 }),
    clock,
    opened,
    streams,
    server,
  };
}

/** A pool with one stream, whose writes are told as done where `passes` says so. */
function poolOf(
  t: TestContext,
  passes: boolean,
): { clock: ManualClock; pool: ConnectionPool; stream: Duplex } {
  const clock = new ManualClock();
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, callback) {
      if (passes) callback();
    },
  });
  stream.on('error', () => {});
  t.after(() => stream.destroy());
  return { clock, pool: new ConnectionPool({ open: () => stream, clock, mostIdle: 64 }), stream };
}

const HEAD = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

/** What has begun, and the content of its answer. */
function begin(
  { pool }: Pick<Pooling, 'pool'>,
  name: string,
): { asked: Exchange; answer: Promise<string> } {
  let sink: ExchangeSink | undefined;
  const answer = new Promise<string>((resolve, reject) => {
    let text = '';
    sink = {
      onInterim() {},
      onSwitched() {},
      onDrain() {},
      onHead() {},
      onContent: (chunk) => (text += chunk.toString()),
      onEnd: () => resolve(text),
      onLost: (error) => reject(error ?? new Error('it ended')),
    };
  });
  const framing = { isChunked: false, length: undefined };
  const asked = pool.ask(name, { method: 'GET', head: HEAD, framing }, sink!);
  asked.begin();
  asked.end();
  return { asked, answer: within(answer, 'the answer') };
}

/** The answer is read, and its stream has been given back. */
async function get(pooling: Pooling, name: string): Promise<Exchange> {
  const { asked, answer } = begin(pooling, name);
  assert.equal(await answer, '/x');
  await turn();
  return asked;
}

test('RFC 9112 §9.3 requests one after another share a stream, and know it', async (t) => {
  const pooling = await startPool(t);
  assert.equal((await get(pooling, 'app')).isReused, false);
  assert.equal((await get(pooling, 'app')).isReused, true);
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
  const { stream } = await get(pooling, 'app');
  pooling.streams[0]!.end();
  await within(once(stream, 'close'), 'the end of the stream');
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
  const idle = (await get(pooling, 'app')).stream;
  const busy = begin(pooling, 'other');
  pooling.pool.dropIdle();
  assert.equal(idle.destroyed, true);
  assert.equal(busy.asked.stream.destroyed, false);
  await busy.answer;
  await turn();
  assert.equal(busy.asked.stream.destroyed, true);
});

test('RFC 9112 §9.5 a stream that nobody has used for 4 seconds is ended', async (t) => {
  const pooling = await startPool(t);
  const first = (await get(pooling, 'app')).stream;
  pooling.clock.advance(3_000);
  const other = (await get(pooling, 'other')).stream;
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
  const { stream } = await get(pooling, 'app');
  pooling.clock.advance(3_999);
  assert.equal(stream.destroyed, false);
  pooling.clock.advance(1);
  assert.equal(stream.destroyed, true);
});

test('of all names 64 streams are kept, and the oldest goes for one more', async (t) => {
  const pooling = await startPool(t);
  const first = (await get(pooling, 'first')).stream;
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

test('RFC 9112 §9.5 a server that says for how long it waits is not asked in its last second', async (t) => {
  const pooling = await startPool(t);
  pooling.server.prependListener('request', (_, response) => {
    response.setHeader('Connection', 'keep-alive').setHeader('Keep-Alive', 'max=5, timeout=3');
  });
  const brief = (await get(pooling, 'app')).stream;
  pooling.clock.advance(1_999);
  assert.equal(brief.destroyed, false);
  pooling.clock.advance(1);
  assert.equal(brief.destroyed, true);
});

test('RFC 9112 §9.5 a server that waits no longer than a second is not asked again', async (t) => {
  const pooling = await startPool(t);
  pooling.server.prependListener('request', (_, response) => {
    response.setHeader('Connection', 'keep-alive').setHeader('Keep-Alive', 'timeout=1');
  });
  await get(pooling, 'app');
  assert.equal(pooling.pool.size, 0);
});

for (const [when, octets] of [
  ['behind an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/xHTTP/1.1 200 OK\r\n'],
  ['while nothing is asked', undefined],
] as const) {
  test(`RFC 9112 §11.1 what comes ${when} is for no request`, async (t) => {
    const pooling = await startPool(t);
    if (octets !== undefined) {
      pooling.server.removeAllListeners('request');
      pooling.server.on('request', ({ socket }) => socket.write(octets));
    }
    const { stream } = await get(pooling, 'app');
    if (octets === undefined) {
      assert.equal(pooling.pool.size, 1);
      pooling.streams[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      await within(once(stream, 'close'), 'the end of the stream');
    }
    assert.equal(stream.destroyed, true);
    assert.equal(pooling.pool.size, 0);
  });
}

test('RFC 9112 §9.3 a connection that still holds octets of a request takes no other', async (t) => {
  const held = poolOf(t, false);
  const { answer } = begin(held, 'app');
  held.stream.push('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/x');
  assert.equal(await answer, '/x');
  assert.equal(held.pool.size, 0);
  assert.equal(held.stream.destroyed, true);
});

test('RFC 9112 §9.6 a connection that is done has 4 seconds to end', async (t) => {
  const done = poolOf(t, true);
  const { answer } = begin(done, 'app');
  done.stream.push('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n/x');
  assert.equal(await answer, '/x');
  await turn();
  assert.equal(done.stream.writableEnded, true);
  done.clock.advance(3_999);
  assert.equal(done.stream.destroyed, false);
  done.clock.advance(1);
  assert.equal(done.stream.destroyed, true);
  await turn();
  assert.equal(done.clock.pending, 0);
});
