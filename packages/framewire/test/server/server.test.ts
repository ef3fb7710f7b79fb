import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { connect, WebSocketServer, type Connection, type HandshakeRequest } from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import { RawPeer, requestHead, turn, turns, within } from '../connection/raw-peer.ts';
import { askWith, FRONTS, serve } from './serving.ts';

test('without a handler, connections are iterated over as they open', async (t) => {
  const { server, url } = await serve(t);
  const seen: string[] = [];
  const looping = (async () => {
    for await (const connection of server) {
      seen.push(connection.url);
      void connection.send('welcome');
    }
  })();
  for (const path of ['a', 'b', 'c']) {
    const client = await connect(`${url}${path}`);
    assert.equal(await within(client.receive(), 'the welcome'), 'welcome');
    client.terminate();
  }
  await server.close();
  await within(looping, 'the end of the loop');
  assert.deepEqual(seen, ['/a', '/b', '/c']);
});

test('connections that opened before the iteration began wait for it, unless they end before', async (t) => {
  const { server, url } = await serve(t);
  const gone = await connect(`${url}gone`);
  const here = await connect(`${url}here`);
  await gone.close(1000);
  while (server.connections.size > 1) await turn();
  const { value } = await within(server[Symbol.asyncIterator]().next(), 'a connection');
  assert.equal((value as Connection).url, '/here');
  here.terminate();
});

test('onConnection gets each connection, to read it in a loop', async (t) => {
  const ended: (string | undefined)[] = [];
  const { server, url } = await serve(t, {
    async onConnection(connection) {
      for await (const message of connection) {
        if (message === 'throw') throw new Error('a mistake');
        await connection.send(message);
      }
      ended.push(connection.url);
    },
  });
  const client = await connect(`${url}fine`);
  void client.send('hello');
  assert.equal(await within(client.receive(), 'an answer'), 'hello');
  await client.close(1000);
  const failing = await connect(`${url}failing`);
  while (server.connections.size > 1) await turn();
  const [far] = server.connections;
  void failing.send('throw');
  assert.equal((await within(failing.closed, 'the end')).code, 1011);
  assert.match(String((await far?.closed)?.error), /a mistake/u);
  const lost = await connect(`${url}lost`);
  lost.terminate();
  while (server.connections.size > 0) await turn();
  // That a connection ends badly is no mistake of the function, and returning closes nothing.
  assert.deepEqual(ended, ['/fine']);
});

test('with a handler nothing waits to be iterated over', async (t) => {
  const { server, url } = await serve(t, { handler: { message() {} } });
  const client = await connect(url);
  const next = server[Symbol.asyncIterator]().next();
  client.terminate();
  await server.close();
  assert.equal((await within(next, 'the end')).done, true);
});

test('connections are in the set from open() to closed(), closing ones too', async (t) => {
  const sizes: [string, number][] = [];
  const { server, port } = await serve(t, {
    handler: {
      open: () => void sizes.push(['open', server.connections.size]),
      message() {},
      closed: () => void sizes.push(['closed', server.connections.size]),
    },
  });
  const peer = await RawPeer.dial(port);
  await peer.openAsClient();
  const [connection] = server.connections;
  void connection?.close(1000);
  await peer.expectClose(1000);
  assert.equal(server.connections.size, 1);
  peer.sendClose(1000).end();
  await peer.closed();
  await connection?.closed;
  assert.equal(server.connections.size, 0);
  assert.deepEqual(sizes, [
    ['open', 1],
    ['closed', 1],
  ]);
});

for (const front of FRONTS) {
  test(`§10.4 more than maxConnections are told to come back later (${front})`, async (t) => {
    const { server, port } = await serve(t, { maxConnections: 2, handler: {} }, front);
    const peers = [await RawPeer.dial(port), await RawPeer.dial(port)];
    for (const peer of peers) await peer.openAsClient();
    const refused = await askWith(port, {});
    assert.equal(refused.status, 503);
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/u);
    peers[0]!.sendClose(1000);
    await peers[0]!.expectClose(1000);
    peers[0]!.end();
    while (server.connections.size > 1) await turn();
    assert.equal((await askWith(port, {})).status, 101);
    peers[1]!.stream.destroy();
  });

  test(`§10.4 those that wait for a decision count too (${front})`, async (t) => {
    const decisions: (() => void)[] = [];
    const { port } = await serve(
      t,
      {
        maxConnections: 1,
        authorize: () =>
          new Promise<{ accept: true }>((resolve) => {
            decisions.push(() => resolve({ accept: true }));
          }),
      },
      front,
    );
    const first = await RawPeer.dial(port);
    first.send(requestHead());
    while (decisions.length === 0) await turn();
    assert.equal((await askWith(port, {})).status, 503);
    decisions[0]?.();
    assert.equal((await first.readHead()).status, 101);
    first.stream.destroy();
  });

  test(`§7.4.1 close() says 1001 to all and waits until they are gone (${front})`, async (t) => {
    const { server, url } = await serve(t, {}, front);
    const clients = [await connect(url), await connect(url)];
    await server.close({ reason: 'maintenance' });
    assert.equal(server.connections.size, 0);
    for (const client of clients) {
      const info = await within(client.closed, 'the end');
      assert.deepEqual([info.code, info.reason, info.wasClean], [1001, 'maintenance', true]);
    }
    await assert.rejects(connect(url));
  });

  test(`close() destroys who is left after the timeout, whatever they do (${front})`, async (t) => {
    const clock = new ManualClock();
    const options = { clock, heartbeat: false, closeTimeout: 100_000, handler: {} } as const;
    const { server, port } = await serve(t, options, front);
    const silent = await RawPeer.dial(port);
    await silent.openAsClient();
    const talking = await RawPeer.dial(port);
    await talking.openAsClient();
    const deaf = await RawPeer.dial(port);
    await deaf.openAsClient();
    deaf.stream.pause();
    for (const connection of server.connections) void connection.send(Buffer.alloc(10_000_000));
    const closing = server.close({ timeout: 3000 });
    talking.sendText('I am not finished').sendFrame(0x89);
    await turns(5);
    clock.advance(2999);
    assert.equal(server.connections.size, 3);
    clock.advance(1);
    await within(closing, 'the close');
    assert.equal(server.connections.size, 0);
    assert.equal(clock.pending, 0);
    for (const peer of [silent, talking, deaf]) peer.stream.destroy();
  });
}

test('close() refuses heads that are half there, and drops sockets that are silent', async (t) => {
  const { server, port } = await serve(t);
  const half = await RawPeer.dial(port);
  half.send('GET / HTTP/1.1\r\nHost: localhost\r\n');
  const silent = await RawPeer.dial(port);
  await turns(10);
  const closing = server.close();
  assert.equal((await half.readHead()).status, 503);
  half.end();
  await silent.ended();
  silent.end();
  await within(closing, 'the close');
});

test('close() while the application decides: it is told too late', async (t) => {
  let decide: (() => void) | undefined;
  const { server, port } = await serve(t, {
    authorize: () =>
      new Promise<{ accept: true }>((resolve) => {
        decide = () => resolve({ accept: true });
      }),
  });
  const peer = await RawPeer.dial(port);
  peer.send(requestHead());
  while (decide === undefined) await turn();
  const closing = server.close();
  decide();
  assert.equal((await peer.readHead()).status, 503);
  peer.end();
  await within(closing, 'the close');
  assert.equal(server.connections.size, 0);
});

test('close() again is the same close; its arguments are judged as those of a Close', async () => {
  const server = new WebSocketServer();
  assert.throws(() => void server.close({ code: 1005 }), { name: 'RangeError' });
  assert.throws(() => void server.close({ reason: 'x'.repeat(124) }), { name: 'RangeError' });
  assert.throws(() => void server.close({ timeout: -1 }), { name: 'RangeError' });
  const closing = server.close();
  assert.equal(server.close(), closing);
  await closing;
  await server[Symbol.asyncDispose]();
  for await (const connection of server) assert.fail(connection.url);
});

test('after close() there is nothing to listen on and nothing to attach to', async () => {
  const server = new WebSocketServer();
  const httpServer = http.createServer();
  const closing = server.close();
  const refusal = { name: 'HandshakeError', code: 'ERR_WS_SHUTTING_DOWN' };
  assert.throws(() => server.attach(httpServer), refusal);
  await closing;
  assert.throws(() => server.attach(httpServer), refusal);
  await assert.rejects(server.listen(0), refusal);
  assert.equal(httpServer.listenerCount('upgrade'), 0);
});

test('serve() takes any stream, and refuses when the server has closed', async () => {
  const server = new WebSocketServer();
  const [near, far] = memoryPair();
  const serving = server.serve(near);
  await new RawPeer(far, 'client').openAsClient({}, 'GET /x HTTP/1.1');
  const connection = await within(serving, 'serve');
  assert.equal(connection.url, '/x');
  assert.deepEqual([...server.connections], [connection]);
  connection.terminate();
  await server.close();
  const [late, asking] = memoryPair();
  const peer = new RawPeer(asking, 'client').send(requestHead());
  await turns(3);
  await assert.rejects(server.serve(late), { code: 'ERR_WS_SHUTTING_DOWN' });
  await peer.ended();
});

test('serve() twice on one stream is refused, and the first is not disturbed', async () => {
  const server = new WebSocketServer({ handler: { message: (c, m) => void c.send(m) } });
  const [near, far] = memoryPair();
  const serving = server.serve(near);
  await assert.rejects(server.serve(near), { code: 'ERR_WS_ALREADY_UPGRADED' });
  const peer = new RawPeer(far, 'client');
  await peer.openAsClient();
  const large = Buffer.alloc(200_000, 'x');
  peer.sendFrame(0x82, large);
  await peer.expectMessage(large);
  (await serving).terminate();
  await assert.rejects(server.serve(near), { code: 'ERR_WS_ALREADY_UPGRADED' });
});

test('broadcast sends one encoding to all that are open', async (t) => {
  const { server, url } = await serve(t);
  const clients = await Promise.all(['a', 'b', 'c'].map((path) => connect(`${url}${path}`)));
  assert.deepEqual(server.broadcast('to all'), { sent: 3, skipped: 0 });
  const [first] = server.connections;
  assert.deepEqual(server.broadcast('but one', { except: first }), { sent: 2, skipped: 0 });
  const filter = (connection: Connection): boolean => connection.url === '/b';
  assert.deepEqual(server.broadcast(Buffer.from('to b'), { filter, type: 'text' }), {
    sent: 1,
    skipped: 0,
  });
  void first?.close(1000);
  assert.deepEqual(server.broadcast('the end'), { sent: 2, skipped: 1 });
  const received = new Map<string, unknown[]>();
  for (const client of clients) {
    const messages: unknown[] = [];
    received.set(new URL(client.url).pathname, messages);
    for (let message; message !== 'the end' && client.readyState !== 'closed';) {
      message = await within(client.receive(), 'a message');
      if (message === undefined) break;
      messages.push(message);
    }
  }
  const firstMessages = received.get(first?.url ?? '');
  assert.deepEqual(firstMessages?.slice(0, 1), ['to all']);
  assert.equal(firstMessages?.includes('but one'), false);
  for (const [path, messages] of received) {
    assert.equal(messages.includes('to b'), path === '/b', path);
  }
  for (const client of clients) client.terminate();
});

test('74 §10.4 a slow reader is dealt with as slowConsumer says; the others hear everything', async (t) => {
  for (const slowConsumer of ['terminate', 'drop'] as const) {
    const { server, port, url } = await serve(t, { maxBufferedAmount: 500_000, slowConsumer });
    const slow = await RawPeer.dial(port);
    await slow.openAsClient();
    const [slowConnection] = server.connections;
    slow.stream.pause();
    const fast = await connect(url, { highWaterMark: 10_000_000 });
    const message = Buffer.alloc(100_000, 'x');
    let sent = 0;
    let skipped = 0;
    for (let count = 0; count < 100; count++) {
      const outcome = server.broadcast(message);
      sent += outcome.sent;
      skipped += outcome.skipped;
      assert.ok(message.equals((await within(fast.receive(), 'a message')) as Uint8Array));
      assert.ok((slowConnection?.bufferedAmount ?? 0) <= 700_000, 'the bound and one message');
    }
    assert.equal(fast.readyState, 'open');
    if (slowConsumer === 'terminate') {
      const info = await within(slowConnection!.closed, 'the end');
      assert.equal(Reflect.get(info.error ?? {}, 'code'), 'ERR_WS_SEND_BUFFER_FULL');
      assert.equal(server.connections.size, 1);
      assert.ok(skipped >= 1);
    } else {
      assert.equal(slowConnection?.readyState, 'open');
      assert.equal(sent + skipped, 200);
      assert.ok(skipped > 50, `${skipped} skipped`);
      slow.stream.resume();
      // What was said to be sent is what arrives, and the next message too.
      for (let count = 0; count < sent - 100; count++) await slow.expectMessage(message);
      assert.equal(server.broadcast('again').sent, 2);
      await slow.expectMessage('again');
    }
    fast.terminate();
    slow.stream.destroy();
  }
});

test('74 what is counted as skipped was not sent, also where sending makes room', async (t) => {
  const options = { maxBufferedAmount: 1000, slowConsumer: 'drop', handler: {} } as const;
  const { server, port } = await serve(t, options);
  const peer = await RawPeer.dial(port);
  await peer.openAsClient();
  const message = Buffer.alloc(5000, 'x');
  // Nothing of the first has left when the second is sent, but all of it can.
  const outcomes = [server.broadcast(message), server.broadcast(message)];
  assert.deepEqual(outcomes, [
    { sent: 1, skipped: 0 },
    { sent: 1, skipped: 0 },
  ]);
  for (let count = 0; count < 2; count++) await peer.expectMessage(message);
  peer.stream.destroy();
});

test('what a server tells about a request', async (t) => {
  const requests: HandshakeRequest[] = [];
  const { port } = await serve(t, {
    origins: 'any',
    authorize: (request) => {
      requests.push(request);
      return { accept: true };
    },
  });
  const line = 'GET /a%20b/c?x=1&x=2&y=%C3%BC HTTP/1.1';
  const headers = {
    Origin: 'https://o.example',
    'Sec-WebSocket-Protocol': 'p, q',
    'X-A': ['1', '2'],
  };
  assert.equal((await askWith(port, headers, line)).status, 101);
  const [request] = requests;
  assert.equal(request?.method, 'GET');
  assert.equal(request.target, '/a%20b/c?x=1&x=2&y=%C3%BC');
  assert.equal(request.path, '/a%20b/c');
  assert.deepEqual(request.query.getAll('x'), ['1', '2']);
  assert.equal(request.query.get('y'), 'ü');
  assert.equal(request.headers.get('x-a'), '1, 2');
  assert.equal(request.origin, 'https://o.example');
  assert.equal(request.host, 'localhost');
  assert.deepEqual(request.protocols, ['p', 'q']);
  assert.equal(request.remoteAddress, '127.0.0.1');
  assert.equal(request.encrypted, false);
  assert.equal(request.message, undefined);
});
