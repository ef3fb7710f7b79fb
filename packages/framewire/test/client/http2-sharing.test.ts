/** Who shares an HTTP/2 session with whom, and what one caller must not do to another. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { connect, WebSocketServer, type Connection, type ConnectOptions } from 'framewire';
import { hex, ManualClock } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { RawListener } from '../connection/opening.ts';
import { turn, within } from '../connection/raw-peer.ts';
import { listen } from '../server/http2-peer.ts';
import { rejection, startHttpProxy } from './proxies.ts';

const certificate = selfSigned();
const trusting: ConnectOptions = { httpVersion: 'auto', tls: { ca: certificate.cert } };

interface Serving {
  readonly server: WebSocketServer;
  readonly sessions: http2.ServerHttp2Session[];
  readonly url: string;
}

async function serve(t: TestContext, options: http2.SecureServerOptions = {}): Promise<Serving> {
  const httpServer = http2.createSecureServer({ ...certificate, allowHTTP1: true, ...options });
  const sessions: http2.ServerHttp2Session[] = [];
  httpServer.on('session', (session) => sessions.push(session));
  const server = new WebSocketServer();
  server.attach(httpServer);
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
  });
  return { server, sessions, url: `wss://127.0.0.1:${await listen(t, httpServer)}/` };
}

async function closeAll(connections: readonly Connection<undefined>[]): Promise<void> {
  await Promise.all(connections.map((connection) => connection.close(1000)));
}

test('lists and certificates that are the same by value share a session', async (t) => {
  const { url, sessions } = await serve(t);
  const open = await Promise.all(
    [1, 2, 3].map(() => {
      const ca = [Buffer.from(certificate.cert)];
      return connect(url, { httpVersion: 2, tls: { ca, ciphers: 'DEFAULT' } });
    }),
  );
  assert.equal(sessions.length, 1);
  await closeAll(open);
});

test('auto and 2 share a session, whatever their clocks', async (t) => {
  const { url, sessions } = await serve(t);
  const open: Connection<undefined>[] = [];
  for (const options of [{ httpVersion: 2 }, {}, { clock: new ManualClock() }] as const) {
    open.push(await connect(url, { ...trusting, ...options }));
  }
  open.push(
    ...(await Promise.all([
      connect(url, { ...trusting, httpVersion: 2, clock: new ManualClock() }),
      connect(url, trusting),
    ])),
  );
  assert.equal(sessions.length, 1);
  await closeAll(open);
});

test('options that are changed after the call are those of another', async (t) => {
  const { url, sessions } = await serve(t);
  const options = { rejectUnauthorized: false };
  const first = await connect(url, { httpVersion: 2, tls: options });
  options.rejectUnauthorized = true;
  const error = await rejection(connect(url, { httpVersion: 2, tls: options }));
  assert.equal(error.code, 'ERR_WS_NETWORK');
  assert.equal(sessions.length, 1);
  await first.close(1000);
});

test('a proxy function is asked for each URL, before a session is shared', async (t) => {
  const { url, sessions } = await serve(t);
  const proxy = await startHttpProxy(t);
  const choose = (asked: URL): string | false => (asked.pathname === '/a' ? proxy.url : false);
  const first = await connect(`${url}a`, { ...trusting, proxy: choose });
  const second = await connect(`${url}b`, { ...trusting, proxy: choose });
  assert.equal(proxy.asked.length, 1);
  assert.equal(sessions.length, 2);
  await closeAll([first, second]);
});

for (const order of [
  ['auto', 2],
  [2, 'auto'],
] as const) {
  test(`httpVersion ${order.join(' and ')} at once, with a server of HTTP/1.1: each as it asked`, async (t) => {
    const server = new WebSocketServer();
    const { url } = await server.listen({ port: 0, host: '127.0.0.1', tls: certificate });
    t.after(() => server.close({ timeout: 50 }));
    const outcomes = await Promise.allSettled(
      order.map((httpVersion) => connect(url, { ...trusting, httpVersion })),
    );
    const auto = outcomes[order.indexOf('auto')]!;
    const required = outcomes[order.indexOf(2)]!;
    assert.equal(auto.status, 'fulfilled');
    assert.equal(required.status, 'rejected');
    assert.equal((required.reason as { code?: string }).code, 'ERR_WS_HTTP2');
    await closeAll([auto.value]);
  });
}

for (const order of [
  ['auto', 2],
  [2, 'auto'],
] as const) {
  test(`httpVersion ${order.join(' and ')} at once, without RFC 8441: each as it asked`, async (t) => {
    const { url } = await serveWithoutRfc8441(t);
    const outcomes = await Promise.allSettled(
      order.map((httpVersion) => connect(url, { ...trusting, httpVersion })),
    );
    const auto = outcomes[order.indexOf('auto')]!;
    const required = outcomes[order.indexOf(2)]!;
    assert.equal(auto.status, 'fulfilled');
    assert.equal(required.status, 'rejected');
    assert.equal((required.reason as { code?: string }).code, 'ERR_WS_HTTP2');
    await closeAll([auto.value]);
  });
}

test('RFC 7301 §3.2: a server that prefers HTTP/1.1 is asked by 2 for HTTP/2 alone', async (t) => {
  const server = new WebSocketServer();
  const httpServer = http2.createServer();
  server.attach(httpServer);
  const tlsServer = tls.createServer({ ...certificate, ALPNProtocols: ['http/1.1', 'h2'] });
  tlsServer.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === 'h2') httpServer.emit('connection', socket);
    else void server.serve(socket);
  });
  await new Promise<void>((resolve) => tlsServer.listen(0, '127.0.0.1', resolve));
  t.after(() => tlsServer.close());
  const url = `wss://127.0.0.1:${(tlsServer.address() as net.AddressInfo).port}/`;
  const open = await Promise.all([
    connect(url, trusting),
    connect(url, { ...trusting, httpVersion: 2 }),
  ]);
  assert.deepEqual(
    open.map(({ transport }) => 'session' in transport),
    [false, true],
  );
  await closeAll(open);
});

test('those who fail together have an error with a URL of their own each', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const url = `wss://127.0.0.1:${port}/`;
  const errors = await Promise.all(
    ['one', 'two'].map((path) => rejection(connect(url + path, trusting))),
  );
  assert.deepEqual(
    errors.map((error) => error.url),
    [`${url}one`, `${url}two`],
  );
  assert.equal(errors[0]!.message, errors[1]!.message);
});

test('RFC 1928 §6 those who fail together are told the same reply of a SOCKS proxy', async (t) => {
  const listener = await RawListener.start(t);
  const proxy = `socks5://127.0.0.1:${listener.port}`;
  const errors = Promise.all(
    ['one', 'two'].map((path) =>
      rejection(connect(`wss://target.example/${path}`, { ...trusting, proxy })),
    ),
  );
  (await listener.next()).send(hex`05 00`, hex`05 05`);
  assert.deepEqual(
    (await errors).map(({ socksReply }) => socksReply),
    [5, 5],
  );
  assert.equal(await listener.size, 1);
});

test('a header that HTTP/2 has not costs no session, nor a place in one', async (t) => {
  const { url, sessions } = await serve(t);
  const kept = await connect(url, trusting);
  for (const headers of [{ TE: 'gzip' }, { 'Keep-Alive': '5' }]) {
    await assert.rejects(connect(url, { ...trusting, headers }), {
      code: 'ERR_WS_INVALID_ARGUMENT',
    });
  }
  const ended = new Promise((resolve) => sessions[0]!.once('close', resolve));
  await kept.close(1000);
  await within(ended, 'the end of the session');
  assert.equal(sessions.length, 1);
});

test('33 after a timeout nobody is sent to the same session again', async (t) => {
  const listener = await RawListener.start(t);
  const clock = new ManualClock();
  const options: ConnectOptions = { httpVersion: 2, clock, handshakeTimeout: 500 };
  const ask = async (): Promise<{ readonly connecting: Promise<unknown> }> => {
    const connecting = connect(listener.url, options);
    connecting.catch(() => {});
    const peer = await listener.next();
    peer.send(hex`000006 04 00 00000000 0008 00000001`);
    // The preface, SETTINGS and WINDOW_UPDATE are shorter than what comes with the request.
    await peer.read(120);
    return { connecting };
  };
  for (let count = 0; count < 2; count++) {
    const { connecting } = await ask();
    clock.advance(500);
    await assert.rejects(connecting, { code: 'ERR_WS_OPENING_TIMEOUT' });
  }
});

test('terminate() frees the socket, also of a peer that does not read', async (t) => {
  const { url, server } = await serve(t);
  const connection = await connect(url, {
    ...trusting,
    heartbeat: false,
    maxBufferedAmount: Infinity,
  });
  const socket = (connection.transport as http2.ClientHttp2Stream).session!.socket;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const [far] = server.connections;
  far!.pause();
  void connection.send(new Uint8Array(20_000_000));
  await turn();
  connection.terminate();
  await within(closed, 'the end of the socket');
});

interface Counting {
  readonly url: string;
  readonly port: number;
  /** That were secured so far. */
  readonly sockets: () => number;
}

/** HTTP/2, and WebSockets over HTTP/1.1 only. */
async function serveWithoutRfc8441(t: TestContext): Promise<Counting> {
  const httpServer = http2.createSecureServer({ ...certificate, allowHTTP1: true });
  const server = new WebSocketServer();
  httpServer.on('upgrade', (request, socket, head) => void server.upgrade(request, socket, head));
  let sockets = 0;
  httpServer.on('secureConnection', () => sockets++);
  const port = await listen(t, httpServer);
  return { url: `wss://127.0.0.1:${port}/`, port, sockets: () => sockets };
}

test('a server with HTTP/2 and no WebSockets over it is asked by HTTP/1.1 at once from then on', async (t) => {
  const { url, sockets } = await serveWithoutRfc8441(t);
  for (let count = 0; count < 3; count++) await (await connect(url, trusting)).close(1000);
  assert.equal(sockets(), 4);
});

test('… for five minutes, by the clock that has seen it and by no other', async (t) => {
  const { url, sockets } = await serveWithoutRfc8441(t);
  const clock = new ManualClock();
  const later = new ManualClock();
  later.advance(10 * 60_000);
  const asked: number[] = [];
  const ask = async (by: ManualClock): Promise<void> => {
    const before = sockets();
    await (await connect(url, { ...trusting, clock: by })).close(1000);
    asked.push(sockets() - before);
  };
  await ask(later);
  await ask(clock);
  clock.advance(5 * 60_000 - 1);
  await ask(clock);
  clock.advance(1);
  await ask(clock);
  await ask(later);
  assert.deepEqual(asked, [2, 2, 1, 2, 1]);
});

test('… and of this way to it alone: another may lead to another server', async (t) => {
  const without = await serveWithoutRfc8441(t);
  const { url, sessions } = await serve(t);
  const elsewhere: ConnectOptions['dial'] = () => net.connect(without.port, '127.0.0.1');
  const first = await connect(url, { ...trusting, dial: elsewhere });
  const second = await connect(url, trusting);
  assert.equal('session' in first.transport, false);
  assert.equal('session' in second.transport, true);
  assert.equal(sessions.length, 1);
  await closeAll([first, second]);
});

test('RFC 7301: dialTls is told what to offer', async (t) => {
  const { url, sessions } = await serve(t);
  const offered: string[][] = [];
  const dialTls: ConnectOptions['dialTls'] = ({ port, hostname, alpn }) => {
    offered.push([...alpn]);
    return tls.connect({
      port,
      host: hostname,
      ALPNProtocols: [...alpn],
      rejectUnauthorized: false,
    });
  };
  await (await connect(url, { httpVersion: 'auto', dialTls })).close(1000);
  await (await connect(url, { dialTls })).close(1000);
  assert.deepEqual(offered, [['h2', 'http/1.1'], ['http/1.1']]);
  assert.equal(sessions.length, 1);
  const stubborn: ConnectOptions['dialTls'] = ({ port, hostname }) =>
    tls.connect({ port, host: hostname, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  const error = await rejection(connect(url, { dialTls: stubborn }));
  assert.equal(error.code, 'ERR_WS_NETWORK');
  assert.match(error.message, /ALPN/u);
});

test('RFC 9113 §3.4: a server that answers with HTTP/1.1 where HTTP/2 is required', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { httpVersion: 2 });
  connecting.catch(() => {});
  const peer = await listener.next();
  await peer.read(24);
  peer.send('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  assert.equal((await rejection(connecting)).code, 'ERR_WS_HTTP2');
});

test('a stream that was closed before the session could begin is an error at once', async () => {
  const clock = new ManualClock();
  const socket = new net.Socket();
  socket.destroy();
  const error = await rejection(
    connect('ws://a.example/', { httpVersion: 2, clock, dial: () => socket }),
  );
  assert.equal(error.code, 'ERR_WS_NETWORK');
  assert.equal(clock.pending, 0);
});

test('refusals of a session that may pass are failures of the network', async (t) => {
  const { url } = await serve(t, { settings: { maxConcurrentStreams: 0 } });
  const error = await rejection(connect(url, { ...trusting, httpVersion: 2 }));
  assert.equal(error.code, 'ERR_WS_NETWORK');
});
