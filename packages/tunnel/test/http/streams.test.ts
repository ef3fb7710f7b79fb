import assert from 'node:assert/strict';
import http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { TunnelError } from '@framewire/tunnel';
import { memoryPair } from 'framewire/testing';
import { until, within } from '@framewire/test-support/waiting';
import { call, gateway, GET, type Gateway } from './serving.ts';

/** What of a socket node:http asks for, as streams of a session have it. */
function asSocket(duplex: Duplex): Socket {
  const self = (): Duplex => duplex;
  const stubs = { setNoDelay: self, setKeepAlive: self, setTimeout: self, ref: self, unref: self };
  return Object.assign(duplex, stubs) as unknown as Socket;
}

/** A gateway over streams in memory, to a server that never listens. */
function overStreams(t: TestContext, listener: http.RequestListener): Promise<Gateway> {
  const server = http.createServer(listener);
  return gateway(t, 1, {
    open: () => {
      const [near, far] = memoryPair();
      t.after(() => near.destroy());
      server.emit('connection', asSocket(far));
      return near;
    },
  });
}

test('requests share a stream that is no socket, one after the other', async (t) => {
  const front = await overStreams(t, (request, response) => request.pipe(response));
  const caller = await call(t, front);
  for (let index = 0; index < 5; index++) {
    caller.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    assert.match(await caller.readTo('0\r\n\r\n'), /\r\n\r\n2\r\nhi\r\n0\r\n\r\n$/);
    assert.equal((await front.outcome()).error, undefined);
  }
  assert.equal(front.opened.length, 1);
});

test('the error of a stream is the one that is told', async (t) => {
  const front = await overStreams(t, () => {});
  const caller = await call(t, front);
  caller.send(GET);
  await until(() => front.opened.length > 0);
  front.opened[0]?.destroy(new TunnelError('ERR_TUNNEL_STREAM_RESET'));
  assert.match(await caller.readHead(), /^HTTP\/1.1 502 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_STREAM_RESET');
});

test('no agent is a 503, told by whoever makes the connection', async (t) => {
  const front = await gateway(t, 1, {
    open: () => {
      throw new TunnelError('ERR_TUNNEL_NO_AGENT');
    },
  });
  const caller = await call(t, front);
  caller.send(GET);
  assert.match(await caller.readHead(), /^HTTP\/1.1 503 /);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_NO_AGENT');
});

test('a stream that is destroyed in the middle of an answer is no end of it', async (t) => {
  const front = await overStreams(t, (_, response) => response.write('half'));
  const caller = await call(t, front);
  caller.send(GET);
  await caller.readTo('half');
  front.opened[0]?.destroy();
  assert.doesNotMatch((await caller.readRest()).text, /0\r\n\r\n/);
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_ABORTED');
});

test('a caller that leaves in the middle of its upload destroys the stream, never ends it', async (t) => {
  let told: ((what: string) => void) | undefined;
  const fate = new Promise<string>((resolve) => (told = resolve));
  const front = await overStreams(t, (request) => {
    request
      .on('data', () => caller.reset())
      .on('end', () => told?.('end'))
      .on('error', () => told?.('error'));
  });
  const caller = await call(t, front);
  caller.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n');
  assert.equal(await within(fate, 'the fate of the request'), 'error');
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CALLER_GONE');
});
