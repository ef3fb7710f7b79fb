/** RFC 8441: WebSockets on the port of a server of `node:http2`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { test } from 'node:test';
import {
  connect,
  WebSocketServer,
  type HandshakeRequest,
  type RefusalError,
  type ServerOptions,
} from 'framewire';
import { ManualClock } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { turns, within } from '../connection/raw-peer.ts';
import { bodyOf, listen, RawHttp2Client, serveHttp2 } from './http2-peer.ts';
import { askWith } from './serving.ts';

const echoing: ServerOptions = {
  handler: { message: (connection, message) => void connection.send(message) },
};

test('RFC 8441 §5: a stream carries a WebSocket, from the 200 to END_STREAM', async (t) => {
  const requests: HandshakeRequest[] = [];
  const server = new WebSocketServer({
    protocols: ['chat'],
    handler: {
      ...echoing.handler,
      open: (_connection, request) => void requests.push(request),
    },
  });
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  assert.equal(client.session.remoteSettings.enableConnectProtocol, true);
  const { stream, headers } = await client.connect({
    ':path': '/chat?room=1',
    'sec-websocket-protocol': 'other, chat',
  });
  assert.equal(headers[':status'], 200);
  assert.equal(headers['sec-websocket-protocol'], 'chat');
  assert.equal(headers['sec-websocket-accept'], undefined);
  const [connection] = server.connections;
  assert.equal(connection?.url, '/chat?room=1');
  assert.equal(connection?.protocol, 'chat');
  assert.equal(connection?.remoteAddress, '127.0.0.1');
  assert.equal(connection?.localPort, port);
  const [request] = requests;
  assert.equal(request?.method, 'CONNECT');
  assert.equal(request?.httpVersion, '2');
  assert.equal(request?.path, '/chat');
  assert.equal(request?.query.get('room'), '1');
  assert.equal(request?.host, `127.0.0.1:${port}`);
  assert.equal(request?.encrypted, false);
  assert.equal(request?.remoteAddress, '127.0.0.1');
  assert.equal(request?.message, undefined);
  assert.equal(request?.headers.get('host'), `127.0.0.1:${port}`);
  assert.equal(request?.headers.has(':method'), false);
  stream.destroy();
});

test('RFC 8441 §5: frames, the closing handshake, and the end of the stream', async (t) => {
  const server = new WebSocketServer(echoing);
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const peer = await client.open();
  const [connection] = server.connections;
  peer.sendText('Hello');
  await peer.expectMessage('Hello');
  const large = new Uint8Array(1_000_000).fill(7);
  peer.sendFrame(0x82, large);
  await peer.expectMessage(large);
  peer.sendClose(1000);
  await peer.expectClose(1000);
  // RFC 6455 §7.1.1: the server ends first.
  await peer.ended();
  peer.end();
  assert.equal((await within(connection!.closed, 'the end')).wasClean, true);
  assert.equal((peer.stream as http2.Http2Stream).rstCode, 0);
  await client.open();
});

test('82 RST_STREAM is an abnormal end of that connection alone', async (t) => {
  const server = new WebSocketServer(echoing);
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const peer = await client.open();
  const other = await client.open();
  const [connection] = server.connections;
  peer.send(peer.frame(0x81, 'half of a message').subarray(0, 9));
  await turns(2);
  peer.stream.destroy(new Error('reset'));
  const info = await within(connection!.closed, 'the end');
  assert.equal(info.code, 1006);
  assert.equal(info.wasClean, false);
  assert.equal(info.initiator, 'network');
  assert.match(String(info.error?.cause), /INTERNAL_ERROR/u);
  other.sendText('still here');
  await other.expectMessage('still here');
});

test('82 RST_STREAM with CANCEL is told as what it is, not as an end', async (t) => {
  const server = new WebSocketServer(echoing);
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const peer = await client.open();
  const [connection] = server.connections;
  const stream = peer.stream as http2.ClientHttp2Stream;
  stream.close(http2.constants.NGHTTP2_CANCEL);
  stream.destroy();
  const { code, error } = await within(connection!.closed, 'the end');
  assert.equal(code, 1006);
  assert.equal((error as { code?: string } | undefined)?.code, 'ERR_WS_TRUNCATED');
});

test('83 END_STREAM without a Close is 1006', async (t) => {
  const server = new WebSocketServer(echoing);
  const { port } = await serveHttp2(t, server);
  const peer = await (await RawHttp2Client.dial(t, port)).open();
  const [connection] = server.connections;
  peer.end();
  const { code, error } = await within(connection!.closed, 'the end');
  assert.equal(code, 1006);
  assert.equal((error as { code?: string } | undefined)?.code, 'ERR_WS_TRUNCATED');
});

test('RFC 8441 §5: terminate() resets the stream with CANCEL, and the session goes on', async (t) => {
  const server = new WebSocketServer(echoing);
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const peer = await client.open();
  for (const connection of server.connections) connection.terminate();
  await peer.closed();
  assert.equal((peer.stream as http2.Http2Stream).rstCode, http2.constants.NGHTTP2_CANCEL);
  (await client.open()).sendText('again');
});

test('82 a window that is closed holds the sender back', async (t) => {
  const server = new WebSocketServer({ ...echoing, heartbeat: false });
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port, { settings: { initialWindowSize: 0 } });
  const { stream } = await client.connect();
  const [connection] = server.connections;
  const message = new Uint8Array(200_000);
  let isSent = false;
  const sent = connection!.send(message).then(() => (isSent = true));
  await turns(20);
  assert.equal(isSent, false);
  assert.ok(connection!.bufferedAmount >= message.length, String(connection!.bufferedAmount));
  client.session.settings({ initialWindowSize: 1_000_000 });
  stream.resume();
  await within(sent, 'the message');
  assert.equal(connection!.bufferedAmount, 0);
});

test('a connection that is not read holds back its own peer, and no other', async (t) => {
  const server = new WebSocketServer({ highWaterMark: 1024, heartbeat: false });
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const stalled = await client.open();
  stalled.sendFrame(0x82, new Uint8Array(3_000_000));
  for (let count = 0; count < 20; count++) stalled.sendFrame(0x82, new Uint8Array(100_000));
  const other = await client.open();
  other.sendText('me too');
  const [, second] = server.connections;
  assert.equal(await within(second!.receive(), 'a message'), 'me too');
  assert.ok((stalled.stream as http2.Http2Stream).writableLength > 1_000_000);
});

for (const how of ['at once', 'later'] as const) {
  test(`a refusal (${how}) is an answer with a body, and the session goes on`, async (t) => {
    const server = new WebSocketServer({
      authorize: async (request) => {
        if (how === 'later') await turns(3);
        return request.path === '/'
          ? { accept: true }
          : { accept: false, status: 401, headers: { 'WWW-Authenticate': 'Basic' }, body: 'who?' };
      },
    });
    const { port } = await serveHttp2(t, server);
    const client = await RawHttp2Client.dial(t, port);
    const { status, headers, stream } = await client.connect({ ':path': '/secret' });
    assert.equal(status, 401);
    assert.equal(headers['www-authenticate'], 'Basic');
    assert.equal(await within(bodyOf(stream), 'the body'), 'who?');
    await client.open();
  });
}

for (const given of [200, 204, 304, 600]) {
  test(`RFC 8441 §5.1 a decision for ${given} is none, in both versions of HTTP: 500`, async (t) => {
    const errors: RefusalError[] = [];
    const server = new WebSocketServer({
      authorize: () => ({ accept: false, status: given }),
      onRefused: (error) => void errors.push(error),
    });
    const { port } = await serveHttp2(t, server);
    const http1 = await server.listen({ port: 0, host: '127.0.0.1' });
    const { status } = await (await RawHttp2Client.dial(t, port)).connect();
    assert.equal(status, 500);
    assert.equal((await askWith(http1.port, {})).status, 500);
    const causes = errors.map(({ cause }) => (cause as { code?: string } | undefined)?.code);
    assert.deepEqual(causes, ['ERR_WS_INVALID_ARGUMENT', 'ERR_WS_INVALID_ARGUMENT']);
  });
}

for (const [name, changes, expected] of [
  ['another path', { ':path': '/other' }, 404],
  ['another protocol', { ':protocol': 'connect-udp' }, 501],
  ['a plain CONNECT', { ':protocol': undefined, ':path': undefined, ':authority': 'a:1' }, 501],
  ['another version', { 'sec-websocket-version': '8' }, 400],
  ['a page of another host', { origin: 'http://evil.example' }, 403],
] as const) {
  for (const compatible of [true, false]) {
    const beside = compatible ? 'with' : 'without';
    test(`81 ${name} is answered with ${expected}, ${beside} a 'request' listener`, async (t) => {
      const httpServer = compatible
        ? http2.createServer((_request, response) => void response.end('hello'))
        : http2.createServer();
      new WebSocketServer(echoing).attach(httpServer, { path: '/' });
      const client = await RawHttp2Client.dial(t, await listen(t, httpServer));
      assert.equal((await client.connect(changes)).status, expected);
      await client.open();
      if (!compatible) return;
      const stream = client.session.request({ ':path': '/' });
      assert.equal(await within(bodyOf(stream), 'a page'), 'hello');
    });
  }
}

test('other listeners for CONNECT are left what is not for this server', async (t) => {
  const httpServer = http2.createServer(() => {});
  new WebSocketServer(echoing).attach(httpServer, { path: '/chat' });
  httpServer.on('connect', (request: http2.Http2ServerRequest, response) => {
    if (request.headers[':path'] === '/chat') return;
    (response as unknown as http2.Http2ServerResponse).writeHead(202).end('mine');
  });
  const client = await RawHttp2Client.dial(t, await listen(t, httpServer));
  assert.equal((await client.connect({ ':path': '/else' })).status, 202);
  await client.open({ ':path': '/chat' });
});

test('81 where nothing else listens, all that is asked is answered, and resets do no harm', async (t) => {
  const httpServer = http2.createServer();
  new WebSocketServer(echoing).attach(httpServer);
  const client = await RawHttp2Client.dial(t, await listen(t, httpServer));
  const page = client.session.request({ ':path': '/' });
  assert.equal(await within(bodyOf(page), 'a page'), 'there are WebSockets only\n');
  for (let count = 0; count < 3; count++) {
    const request = client.session.request({ ':path': '/', ':method': 'POST' });
    request.on('error', () => {});
    request.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  }
  await client.open();
});

test('RFC 9110 §15.5.6 upgradeStream refuses a GET with 405, and says what is allowed', async (t) => {
  const httpServer = http2.createServer();
  const server = new WebSocketServer(echoing);
  httpServer.on('stream', (stream, headers) => {
    server.upgradeStream(stream, headers).catch(() => {});
  });
  const client = await RawHttp2Client.dial(t, await listen(t, httpServer));
  const stream = client.session.request({ ':path': '/' });
  const answered = once(stream, 'response') as Promise<[http2.IncomingHttpHeaders]>;
  const [headers] = await within(answered, 'an answer');
  assert.deepEqual([headers[':status'], headers.allow], [405, 'CONNECT']);
  assert.match(await within(bodyOf(stream), 'the body'), /:method is "GET"/u);
});

test('a stream that somebody has answered is refused by upgradeStream', async (t) => {
  const httpServer = http2.createServer({ settings: { enableConnectProtocol: true } });
  const server = new WebSocketServer(echoing);
  const refused = new Promise<unknown>((resolve) => {
    httpServer.on('stream', (stream, headers) => {
      stream.respond({ ':status': 404 });
      server.upgradeStream(stream, headers).catch(resolve);
    });
  });
  const client = await RawHttp2Client.dial(t, await listen(t, httpServer));
  assert.equal((await client.connect()).status, 404);
  assert.equal(((await refused) as { code?: string }).code, 'ERR_WS_ALREADY_UPGRADED');
});

test("upgradeStream answers a 'stream' event, with a decision of the caller's", async (t) => {
  const httpServer = http2.createServer({ settings: { enableConnectProtocol: true } });
  const server = new WebSocketServer<number>({
    authorize: () => ({ accept: true, context: 1 }),
    handler: { message: (connection) => void connection.send(String(connection.context)) },
  });
  httpServer.on('stream', (stream, headers) => {
    if (headers[':protocol'] !== 'websocket') return;
    void server.upgradeStream(stream, headers, { accept: true, context: 2 });
    void assert.rejects(server.upgradeStream(stream, headers), { code: 'ERR_WS_ALREADY_UPGRADED' });
  });
  const peer = await (await RawHttp2Client.dial(t, await listen(t, httpServer))).open();
  peer.sendText('which?');
  await peer.expectMessage('2');
});

test('disposing detaches: new streams are not answered, open connections stay', async (t) => {
  const server = new WebSocketServer(echoing);
  const httpServer = http2.createServer((_request, response) => void response.end('hello'));
  const attachment = server.attach(httpServer);
  const client = await RawHttp2Client.dial(t, await listen(t, httpServer));
  const peer = await client.open();
  attachment[Symbol.dispose]();
  assert.equal((await client.connect()).status, 404);
  peer.sendText('still here');
  await peer.expectMessage('still here');
});

test('25 a server that shuts down refuses with 503, and closes with 1001', async (t) => {
  const server = new WebSocketServer(echoing);
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const peer = await client.open();
  const closed = server.close();
  await peer.expectClose(1001);
  const { status, headers } = await client.connect();
  assert.equal(status, 503);
  assert.equal(headers['retry-after'], '5');
  peer.sendClose(1001).end();
  await within(closed, 'the close');
});

test('16 a decision that takes too long is answered with 408', async (t) => {
  const clock = new ManualClock();
  const server = new WebSocketServer({
    clock,
    handshakeTimeout: 1000,
    authorize: () => new Promise(() => {}),
  });
  const { port } = await serveHttp2(t, server);
  const client = await RawHttp2Client.dial(t, port);
  const answered = client.connect();
  const begun = new Promise<void>((resolve) => {
    const look = (): void => void (clock.pending > 0 ? resolve() : setImmediate(look));
    look();
  });
  await within(begun, 'the request');
  clock.advance(1000);
  assert.equal((await answered).status, 408);
});

test('both versions of HTTP on one port with TLS', async (t) => {
  const certificate = selfSigned();
  const httpServer = http2.createSecureServer({ ...certificate, allowHTTP1: true });
  const server = new WebSocketServer(echoing);
  server.attach(httpServer);
  const port = await listen(t, httpServer);
  const url = `wss://127.0.0.1:${port}/`;
  for (const httpVersion of [1, 2, 'auto'] as const) {
    const connection = await connect(url, { httpVersion, tls: { ca: certificate.cert } });
    void connection.send('hello');
    assert.equal(await within(connection.receive(), 'an echo'), 'hello');
    const [far] = server.connections;
    assert.equal('session' in far!.transport, httpVersion !== 1);
    assert.equal((await connection.close(1000)).wasClean, true);
    await far!.closed;
  }
});
