/** RFC 9112 §9.3: streams are connections to whoever asks over them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import type { MuxStream } from '@framewire/tunnel';
import { StreamPool } from '#src/relay/stream-pool.js';
import { openPair, turn, within } from '../mux/sessions.ts';

interface Pooling {
  readonly pool: StreamPool;
  /** Names for which a stream was opened. */
  readonly opened: string[];
  /** The other ends, in the same order. */
  readonly streams: MuxStream[];
  readonly server: http.Server;
}

async function startPool(t: TestContext): Promise<Pooling> {
  const opened: string[] = [];
  const streams: MuxStream[] = [];
  const server = http.createServer((request, response) => response.end(request.url));
  const { near } = await openPair(
    t,
    'server',
    {},
    {
      onStream(stream) {
        streams.push(stream);
        server.emit('connection', stream);
      },
    },
  );
  const pool = new StreamPool((name) => {
    opened.push(name);
    return near.open();
  });
  return { pool, opened, streams, server };
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
