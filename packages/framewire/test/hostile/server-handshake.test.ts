/** Clients that ask for a connection in ways they should not. The numbers are those of the list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketServer, type Decision, type ServerOptions } from 'framewire';
import { ManualClock } from 'framewire/testing';
import {
  RawPeer,
  requestHead,
  SAMPLE_KEY,
  turn,
  turns,
  within,
  type HeaderChanges,
} from '../connection/raw-peer.ts';
import { ask, askWith, FRONTS, serve, serveHttp } from '../server/serving.ts';

interface Case {
  readonly name: string;
  readonly changes: HeaderChanges;
  readonly line?: string;
  /** More than one where Node’s own parser answers before we are asked. */
  readonly status: number | readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly options?: ServerOptions;
}

const KEY_OF_15 = Buffer.alloc(15).toString('base64');
const KEY_OF_17 = Buffer.alloc(17).toString('base64');
const YES: Decision = { accept: true };

async function yesLater(): Promise<Decision> {
  await turns(10);
  return YES;
}

const UPGRADE = { upgrade: 'websocket', connection: 'close, Upgrade' };
const VERSION = { ...UPGRADE, 'sec-websocket-version': '13' };

const CASES: readonly Case[] = [
  { name: '1 POST', changes: {}, line: 'POST / HTTP/1.1', status: 405, headers: { allow: 'GET' } },
  { name: '2 HTTP/1.0', changes: {}, line: 'GET / HTTP/1.0', status: 505 },
  { name: '3 no Host', changes: { Host: undefined }, status: 400 },
  { name: '3 two Hosts', changes: { Host: ['a', 'b'] }, status: 400 },
  { name: '3 a Host that is none', changes: { Host: 'a/b' }, status: 400 },
  // Newer Nodes ask first, and leave the request to the ordinary handler.
  { name: '4 Upgrade: h2c', changes: { Upgrade: 'h2c' }, status: [426, 200], headers: UPGRADE },
  { name: '5 Connection: close', changes: { Connection: 'close' }, status: [400, 200] },
  { name: '7 no key', changes: { 'Sec-WebSocket-Key': undefined }, status: 400 },
  { name: '7 two keys', changes: { 'Sec-WebSocket-Key': [SAMPLE_KEY, SAMPLE_KEY] }, status: 400 },
  { name: '7 a key of 15 octets', changes: { 'Sec-WebSocket-Key': KEY_OF_15 }, status: 400 },
  { name: '7 a key of 17 octets', changes: { 'Sec-WebSocket-Key': KEY_OF_17 }, status: 400 },
  {
    name: '7 a key that is not base64',
    changes: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j_Q==' },
    status: 400,
  },
  {
    name: '7 a key with bits that mean nothing',
    changes: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' },
    status: 400,
  },
  ...[undefined, '8', '12', '13, 8', '13foo', ''].map((version) => ({
    name: `8 the version ${JSON.stringify(version)}`,
    changes: { 'Sec-WebSocket-Version': version },
    status: 426,
    headers: VERSION,
  })),
  { name: '9 another origin', changes: { Origin: 'https://evil.example' }, status: 403 },
  { name: '9 Origin: null', changes: { Origin: 'null' }, status: 403 },
  ...['a,,b', 'a,', ',', '', 'a, a', 'a b', 'a/b', '"a"'].map((protocols) => ({
    name: `10 the subprotocols ${JSON.stringify(protocols)}`,
    changes: { 'Sec-WebSocket-Protocol': protocols },
    status: 400,
  })),
  {
    name: '11 a subprotocol with 8000 spaces in it',
    changes: { 'Sec-WebSocket-Protocol': `b${' '.repeat(8000)}x` },
    status: 400,
  },
  {
    name: '13 an extension with a quoted string that does not end',
    changes: { 'Sec-WebSocket-Extensions': `a; b="${'\\c'.repeat(4000)}` },
    status: 400,
  },
  {
    name: '17 a line longer than a head may be',
    changes: { a: 'x'.repeat(20_000) },
    status: 431,
  },
  { name: '24 a Content-Length', changes: { 'Content-Length': '5' }, status: 400 },
  { name: '24 a Transfer-Encoding', changes: { 'Transfer-Encoding': 'chunked' }, status: 400 },
];

for (const front of FRONTS) {
  for (const { name, changes, line, status, headers, options } of CASES) {
    test(`${name} is refused (${front})`, async (t) => {
      const { port, server } = await serve(t, options, front);
      const answer = await askWith(port, changes, line);
      assert.ok([status].flat().includes(answer.status), answer.line);
      // An ordinary request is for the http.Server to answer.
      if (front === 'listen') assert.notEqual(answer.status, 200);
      if (answer.status === 200) return;
      for (const [header, value] of Object.entries(headers ?? {})) {
        assert.equal(answer.headers.get(header), value);
      }
      assert.equal(server.connections.size, 0);
    });
  }

  const GOOD: readonly (readonly [string, HeaderChanges])[] = [
    ['5 Connection: keep-alive, Upgrade', { Connection: 'keep-alive, Upgrade' }],
    ['6 Upgrade: WebSocket', { Upgrade: 'WebSocket' }],
    ['9 the same origin', { Origin: 'http://localhost' }],
    ['12 the extension constructor', { 'Sec-WebSocket-Extensions': 'constructor' }],
    [
      '12 the extension __proto__',
      { 'Sec-WebSocket-Extensions': '__proto__; toString, hasOwnProperty' },
    ],
    ...[
      'client_max_window_bits=7',
      'server_max_window_bits=16',
      'server_max_window_bits=08',
      'server_max_window_bits=1e1',
      'client_max_window_bits; client_max_window_bits',
      'unheard_of',
    ].map(
      (parameters) =>
        [
          `14 permessage-deflate; ${parameters}`,
          { 'Sec-WebSocket-Extensions': `permessage-deflate; ${parameters}` },
        ] as const,
    ),
    ['24 Content-Length: 0', { 'Content-Length': '0' }],
  ];
  for (const [name, changes] of GOOD) {
    test(`${name} is accepted, without an extension (${front})`, async (t) => {
      const { port } = await serve(t, {}, front);
      const answer = await askWith(port, changes);
      assert.equal(answer.status, 101);
      assert.equal(answer.headers.has('sec-websocket-extensions'), false);
    });
  }

  test(`15 2000 headers before those that matter are refused (${front})`, async (t) => {
    const { port } = await serve(t, {}, front);
    const [line = '', ...rest] = requestHead().split('\r\n');
    const answer = await ask(
      port,
      [line, ...Array<string>(2000).fill('a:b'), ...rest].join('\r\n'),
    );
    // Of Node 20 we get the first 2000, among which there is no Upgrade; newer ones answer themselves.
    assert.ok(answer.status === 431 || (front === 'attach' && answer.status === 426), answer.line);
    assert.equal((await askWith(port, {})).status, 101, 'the server goes on');
  });

  test(`10 subprotocols that are offered but not supported are never echoed (${front})`, async (t) => {
    const { port } = await serve(t, {}, front);
    const answer = await askWith(port, { 'Sec-WebSocket-Protocol': 'chat' });
    assert.equal(answer.status, 101);
    assert.equal(answer.headers.has('sec-websocket-protocol'), false);
  });

  test(`18 an application header with CR LF: a 500, and nothing of it is written (${front})`, async (t) => {
    const errors: Error[] = [];
    const { port } = await serve(
      t,
      {
        authorize: () => ({ accept: true, headers: { 'X-User': 'a\r\nSet-Cookie: evil=1' } }),
        onRefused: (error) => void errors.push(error),
      },
      front,
    );
    const answer = await askWith(port, {});
    assert.equal(answer.status, 500);
    assert.equal(answer.headers.has('set-cookie'), false);
    assert.ok(errors[0]?.cause instanceof TypeError);
    assert.equal(answer.body, '', 'what went wrong is none of the client’s business');
  });

  for (const decision of ['sync', 'async'] as const) {
    test(`19 frames behind the request are kept until the connection is open (${front}, ${decision})`, async (t) => {
      const { port } = await serve(
        t,
        {
          authorize: decision === 'sync' ? () => YES : yesLater,
          handler: { message: (connection, message) => void connection.send(message) },
        },
        front,
      );
      const peer = await RawPeer.dial(port);
      peer.send(requestHead(), peer.frame(0x81, 'early'), peer.frame(0x81, 'bird'));
      await turns(2);
      peer.sendText('later');
      assert.equal((await peer.readHead()).status, 101);
      for (const text of ['early', 'bird', 'later']) await peer.expectMessage(text);
      peer.stream.destroy();
    });
  }

  for (const how of ['end', 'reset'] as const) {
    test(`20, 22 a client that leaves (${how}) while the application decides is not let in (${front})`, async (t) => {
      let decide: (() => void) | undefined;
      let opened = 0;
      const refused = new Promise<Error>((resolve) => {
        void serve(
          t,
          {
            authorize: () =>
              new Promise<Decision>((resolveDecision) => {
                decide = () => resolveDecision({ accept: true });
              }),
            handler: { open: () => void opened++ },
            onRefused: resolve,
          },
          front,
        ).then(async ({ port }) => {
          const peer = await RawPeer.dial(port);
          peer.send(requestHead());
          while (decide === undefined) await turn();
          if (how === 'end') peer.end();
          else peer.reset();
          await peer.ended();
          assert.ok(peer.isDry, 'no 101, nor anything else');
          peer.stream.destroy();
        });
      });
      const error = await within(refused, 'the refusal');
      assert.equal(Reflect.get(error, 'code'), 'ERR_WS_NETWORK');
      decide?.();
      await turns(3);
      assert.equal(opened, 0);
    });
  }

  test(`22 a reset right behind the request does no harm (${front})`, async (t) => {
    const { port, server } = await serve(t, { handler: { message() {} } }, front);
    for (let count = 0; count < 20; count++) {
      const peer = await RawPeer.dial(port);
      peer.send(requestHead());
      if (count % 2 === 0) await turn();
      peer.reset();
    }
    assert.equal((await askWith(port, {})).status, 101);
    for (let count = 0; server.connections.size > 0; count++) {
      assert.ok(count < 10_000);
      await turn();
    }
  });

  for (const [target, path] of [
    ['/chat?x=/admin', '/chat'],
    ['//evil.example/chat', '//evil.example/chat'],
    ['http://localhost/chat', '/chat'],
    ['/chat/../admin', '/chat/../admin'],
    ['/%63hat', '/%63hat'],
    ['/Chat', '/Chat'],
  ] as const) {
    test(`23 ${target} is the path ${path} and no other (${front})`, async (t) => {
      const paths: string[] = [];
      const { port } = await serve(
        t,
        {
          authorize: (request) => {
            paths.push(request.path);
            return { accept: false, status: 403 };
          },
        },
        front,
      );
      const answer = await askWith(port, {}, `GET ${target} HTTP/1.1`);
      assert.equal(answer.status, 403);
      assert.deepEqual(paths, [path]);
    });
  }

  test(`25 §1.4 who comes while the server shuts down is told to come back later (${front})`, async (t) => {
    const clock = new ManualClock();
    const { port, server } = await serve(t, { clock, heartbeat: false }, front);
    const stubborn = await RawPeer.dial(port);
    await stubborn.openAsClient();
    const late = front === 'listen' ? await RawPeer.dial(port) : undefined;
    // Half of a request, so that it is known that somebody asks.
    late?.send('GET / HTTP/1.1\r\n');
    await turns(10);
    const closing = server.close();
    await stubborn.expectClose(1001);
    const peer = late ?? (await RawPeer.dial(port));
    if (front === 'attach') peer.send(requestHead());
    const answer = await peer.readHead();
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/u);
    peer.stream.destroy();
    stubborn.sendClose(1001).end();
    await stubborn.closed();
    await within(closing, 'the close');
  });
}

test('2 nonsense instead of HTTP is answered as such', async (t) => {
  const { port } = await serve(t);
  for (const [octets, status] of [
    ['\r\n\r\n\r\n', 400],
    ['GET /\r\n\r\n', 400],
    ['GET / HTTP/1.1\nHost: localhost\n\n', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: a\r\n Folded: 1\r\n\r\n`, 400],
  ] as const) {
    assert.equal((await ask(port, octets)).status, status, JSON.stringify(octets));
  }
});

test('4 a request without an Upgrade is told what this port is for', async (t) => {
  const { port } = await serve(t);
  const plain = await askWith(port, { Upgrade: undefined, Connection: undefined });
  for (const answer of [plain, await askWith(port, { Upgrade: undefined })]) {
    assert.equal(answer.status, 426);
    assert.equal(answer.headers.get('upgrade'), 'websocket');
  }
});

test('16 a head that is dribbled has the time of the whole handshake, and no more', async (t) => {
  const clock = new ManualClock();
  const { port } = await serve(t, { clock, handshakeTimeout: 3000 });
  const peer = await RawPeer.dial(port);
  for (const octet of requestHead().slice(0, 30)) {
    peer.send(octet);
    await turns(3);
    clock.advance(100);
  }
  const answer = await peer.readHead();
  assert.equal(answer.status, 408);
  peer.end();
  await peer.closed();
  await turns(3);
  assert.equal(clock.pending, 0);
});

test('16 a client that says nothing at all is not waited for longer', async (t) => {
  const clock = new ManualClock();
  const { port } = await serve(t, { clock });
  const peer = await RawPeer.dial(port);
  for (let count = 0; clock.pending === 0; count++) {
    assert.ok(count < 10_000);
    await turn();
  }
  clock.advance(9_999);
  await turns(3);
  assert.equal(peer.hasEnded, false);
  clock.advance(1);
  // Browsers connect ahead of need: whoever has not asked is not answered.
  assert.equal((await peer.readRest()).length, 0);
  assert.equal(clock.pending, 0);
});

test('16 a refused client that goes is gone at once, whatever it has sent before', async (t) => {
  const clock = new ManualClock();
  const { port } = await serve(t, { clock });
  const peer = await RawPeer.dial(port);
  peer.send(requestHead({ Upgrade: 'h2c' }), Buffer.alloc(500_000));
  assert.equal((await peer.readHead()).status, 426);
  await peer.ended();
  peer.end();
  await peer.closed();
  for (let count = 0; clock.pending > 0; count++) {
    assert.ok(count < 10_000, 'only the timer would end it');
    await turn();
  }
});

test('16 a refused client that does not go is dropped a second later', async (t) => {
  const clock = new ManualClock();
  const { port } = await serve(t, { clock });
  const peer = await RawPeer.dial(port);
  peer.send(requestHead({ Upgrade: 'h2c' }));
  assert.equal((await peer.readHead()).status, 426);
  await peer.ended();
  peer.send('still here');
  await turns(3);
  assert.equal(clock.pending, 1);
  clock.advance(1_000);
  await turns(3);
  assert.equal(clock.pending, 0);
  // Whatever is sent now meets nobody.
  while (!peer.isClosed) {
    peer.send('still here');
    await turns(1);
  }
});

test('17 one header line without end is refused at the bound, and not listened to for long', async (t) => {
  const { port } = await serve(t);
  const peer = await RawPeer.dial(port);
  peer.send('GET / HTTP/1.1\r\nX-Long: ', 'x'.repeat(17_000));
  assert.equal((await peer.readHead()).status, 431);
  const megabyte = Buffer.alloc(1_000_000, 'x');
  // A second of lingering, in which all of it is read away.
  while (!peer.isClosed) {
    if (peer.stream.writableLength < 4_000_000) peer.stream.write(megabyte);
    await turn();
  }
});

test('21 §4.2.2 a socket is answered once: upgrade() again is refused', async (t) => {
  const server = new WebSocketServer();
  const other = new WebSocketServer();
  const again: Promise<unknown>[] = [];
  const { port } = await serveHttp(t, (httpServer) => {
    httpServer.on('upgrade', (request, socket, head) => {
      void server.upgrade(request, socket, head);
      const more = [server, other].map((each) => each.upgrade(request, socket, head));
      for (const each of more) each.catch(() => {});
      again.push(...more);
    });
  });
  const peer = await RawPeer.dial(port);
  await peer.openAsClient();
  assert.equal(again.length, 2);
  for (const each of again) await assert.rejects(each, { code: 'ERR_WS_ALREADY_UPGRADED' });
  const [connection] = server.connections;
  void connection?.send('the first one stands');
  await peer.expectMessage('the first one stands');
  connection?.terminate();
});
