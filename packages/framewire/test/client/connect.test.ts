import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect, WebSocketServer, type ConnectOptions, type Message } from 'framewire';
import { memoryPair } from 'framewire/testing';
import { RawListener } from '../connection/opening.ts';
import { RawPeer, SAMPLE_KEY, within, type Head } from '../connection/raw-peer.ts';

/** What a server is asked when a client connects. */
async function requestOf(
  t: TestContext,
  path: string,
  options: ConnectOptions = {},
): Promise<Head> {
  const listener = await RawListener.start(t);
  const url = path.includes('://')
    ? path.replace('HOST', `127.0.0.1:${listener.port}`)
    : `${listener.url}${path}`;
  const { protocols } = options;
  const chosen = typeof protocols === 'string' ? protocols : protocols?.[0];
  const connecting = connect(url, options);
  const request = await (
    await listener.next()
  ).openAsServer(chosen === undefined ? {} : { 'Sec-WebSocket-Protocol': chosen });
  const connection = await within(connecting, 'connect');
  connection.terminate();
  return request;
}

test('§4.1 the request is what the RFC asks for, and nothing else', async (t) => {
  const { line, headers } = await requestOf(t, 'chat?room=1');
  assert.equal(line, 'GET /chat?room=1 HTTP/1.1');
  assert.deepEqual(
    [...headers.keys()],
    ['host', 'upgrade', 'connection', 'sec-websocket-key', 'sec-websocket-version'],
  );
  assert.match(headers.get('host') ?? '', /^127\.0\.0\.1:\d+$/u);
  assert.equal(headers.get('upgrade'), 'websocket');
  assert.equal(headers.get('connection'), 'Upgrade');
  assert.match(headers.get('sec-websocket-key') ?? '', /^[A-Za-z0-9+/]{21}[AQgw]==$/u);
  assert.equal(headers.get('sec-websocket-version'), '13');
});

test('§4.1 item 7 each request has a key of its own', async (t) => {
  const keys = new Set<string | undefined>();
  for (let count = 0; count < 5; count++) {
    keys.add((await requestOf(t, '')).headers.get('sec-websocket-key'));
  }
  assert.equal(keys.size, 5);
  assert.ok(!keys.has(SAMPLE_KEY));
});

test('headers, origin and subprotocols are sent as they were given', async (t) => {
  const { headers } = await requestOf(t, '', {
    headers: { 'X-One': '1', Cookie: 'a=b; c=d', Host: 'virtual.example' },
    origin: 'https://app.example',
    protocols: ['chat.v2', 'chat.v1'],
  });
  assert.equal(headers.get('x-one'), '1');
  assert.equal(headers.get('cookie'), 'a=b; c=d');
  assert.equal(headers.get('host'), 'virtual.example');
  assert.equal(headers.get('origin'), 'https://app.example');
  assert.equal(headers.get('sec-websocket-protocol'), 'chat.v2, chat.v1');
  const { headers: single } = await requestOf(t, '', { protocols: 'chat' });
  assert.equal(single.get('sec-websocket-protocol'), 'chat');
});

for (const headers of [
  [
    ['X-A', '1'],
    ['X-A', '2'],
  ],
  new Map([['X-A', '1, 2']]),
  new Headers({ 'X-A': '1, 2' }),
] as const) {
  test(`headers may be any iterable of pairs: ${headers.constructor.name}`, async (t) => {
    const request = await requestOf(t, '', { headers: headers as ConnectOptions['headers'] });
    assert.equal(request.headers.get('x-a'), '1, 2');
  });
}

test('RFC 7617 credentials of the URL become Basic authorization, unless one is given', async (t) => {
  const { headers, line } = await requestOf(t, 'ws://us%C3%A9r:p%40ss@HOST/x');
  assert.equal(headers.get('authorization'), `Basic ${btoa('us\u00c3\u00a9r:p@ss')}`);
  assert.equal(line, 'GET /x HTTP/1.1');
  assert.doesNotMatch(headers.get('host') ?? '', /@/u);
  const given = await requestOf(t, 'ws://user:pass@HOST/', {
    headers: { authorization: 'Bearer token' },
  });
  assert.equal(given.headers.get('authorization'), 'Bearer token');
});

test('http: and https: stand for ws: and wss:', async (t) => {
  const { line } = await requestOf(t, 'http://HOST/x');
  assert.equal(line, 'GET /x HTTP/1.1');
});

test('a handler given to connect hears everything, from the open on', async (t) => {
  const listener = await RawListener.start(t);
  const events: (string | Message)[] = [];
  const connecting = connect(listener.url, {
    handler: {
      open: (connection) => void events.push(`open ${connection.readyState}`),
      message: (_connection, message) => void events.push(message),
      closed: (_connection, info) => void events.push(`closed ${info.code}`),
    },
  });
  const peer = await listener.next();
  await peer.openAsServer({}, peer.frame(0x81, 'early'));
  const connection = await within(connecting, 'connect');
  peer.sendText('later').sendClose(1000).end();
  await within(connection.closed, 'the end');
  assert.deepEqual(events, ['open open', 'early', 'later', 'closed 1000']);
});

test('the headers of the 101 are there to be read', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { protocols: ['a', 'b'] });
  const peer = await listener.next();
  await peer.openAsServer({ 'X-Node': ['7', '8'], 'sec-websocket-protocol': 'b' });
  const connection = await within(connecting, 'connect');
  assert.equal(connection.responseHeaders?.get('x-node'), '7, 8');
  assert.equal(connection.protocol, 'b');
  connection.terminate();
});

test('a unix socket is dialled by its path, or by a URL that has it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'a b#c%d:e.sock');
  const server = new WebSocketServer({
    handler: {
      message: (connection, message) =>
        void connection.send(`${connection.url} ${String(message)}`),
    },
  });
  const { url, host, port } = await server.listen({ path });
  assert.equal(host, path);
  assert.equal(port, 0);
  for (const [target, options] of [
    [`${url.slice(0, -1)}/from/url`, {}],
    ['ws://any.example/from/option', { socketPath: path }],
  ] as const) {
    const connection = await connect(target, options);
    void connection.send('hello');
    const received = await within(connection.receive(), 'an answer');
    assert.equal(received, `${target.slice(target.indexOf('/from'))} hello`);
    await connection.close(1000);
  }
  await server.close();
});

test('a transport that is given is used, and nothing is dialled', async () => {
  const [near, far] = memoryPair();
  const peer = new RawPeer(far, 'server');
  const connecting = connect('wss://user:pass@nowhere.invalid:1234/x?y', { transport: near });
  const { line, headers } = await peer.openAsServer();
  assert.equal(line, 'GET /x?y HTTP/1.1');
  assert.equal(headers.get('host'), 'nowhere.invalid:1234');
  const connection = await within(connecting, 'connect');
  assert.equal(connection.transport, near);
  assert.equal(connection.url, 'wss://nowhere.invalid:1234/x?y');
  connection.terminate();
});

test('a socket that is given may still be connecting', async (t) => {
  const listener = await RawListener.start(t);
  const socket = net.connect(listener.port, '127.0.0.1');
  const connecting = connect('ws://given.example/', { transport: socket });
  const peer = await listener.next();
  await peer.openAsServer();
  const connection = await within(connecting, 'connect');
  assert.equal(connection.transport, socket);
  connection.terminate();
});

const MISTAKES: readonly (readonly [string, string, ConnectOptions, string])[] = [
  ['a URL', 'ftp://127.0.0.1/', {}, 'ERR_WS_INVALID_URL'],
  ['CR LF in a header', '', { headers: { 'X-A': 'b\r\nX-C: d' } }, 'ERR_WS_INVALID_ARGUMENT'],
  ['CR LF in a name', '', { headers: [['X-A\r\nX-B', 'c']] }, 'ERR_WS_INVALID_ARGUMENT'],
  ['LF in the origin', '', { origin: 'http://a\n' }, 'ERR_WS_INVALID_ARGUMENT'],
  ['a header of ours', '', { headers: { Upgrade: 'h2c' } }, 'ERR_WS_INVALID_ARGUMENT'],
  ['a key', '', { headers: { 'sec-websocket-key': SAMPLE_KEY } }, 'ERR_WS_INVALID_ARGUMENT'],
  ['a subprotocol twice', '', { protocols: ['a', 'a'] }, 'ERR_WS_INVALID_ARGUMENT'],
  ['a subprotocol with a comma', '', { protocols: 'a,b' }, 'ERR_WS_INVALID_ARGUMENT'],
  ['a timeout of 0', '', { handshakeTimeout: 0 }, 'ERR_WS_INVALID_ARGUMENT'],
  ['an option of the connection', '', { closeTimeout: -1 }, 'ERR_WS_INVALID_ARGUMENT'],
  ['a transport', '', { transport: {} as never }, 'ERR_WS_INVALID_ARGUMENT'],
];

for (const [name, url, options, code] of MISTAKES) {
  test(`a mistake of the caller costs no connection: ${name}`, async (t) => {
    const listener = await RawListener.start(t);
    await assert.rejects(connect(url === '' ? listener.url : url, options), { code });
    assert.equal(await listener.size, 0);
  });
}

test('a server that cannot be reached is an error that says which, and why', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const url = `ws://127.0.0.1:${port}/x`;
  await assert.rejects(
    within(connect(url), 'connect'),
    (error: Error & { url?: string; code?: string }) => {
      assert.equal(error.name, 'HandshakeError');
      assert.equal(error.code, 'ERR_WS_NETWORK');
      assert.equal(error.url, url);
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
      return true;
    },
  );
});

test('a server that ends the transport instead of answering is an error', async (t) => {
  const listener = await RawListener.start(t);
  for (const how of ['end', 'reset'] as const) {
    const connecting = connect(listener.url);
    const peer = await listener.next();
    await peer.readHead();
    if (how === 'end') peer.send('HTTP/1.1 101 Swi').end();
    else peer.reset();
    await assert.rejects(within(connecting, 'connect'), {
      name: 'HandshakeError',
      code: 'ERR_WS_NETWORK',
    });
    await peer.closed();
  }
});

test('a unix socket that is not there is an error', async () => {
  await assert.rejects(
    connect('ws+unix:/nowhere/at/all.sock:/'),
    (error: Error) => (error.cause as NodeJS.ErrnoException).code === 'ENOENT',
  );
});
