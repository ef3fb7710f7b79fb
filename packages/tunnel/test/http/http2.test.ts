import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { test, type TestContext } from 'node:test';
import { forwardRequest } from '#src/http/forward-request.js';
import type { ForwardOptions, ForwardOutcome } from '#src/http/forward.js';
import { within } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';
import { connectionsTo, dial, target } from './serving.ts';
import { RawTarget } from './raw.ts';

interface Front {
  readonly session: http2.ClientHttp2Session;
  readonly outcome: Promise<ForwardOutcome>;
}

async function front(t: TestContext, port: number, options: ForwardOptions = {}): Promise<Front> {
  let told: ((outcome: Promise<ForwardOutcome>) => void) | undefined;
  const outcome = new Promise<ForwardOutcome>((resolve) => (told = resolve));
  const connections = connectionsTo(t, () => dial(port));
  const server = http2.createServer((request, response) => {
    told?.(forwardRequest(request, response, { connections }, options));
  });
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  const session = http2.connect(`http://127.0.0.1:${await listen(t, server)}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  return { session, outcome: within(outcome, 'the outcome') };
}

interface Answered {
  readonly headers: http2.IncomingHttpHeaders & { ':status'?: number };
  readonly text: string;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly code: number;
}

function answerOf(stream: http2.ClientHttp2Stream): Promise<Answered> {
  return within(
    new Promise((resolve) => {
      let headers = {};
      let trailers = {};
      let text = '';
      stream
        .on('response', (given) => (headers = given))
        .on('trailers', (given) => (trailers = given))
        .on('data', (chunk) => (text += chunk))
        .on('error', () => {})
        .on('close', () => resolve({ headers, text, trailers, code: stream.rstCode }));
    }),
    'the answer',
  );
}

test('RFC 9113 §8.3.1 a request of HTTP/2 is passed on as one of HTTP/1.1', async (t) => {
  const raw = await RawTarget.start(t);
  const { session, outcome } = await front(t, raw.port);
  const stream = session.request(
    {
      ':method': 'POST',
      ':path': '/a?b',
      ':authority': 'demo.example',
      'x-y': '1',
      te: 'trailers',
    },
    { endStream: false },
  );
  const answer = answerOf(stream);
  stream.write('hi');
  stream.end();
  const asked = await raw.next();
  const head = await asked.readHead();
  assert.match(head, /^POST \/a\?b HTTP\/1.1\r\nHost: demo.example\r\nx-y: 1\r\n/);
  assert.match(head, /\r\nTransfer-Encoding: chunked\r\n/);
  assert.equal(await asked.readTo('0\r\n\r\n'), '2\r\nhi\r\n0\r\n\r\n');
  asked.send(
    'HTTP/1.1 299 Odd\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n',
    'Set-Cookie: a\r\nSet-Cookie: b\r\nX-Z: 1\r\nX-Z: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
    '2\r\nok\r\n0\r\nGrpc-Status: 0\r\n\r\n',
  );
  const { headers, text, trailers } = await answer;
  assert.equal(headers[':status'], 299);
  assert.deepEqual(headers['set-cookie'], ['a', 'b']);
  assert.equal(headers['x-z'], '1, 2');
  assert.equal(headers['x-hop'], undefined);
  assert.equal(text, 'ok');
  assert.equal(trailers['grpc-status'], '0');
  assert.equal((await outcome).error, undefined);
});

test('RFC 9113 §8.2.3 the crumbs of a Cookie are one field, and no content is none', async (t) => {
  const raw = await RawTarget.start(t);
  const { session } = await front(t, raw.port);
  session
    .request({ ':path': '/', cookie: ['a=1', 'b=2'] as unknown as string })
    .on('error', () => {});
  const head = await (await raw.next()).readHead();
  assert.match(head, /\r\nCookie: a=1; b=2\r\n/);
  assert.doesNotMatch(head, /chunked|content-length/i);
});

test('RFC 9113 §8.1 an interim response and an answer without content pass', async (t) => {
  const raw = await RawTarget.start(t);
  const { session } = await front(t, raw.port);
  const stream = session.request({ ':path': '/' });
  const hint = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.on('headers', resolve));
  const answer = answerOf(stream);
  const asked = await raw.next();
  await asked.readHead();
  asked.send('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
  const { link, ':status': status } = await within(hint, 'the hint');
  assert.deepEqual([status, link], [103, '</a>; rel=preload']);
  asked.send('HTTP/1.1 204 No\r\n\r\n');
  assert.equal((await answer).headers[':status'], 204);
});

test('RFC 9113 §8.3.2 an answer that HTTP/2 does not have is a 502, without its fields', async (t) => {
  const raw = await RawTarget.start(t);
  const { session, outcome } = await front(t, raw.port);
  const answer = answerOf(session.request({ ':path': '/' }));
  const asked = await raw.next();
  await asked.readHead();
  asked.send('HTTP/1.1 666 Odd\r\nX-Y: 1\r\nContent-Length: 2\r\n\r\nno');
  const { headers } = await answer;
  assert.equal(headers[':status'], 502);
  assert.equal(headers['x-y'], undefined);
  assert.equal((await outcome).error?.code, 'ERR_TUNNEL_BAD_RESPONSE');
});

test('an answer that is broken off is a reset, after which no end is told', async (t) => {
  const raw = await RawTarget.start(t);
  const { session, outcome } = await front(t, raw.port);
  const stream = session.request({ ':path': '/' });
  const answer = answerOf(stream);
  const asked = await raw.next();
  await asked.readHead();
  asked.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
  await within(new Promise((resolve) => stream.once('data', resolve)), 'a chunk');
  asked.reset();
  const { code } = await answer;
  assert.notEqual(code, http2.constants.NGHTTP2_NO_ERROR);
  assert.equal((await outcome).error?.code, 'ERR_TUNNEL_ABORTED');
});

for (const code of [http2.constants.NGHTTP2_CANCEL, http2.constants.NGHTTP2_INTERNAL_ERROR]) {
  test(`an upload that the caller resets with ${code} is broken off`, async (t) => {
    const raw = await RawTarget.start(t);
    const { session, outcome } = await front(t, raw.port);
    const stream = session.request({ ':method': 'POST', ':path': '/' }).on('error', () => {});
    stream.write('half');
    const asked = await raw.next();
    await asked.readTo('half');
    if (code === http2.constants.NGHTTP2_CANCEL) stream.close(code);
    else stream.destroy(new Error('of ours'));
    const { text } = await asked.readRest();
    // Of a `close`, Node's client makes an end before the reset.
    if (code !== http2.constants.NGHTTP2_CANCEL) assert.doesNotMatch(text, /0\r\n\r\n/);
    assert.equal((await outcome).error?.code, 'ERR_TUNNEL_CALLER_GONE');
  });
}

test('a target that nobody reaches is a 502', async (t) => {
  const { session } = await front(t, await target(t, (request) => request.socket.destroy()));
  const { headers, text } = await answerOf(session.request({ ':path': '/' }));
  assert.equal(headers[':status'], 502);
  assert.match(text, /ERR_TUNNEL_ABORTED/);
});

test('an early answer to an upload passes, and the rest is not wanted', async (t) => {
  const raw = await RawTarget.start(t);
  const { session, outcome } = await front(t, raw.port);
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  const answer = answerOf(stream);
  stream.write('half');
  const asked = await raw.next();
  await asked.readTo('half');
  asked.send('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno');
  const { headers, text, code } = await answer;
  assert.equal(headers[':status'], 413);
  assert.equal(text, 'no');
  assert.equal(code, http2.constants.NGHTTP2_NO_ERROR);
  assert.equal((await outcome).error, undefined);
  await asked.readRest();
});

test('RFC 9113 §8.1 a caller that wants no more, and says so without an error, is let go', async (t) => {
  const size = 5_000_000;
  const raw = await RawTarget.start(t);
  const { session, outcome } = await front(t, raw.port);
  const stream = session.request({ ':path': '/' }).on('error', () => {});
  const asked = await raw.next();
  await asked.readHead();
  asked.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, Buffer.alloc(size));
  await within(new Promise((resolve) => stream.once('response', resolve)), 'the head');
  stream.close(http2.constants.NGHTTP2_NO_ERROR);
  assert.equal((await outcome).error?.code, 'ERR_TUNNEL_CALLER_GONE');
  await asked.closed();
});
