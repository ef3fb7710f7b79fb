import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, HandshakeError, WebSocketServer, type Connection } from 'framewire';
import { selfSigned } from '../connection/certificate.ts';
import { RawPeer, requestHead, turn, turns, within } from '../connection/raw-peer.ts';
import { ask, askWith, serveHttp } from './serving.ts';

test('a port serves WebSockets and ordinary requests beside each other', async (t) => {
  const server = new WebSocketServer();
  const { port } = await serveHttp(t, (httpServer) => void server.attach(httpServer));
  const plain = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(await plain.text(), 'hello');
  const connection = await connect(`ws://127.0.0.1:${port}/any/path`);
  await connection.close(1000);
  await server.close();
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200, 'it goes on without us');
});

test('an https.Server serves wss:', async (t) => {
  const certificate = selfSigned();
  const httpsServer = https.createServer(certificate);
  const server = new WebSocketServer();
  server.attach(httpsServer);
  await new Promise<void>((resolve) => httpsServer.listen(0, '127.0.0.1', resolve));
  t.after(() => httpsServer.close());
  const { port } = httpsServer.address() as AddressInfo;
  const connection = await connect(`wss://127.0.0.1:${port}/`, { tls: { ca: certificate.cert } });
  await connection.close(1000);
  await server.close();
});

for (const [pattern, good, bad] of [
  ['/chat', '/chat?x=/y', '/chat/'],
  [/^\/rooms\/\d+$/u, '/rooms/17', '/rooms/17/x'],
  [/^\/rooms\//u, '/rooms/17', '/lobby/rooms/17'],
] as const) {
  test(`attach with the path ${String(pattern)} takes it and leaves the rest`, async (t) => {
    const server = new WebSocketServer();
    const { port } = await serveHttp(t, (httpServer) => {
      server.attach(httpServer, { path: pattern });
    });
    assert.equal((await askWith(port, {}, `GET ${good} HTTP/1.1`)).status, 101);
    const answer = await askWith(port, {}, `GET ${bad} HTTP/1.1`);
    assert.equal(answer.status, 404);
  });
}

test('attach: what authorize refuses after a while reaches the client, body and all', async (t) => {
  const server = new WebSocketServer({
    authorize: async () => {
      await turns(2);
      return {
        accept: false,
        status: 401,
        headers: { 'WWW-Authenticate': 'Bearer' },
        body: 'who?',
      };
    },
  });
  const { port } = await serveHttp(t, (httpServer) => {
    server.attach(httpServer);
  });
  await assert.rejects(
    connect(`ws://127.0.0.1:${port}/`),
    (error: Error & { status?: number; headers?: Map<string, string>; body?: Uint8Array }) => {
      assert.equal(error.status, 401);
      assert.equal(error.headers?.get('www-authenticate'), 'Bearer');
      assert.equal(Buffer.from(error.body ?? []).toString(), 'who?');
      return true;
    },
  );
});

test('two servers share an http.Server, each with its path', async (t) => {
  const one = new WebSocketServer();
  const two = new WebSocketServer();
  const { port, httpServer } = await serveHttp(t, (listening) => {
    one.attach(listening, { path: '/one' });
    two.attach(listening, { path: '/two' });
  });
  assert.equal(httpServer.listenerCount('upgrade'), 1);
  const first = await connect(`ws://127.0.0.1:${port}/one`);
  const second = await connect(`ws://127.0.0.1:${port}/two`);
  assert.deepEqual([one.connections.size, two.connections.size], [1, 1]);
  await assert.rejects(connect(`ws://127.0.0.1:${port}/three`), HandshakeError);
  await within(one.close(), 'the close');
  assert.equal((await first.closed).code, 1001);
  assert.equal(second.readyState, 'open');
  await assert.rejects(connect(`ws://127.0.0.1:${port}/one`), HandshakeError);
  await within(two.close(), 'the close');
  assert.equal(httpServer.listenerCount('upgrade'), 0);
});

test('another upgrade listener gets what is not ours, untouched', async (t) => {
  const server = new WebSocketServer();
  const others: string[] = [];
  const { port } = await serveHttp(t, (httpServer) => {
    server.attach(httpServer, { path: '/ours' });
    httpServer.on('upgrade', (request, socket) => {
      if (request.url === '/ours') return;
      others.push(`${request.url} ${request.headers.upgrade}`);
      socket.end('HTTP/1.1 418 Theirs\r\n\r\n');
    });
  });
  assert.equal((await askWith(port, {}, 'GET /theirs HTTP/1.1')).status, 418);
  assert.equal((await askWith(port, { Upgrade: 'h2c' }, 'GET /x HTTP/1.1')).status, 418);
  assert.equal((await askWith(port, {}, 'GET /ours HTTP/1.1')).status, 101);
  assert.deepEqual(others, ['/theirs websocket', '/x h2c']);
});

test('disposing detaches: open connections stay, others are no longer taken', async (t) => {
  const server = new WebSocketServer();
  let attachment: Disposable | undefined;
  const { port, httpServer } = await serveHttp(t, (listening) => {
    attachment = server.attach(listening);
  });
  const connection = await connect(`ws://127.0.0.1:${port}/`);
  attachment?.[Symbol.dispose]();
  attachment?.[Symbol.dispose]();
  assert.equal(httpServer.listenerCount('upgrade'), 0);
  await assert.rejects(connect(`ws://127.0.0.1:${port}/`), { status: 200 });
  assert.equal(connection.readyState, 'open');
  await connection.close(1000);
  server.attach(httpServer);
  assert.equal((await askWith(port, {})).status, 101);
});

for (const upgrade of ['h2c', 'TLS/1.0', 'websocket']) {
  test(`who is declined (Upgrade: ${upgrade}) does not stay: nothing of the socket is left`, async (t) => {
    const server = new WebSocketServer();
    const { port, httpServer } = await serveHttp(t, (listening) => {
      server.attach(listening, { path: '/only' });
    });
    // Newer Nodes answer as to any request, and keep the socket for another.
    httpServer.keepAliveTimeout = 1;
    const count = (): Promise<number> =>
      new Promise((resolve) => httpServer.getConnections((_error, sockets) => resolve(sockets)));
    const polite = await RawPeer.dial(port);
    polite.send(requestHead({ Upgrade: upgrade, Connection: 'Upgrade' }));
    await polite.readHead();
    polite.end();
    await polite.closed();
    const rude = await RawPeer.dial(port);
    rude.send(requestHead({ Upgrade: upgrade }), Buffer.alloc(100_000));
    await rude.readHead();
    for (let turnsTaken = 0; (await count()) > 0; turnsTaken++) {
      assert.ok(turnsTaken < 1_000_000);
      // A second of lingering, in which the rude client stays.
      await turn();
    }
    rude.stream.destroy();
  });
}

test('upgrade() is what adapters are made of: the connection, or a rejection', async (t) => {
  const server = new WebSocketServer<string>({
    authorize: () => assert.fail('there is a decision'),
  });
  const outcomes: Promise<Connection<string>>[] = [];
  const { port } = await serveHttp(t, (httpServer) => {
    httpServer.on('upgrade', (request, socket, head) => {
      const decision =
        request.url === '/in'
          ? ({ accept: true, context: 'ada' } as const)
          : ({ accept: false, status: 403, body: 'no' } as const);
      const outcome = server.upgrade(request, socket, head, decision);
      outcome.catch(() => {});
      outcomes.push(outcome);
    });
  });
  const peer = await RawPeer.dial(port);
  peer.send(requestHead({}, 'GET /in HTTP/1.1'), peer.frame(0x81, 'early'));
  assert.equal((await peer.readHead()).status, 101);
  const connection = await within(outcomes[0]!, 'the connection');
  assert.equal(connection.context, 'ada');
  assert.equal(await within(connection.receive(), 'a message'), 'early');
  const refused = await askWith(port, {}, 'GET /out HTTP/1.1');
  assert.equal(refused.status, 403);
  assert.equal(refused.body, 'no');
  await assert.rejects(outcomes[1]!, { code: 'ERR_WS_REFUSED', status: 403 });
  assert.deepEqual([...server.connections], [connection]);
  connection.terminate();
});

test('§4.2.1 a request that repeats a header is judged by all of its values', async (t) => {
  const server = new WebSocketServer({ protocols: ['b'] });
  const { port } = await serveHttp(t, (httpServer) => void server.attach(httpServer));
  const answer = await askWith(port, { 'Sec-WebSocket-Protocol': ['a', 'b'] });
  assert.equal(answer.headers.get('sec-websocket-protocol'), 'b');
  // Node keeps the first of two keys in `headers`.
  const keys = ['dGhlIHNhbXBsZSBub25jZQ==', 'AAAAAAAAAAAAAAAAAAAAAA=='];
  assert.equal((await askWith(port, { 'Sec-WebSocket-Key': keys })).status, 400);
});

test('the keep-alive and timeouts of the http.Server do not touch a connection', async (t) => {
  const server = new WebSocketServer({ heartbeat: false });
  const { port, httpServer } = await serveHttp(t, (listening) => void server.attach(listening));
  httpServer.setTimeout(20);
  httpServer.keepAliveTimeout = 10;
  httpServer.headersTimeout = 20;
  httpServer.requestTimeout = 20;
  const peer = await RawPeer.dial(port);
  await peer.openAsClient();
  const [connection] = server.connections;
  const started = performance.now();
  while (performance.now() - started < 60) await turns(10);
  assert.equal(connection?.readyState, 'open');
  peer.sendText('still here');
  assert.equal(await within(connection.receive(), 'a message'), 'still here');
  connection.terminate();
});

test('an upgrade on a kept-alive socket works as on a fresh one', async (t) => {
  const server = new WebSocketServer();
  const { port } = await serveHttp(t, (httpServer) => void server.attach(httpServer));
  const peer = await RawPeer.dial(port);
  peer.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const plain = await peer.readHead();
  assert.equal(plain.status, 200);
  await peer.read(Number(plain.headers.get('content-length') ?? 0));
  await peer.openAsClient();
  const [connection] = server.connections;
  void connection?.send('here');
  await peer.expectMessage('here');
  peer.stream.destroy();
});

test('HTTP that is none is for the http.Server to answer', async (t) => {
  const server = new WebSocketServer();
  const { port } = await serveHttp(t, (httpServer) => void server.attach(httpServer));
  assert.equal((await ask(port, 'nonsense\r\n\r\n')).status, 400);
  assert.ok(http.STATUS_CODES[400]);
});
