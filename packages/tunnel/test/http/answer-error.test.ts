import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { test, type TestContext } from 'node:test';
import { TunnelError } from '@framewire/tunnel';
import { answerError, answerUpgradeError } from '#src/http/answer-error.js';
import { within } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';
import { RawPeer } from './raw.ts';

const ERROR = new TunnelError('ERR_TUNNEL_BUSY', '10.0.0.7:5432');

async function ask(t: TestContext, request: string): Promise<RawPeer> {
  const options = { retryAfter: 1.2, fields: ['X-A', '1', 'X-A', '2'] };
  const server = http
    .createServer((request, response) => answerError(request, response, ERROR, options))
    .on('upgrade', (request, socket) => answerUpgradeError(request, socket, ERROR, options));
  const peer = await RawPeer.dial(await listen(t, server));
  t.after(() => peer.socket.destroy());
  return peer.send(request);
}

test('an error is text for people, without the detail that is for logs', async (t) => {
  const peer = await ask(t, 'GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html, */*\r\n\r\n');
  const { head, body } = await peer.readAnswer();
  assert.match(head, /^HTTP\/1.1 503 Service Unavailable\r\nContent-Type: text\/plain/);
  assert.match(head, /\r\nX-A: 1\r\nX-A: 2\r\nRetry-After: 2\r\n/);
  assert.match(head, /\r\nCache-Control: no-store\r\n/);
  assert.equal(body, 'all agents of this name are busy (ERR_TUNNEL_BUSY)\n');
});

for (const accept of ['application/json', 'text/x;q=0, Application/Problem+JSON;q=0.5']) {
  test(`RFC 9110 §12.5.1 it is JSON for ${accept}`, async (t) => {
    const peer = await ask(t, `GET / HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`);
    const { body } = await peer.readAnswer();
    assert.deepEqual(JSON.parse(body), {
      error: { code: 'ERR_TUNNEL_BUSY', message: 'all agents of this name are busy' },
    });
  });
}

for (const accept of ['application/json;q=0', 'application/json-seq', 'x/json']) {
  test(`RFC 9110 §12.5.1 it is text for ${accept}`, async (t) => {
    const peer = await ask(t, `GET / HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`);
    assert.match(await peer.readHead(), /text\/plain/);
  });
}

test('RFC 9110 §9.3.2 to a HEAD it has no content', async (t) => {
  const peer = await ask(t, 'HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const { text } = await peer.readRest();
  assert.match(text, /\r\nContent-Length: [1-9]\d*\r\n/);
  assert.ok(text.endsWith('\r\n\r\n'));
});

test('an upgrade gets the same, and the end of its connection', async (t) => {
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
  const { text, fate } = await (await ask(t, head)).readRest();
  assert.match(text, /^HTTP\/1.1 503 Service Unavailable\r\n/);
  assert.match(text, /\r\nConnection: close\r\n\r\nall agents/);
  assert.equal(fate, 'end');
});

test('an answer that has begun is broken off', async (t) => {
  const server = http.createServer((request, response) => {
    response.write('half');
    answerError(request, response, ERROR);
  });
  const peer = await RawPeer.dial(await listen(t, server));
  peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.doesNotMatch((await peer.readRest()).text, /0\r\n\r\n/);
});

test('a stream of HTTP/2 is not closed while it tells that it has finished: Node 20 spoils its memory', async (t) => {
  const closings: string[] = [];
  const server = http2.createServer((request, response) => {
    answerError(request, response, new TunnelError('ERR_TUNNEL_NO_AGENT'));
  });
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    const telling: string[] = [];
    const emit = stream.emit.bind(stream);
    const close = stream.close.bind(stream);
    stream.emit = (name: string, ...values: unknown[]): boolean => {
      telling.push(name);
      const hasListeners = emit(name, ...values);
      telling.pop();
      return hasListeners;
    };
    stream.close = (...values): void => {
      closings.push(telling.join());
      close(...values);
    };
  });
  const session = http2.connect(`http://127.0.0.1:${await listen(t, server)}`);
  t.after(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
  stream.on('error', () => {}).resume();
  await within(new Promise((resolve) => stream.once('close', resolve)), 'the end of the stream');
  assert.deepEqual(closings, ['']);
});
