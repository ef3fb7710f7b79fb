/** RFC 8441 from the client's side: sessions that are shared, and what becomes of them. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect, WebSocketServer, type Connection, type ConnectOptions } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { turns, within } from '../connection/raw-peer.ts';
import { listen, type Http2Server } from '../server/http2-peer.ts';
import { rejection } from './proxies.ts';

const certificate = selfSigned();
const trusting: ConnectOptions = { httpVersion: 'auto', tls: { ca: certificate.cert } };

interface Serving {
  readonly server: WebSocketServer;
  readonly httpServer: Http2Server;
  readonly sessions: http2.ServerHttp2Session[];
  readonly url: string;
}

async function serve(
  t: TestContext,
  options: http2.SecureServerOptions = {},
  isSecure = true,
): Promise<Serving> {
  const httpServer = isSecure
    ? http2.createSecureServer({ ...certificate, allowHTTP1: true, ...options })
    : http2.createServer(options);
  const sessions: http2.ServerHttp2Session[] = [];
  httpServer.on('session', (session) => sessions.push(session));
  const server = new WebSocketServer({
    protocols: ['chat'],
    handler: { message: (connection, message) => void connection.send(message) },
  });
  server.attach(httpServer);
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
  });
  const port = await listen(t, httpServer);
  return { server, httpServer, sessions, url: `${isSecure ? 'wss' : 'ws'}://127.0.0.1:${port}/` };
}

function sessionOf(connection: Connection<undefined>): unknown {
  return (connection.transport as http2.Http2Stream).session;
}

async function echoes(connection: Connection<undefined>): Promise<void> {
  void connection.send('hello');
  assert.equal(await within(connection.receive(), 'an echo'), 'hello');
}

test('RFC 8441 §5: connections share one session, which ends with the last of them', async (t) => {
  const { url, sessions } = await serve(t);
  const connections = await Promise.all(
    Array.from({ length: 20 }, () => connect(url, { ...trusting, protocols: 'chat' })),
  );
  assert.equal(sessions.length, 1);
  const [session] = sessions;
  const ended = new Promise((resolve) => session!.once('close', resolve));
  assert.equal(new Set(connections.map(sessionOf)).size, 1);
  for (const connection of connections) {
    assert.equal(connection.protocol, 'chat');
    assert.equal(connection.responseHeaders?.get('sec-websocket-protocol'), 'chat');
    await echoes(connection);
  }
  const later = await connect(url, trusting);
  assert.equal(sessions.length, 1);
  await Promise.all([...connections, later].map((connection) => connection.close(1000)));
  await within(ended, 'the end of the session');
  await (await connect(url, trusting)).close(1000);
  assert.equal(sessions.length, 2);
});

test('RFC 9113 §5.1.2: a second session is opened when the first is full', async (t) => {
  const { url, sessions } = await serve(t, { settings: { maxConcurrentStreams: 2 } });
  const connections = await Promise.all(Array.from({ length: 5 }, () => connect(url, trusting)));
  assert.equal(sessions.length, 3);
  for (const connection of connections) await echoes(connection);
  await Promise.all(connections.map((connection) => connection.close(1000)));
});

test('82 GOAWAY drains: what is open stays, what is new goes elsewhere', async (t) => {
  const { url, sessions } = await serve(t);
  const first = await connect(url, trusting);
  const drained = new Promise((resolve) =>
    (first.transport as http2.ClientHttp2Stream).session!.once('goaway', resolve),
  );
  sessions[0]!.goaway();
  await within(drained, 'GOAWAY');
  const second = await connect(url, trusting);
  assert.equal(sessions.length, 2);
  assert.notEqual(sessionOf(first), sessionOf(second));
  await echoes(first);
  await echoes(second);
  await first.close(1000);
  await second.close(1000);
});

test('RFC 9113 §8.7: a stream that was refused is asked for on another session', async (t) => {
  const { url, httpServer, sessions } = await serve(t);
  let refused = 0;
  httpServer.prependListener('stream', (stream: http2.ServerHttp2Stream) => {
    if (refused++ > 0) return;
    stream.on('error', () => {});
    stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    stream.destroy();
  });
  const connection = await within(connect(url, trusting), 'connect');
  assert.equal(sessions.length, 2);
  await echoes(connection);
  await connection.close(1000);
});

for (const kind of ['RST_STREAM', 'GOAWAY'] as const) {
  test(`RFC 9113 §7: after ${kind} with HTTP_1_1_REQUIRED, auto asks over HTTP/1.1; 2 has an error`, async (t) => {
    const { url, httpServer } = await serve(t);
    httpServer.prependListener('stream', (stream: http2.ServerHttp2Stream) => {
      const code = http2.constants.NGHTTP2_HTTP_1_1_REQUIRED;
      stream.on('error', () => {});
      if (kind === 'GOAWAY') stream.session!.goaway(code);
      else stream.close(code);
      stream.destroy();
    });
    const connection = await within(connect(url, trusting), 'connect');
    assert.equal('session' in connection.transport, false);
    await echoes(connection);
    await connection.close(1000);
    const error = await rejection(connect(url, { ...trusting, httpVersion: 2 }));
    assert.equal(error.code, 'ERR_WS_HTTP2');
    assert.equal(error.url, url);
  });
}

test('a session is shared by those only who would dial it in the same way', async (t) => {
  const { url, sessions } = await serve(t);
  const open: Connection<undefined>[] = [];
  for (const tls of [
    { ca: certificate.cert },
    { ca: certificate.cert },
    { ca: certificate.cert, ...certificate },
    { rejectUnauthorized: false },
  ]) {
    open.push(await connect(url, { httpVersion: 2, tls }));
  }
  assert.equal(sessions.length, 3);
  await Promise.all(open.map((connection) => connection.close(1000)));
});

test('without WebSockets over HTTP/2, auto goes over HTTP/1.1, and 2 is an error', async (t) => {
  const httpServer = http2.createSecureServer({ ...certificate, allowHTTP1: true });
  const server = new WebSocketServer();
  httpServer.on('upgrade', (request, socket, head) => void server.upgrade(request, socket, head));
  const url = `wss://127.0.0.1:${await listen(t, httpServer)}/`;
  const connections = await Promise.all([1, 2, 3].map(() => connect(url, trusting)));
  for (const connection of connections) {
    assert.equal('session' in connection.transport, false);
    await connection.close(1000);
  }
  await assert.rejects(connect(url, { ...trusting, httpVersion: 2 }), {
    code: 'ERR_WS_HTTP2',
    message: /ENABLE_CONNECT_PROTOCOL/u,
    url,
  });
});

test('a server that speaks HTTP/1.1 only: auto uses what was dialled, and 2 is an error', async (t) => {
  const server = new WebSocketServer();
  let dialled = 0;
  const { port } = await server.listen({ port: 0, host: '127.0.0.1', tls: certificate });
  t.after(() => server.close({ timeout: 50 }));
  const url = `wss://127.0.0.1:${port}/`;
  const options: ConnectOptions = {
    ...trusting,
    dial: (target) => {
      dialled++;
      return net.connect(target.port, target.hostname);
    },
  };
  const connection = await connect(url, options);
  assert.equal(dialled, 1);
  await connection.close(1000);
  await assert.rejects(connect(url, { ...trusting, httpVersion: 2 }), { name: 'HandshakeError' });
});

test('RFC 9113 §3.3: without TLS, HTTP/2 is spoken on request only', async (t) => {
  const { url, server } = await serve(t, {}, false);
  const connection = await connect(url, { httpVersion: 2 });
  const [far] = server.connections;
  assert.equal('session' in far!.transport, true);
  await echoes(connection);
  await connection.close(1000);
});

test('a refusal has status, headers and body, and leaves the session to others', async (t) => {
  const httpServer = http2.createSecureServer(certificate);
  const server = new WebSocketServer({
    authorize: ({ path }) =>
      path === '/'
        ? { accept: true }
        : { accept: false, status: 403, headers: { 'X-Why': 'so' }, body: 'no' },
  });
  server.attach(httpServer);
  const url = `wss://127.0.0.1:${await listen(t, httpServer)}/`;
  const kept = await connect(url, trusting);
  await assert.rejects(connect(`${url}secret`, trusting), (error: never) => {
    const { code, status, headers, body } = error as {
      code: string;
      status: number;
      headers: Map<string, string>;
      body: Uint8Array;
    };
    assert.deepEqual([code, status, headers.get('x-why')], ['ERR_WS_STATUS', 403, 'so']);
    assert.equal(Buffer.from(body).toString(), 'no');
    return true;
  });
  assert.equal(kept.readyState, 'open');
  await kept.close(1000);
});

test('26 a refusal reads the same over either version of HTTP', async (t) => {
  const httpServer = http2.createSecureServer({ ...certificate, allowHTTP1: true });
  const server = new WebSocketServer({
    authorize: () => ({ accept: false, status: 401, body: 'no' }),
  });
  server.attach(httpServer);
  const url = `wss://127.0.0.1:${await listen(t, httpServer)}/`;
  for (const httpVersion of [1, 2] as const) {
    const error = await rejection(connect(url, { ...trusting, httpVersion }));
    assert.match(error.message, /: 401 Unauthorized: no \(RFC 6455 §4\.1\)$/u);
  }
});

test('84 interim answers without end are refused, and the process lives', async (t) => {
  const { url, httpServer } = await serve(t);
  httpServer.prependListener('stream', (stream: http2.ServerHttp2Stream) => {
    for (let count = 0; count < 11; count++) stream.additionalHeaders({ ':status': 103 });
  });
  await assert.rejects(within(connect(url, trusting), 'connect'), {
    code: 'ERR_WS_STATUS',
    message: /more than 10 of 1xx/u,
  });
});

test('84 PUSH_PROMISE breaks the protocol, and nothing else', async (t) => {
  // A server of octets: SETTINGS with ENABLE_CONNECT_PROTOCOL, then a promise for stream 1.
  const settings = hex`000006 04 00 00000000 0008 00000001`;
  const acknowledged = hex`000000 04 01 00000000`;
  const promise = hex`000005 05 04 00000001 00000002 82`;
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.write(settings);
    let octets = 0;
    socket.on('data', (chunk) => {
      octets += chunk.length;
      // The preface, SETTINGS and WINDOW_UPDATE are shorter than what comes with the request.
      if (octets > 100) socket.end(Buffer.concat([acknowledged, promise]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  await assert.rejects(within(connect(`ws://127.0.0.1:${port}/`, { httpVersion: 2 }), 'connect'), {
    name: 'HandshakeError',
    code: 'ERR_WS_NETWORK',
  });
});

test('a server that goes while others wait for its SETTINGS fails them all', async (t) => {
  const clock = new ManualClock();
  const server = net.createServer((socket) => {
    socket.on('error', () => {}).resume();
    setImmediate(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const attempts = [1, 2, 3].map(() =>
    connect(`ws://127.0.0.1:${port}/`, { httpVersion: 2, clock }),
  );
  for (const attempt of attempts) {
    await assert.rejects(within(attempt, 'connect'), { code: 'ERR_WS_NETWORK' });
  }
  assert.equal(clock.pending, 0);
});

test('33 one that gives up while it dials for others leaves it to them', async (t) => {
  const { url, sessions } = await serve(t);
  const controller = new AbortController();
  const first = connect(url, { ...trusting, signal: controller.signal });
  first.catch(() => {});
  const others = [1, 2].map(() => connect(url, trusting));
  const reason = new Error('never mind');
  controller.abort(reason);
  await assert.rejects(first, reason);
  const connections = await within(Promise.all(others), 'the others');
  assert.ok(sessions.length <= 2);
  assert.equal(new Set(connections.map(sessionOf)).size, 1);
  await Promise.all(connections.map((connection) => connection.close(1000)));
});

test('82 the connection knows what ended its stream', async (t) => {
  const { url, server } = await serve(t);
  const connection = await connect(url, trusting);
  const other = await connect(url, trusting);
  const [far] = server.connections;
  far!.terminate();
  const info = await within(connection.closed, 'the end');
  assert.equal(info.code, 1006);
  assert.match(String(info.error?.cause), /reset with CANCEL/u);
  await echoes(other);
  await other.close(1000);
});

test('a session that breaks ends its connections with 1006', async (t) => {
  const { url, sessions } = await serve(t);
  const connections = await Promise.all([connect(url, trusting), connect(url, trusting)]);
  await turns(2);
  sessions[0]!.destroy();
  for (const { closed } of connections) {
    assert.equal((await within(closed, 'the end')).code, 1006);
  }
});

test('a stream of which the peer reads nothing holds its sender back', async (t) => {
  const { url, server } = await serve(t);
  const connection = await connect(url, { ...trusting, heartbeat: false });
  const [far] = server.connections;
  far!.pause();
  let sent = 0;
  const all = (async () => {
    for (let count = 0; count < 20; count++) {
      await connection.send(new Uint8Array(100_000));
      sent++;
    }
  })();
  await turns(50);
  assert.ok(sent < 20, `${sent} were sent`);
  far!.resume();
  await within(all, 'the rest');
  connection.terminate();
});

for (const [name, options] of [
  ['httpVersion', { httpVersion: 3 as never }],
  ['a header that HTTP/2 has not', { httpVersion: 2, headers: { 'Keep-Alive': '5' } }],
] as const) {
  test(`a mistake of the caller: ${name}`, async (t) => {
    const { url } = await serve(t, {}, false);
    await assert.rejects(connect(url, options), {
      code: 'ERR_WS_INVALID_ARGUMENT',
    });
  });
}
