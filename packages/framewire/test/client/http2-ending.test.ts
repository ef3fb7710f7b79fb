/** How an HTTP/2 session of a client ends, with a server that is silent or never ends its side. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect, WebSocketServer, type ConnectOptions } from 'framewire';
import { ManualClock } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { turn, turns, within } from '../connection/raw-peer.ts';
import { listen } from '../server/http2-peer.ts';
import { rejection } from './proxies.ts';

const certificate = selfSigned();

interface Relay {
  readonly port: number;
  /** From now on nothing passes on the sockets that there are. */
  mute(): void;
  /** So many clients have come. */
  readonly count: () => number;
}

/** Passes octets to the port and back, and no end: what a client does not destroy stays. */
async function relayTo(t: TestContext, port: number): Promise<Relay> {
  const sockets: net.Socket[] = [];
  let muted = 0;
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const number = sockets.push(near);
    const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => {
      near.destroy();
      far.destroy();
    });
    const pass = (from: net.Socket, to: net.Socket): void => {
      from.on('error', () => {}).on('data', (chunk) => number <= muted || to.write(chunk));
    };
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return {
    port: (server.address() as net.AddressInfo).port,
    mute: () => (muted = sockets.length),
    count: () => sockets.length,
  };
}

/** Sockets that are dialled are kept, so that one can see what becomes of them. */
function keeping(): { readonly sockets: net.Socket[]; readonly dial: ConnectOptions['dial'] } {
  const sockets: net.Socket[] = [];
  const dial: ConnectOptions['dial'] = ({ port, hostname }) => {
    const socket = net.connect(port, hostname);
    sockets.push(socket);
    return socket;
  };
  return { sockets, dial };
}

function closed(socket: net.Socket): Promise<unknown> {
  const close = socket.closed || new Promise((resolve) => socket.once('close', resolve));
  return within(Promise.resolve(close), 'the end of the socket');
}

/** Connections without TLS, behind a relay. */
async function serve(t: TestContext): Promise<{
  readonly relay: Relay;
  readonly url: string;
  readonly sessions: http2.ServerHttp2Session[];
}> {
  const httpServer = http2.createServer();
  const sessions: http2.ServerHttp2Session[] = [];
  httpServer.on('session', (session) => sessions.push(session));
  const server = new WebSocketServer({ heartbeat: false });
  server.attach(httpServer);
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
  });
  const relay = await relayTo(t, await listen(t, httpServer));
  return { relay, url: `ws://127.0.0.1:${relay.port}/`, sessions };
}

test('RFC 9113 §9.1: the socket is destroyed closeTimeout after the last connection', async (t) => {
  const { url } = await serve(t);
  const { sockets, dial } = keeping();
  const clock = new ManualClock();
  const options: ConnectOptions = { httpVersion: 2, dial, heartbeat: false };
  const first = await connect(url, { ...options, closeTimeout: 100_000 });
  const last = await connect(url, { ...options, clock, closeTimeout: 500 });
  assert.equal((await first.close(1000)).wasClean, true);
  assert.equal((await last.close(1000)).wasClean, true);
  const [socket] = sockets;
  await turns(5);
  clock.advance(499);
  assert.equal(socket?.destroyed, false);
  clock.advance(1);
  await closed(socket);
  assert.equal(clock.pending, 0);
});

test('RFC 9113 §9.1: a server that ends its side leaves nothing to wait for', async (t) => {
  const httpServer = http2.createServer();
  new WebSocketServer().attach(httpServer);
  const { sockets, dial } = keeping();
  const clock = new ManualClock();
  const url = `ws://127.0.0.1:${await listen(t, httpServer)}/`;
  const connection = await connect(url, { httpVersion: 2, clock, dial });
  await connection.close(1000);
  await closed(sockets[0]!);
  assert.equal(clock.pending, 0);
});

test('RFC 9113 §6.8: nor is a socket kept after GOAWAY and terminate()', async (t) => {
  const { url, sessions } = await serve(t);
  const { sockets, dial } = keeping();
  const clock = new ManualClock();
  const options: ConnectOptions = { httpVersion: 2, clock, dial, closeTimeout: 500 };
  const connection = await connect(url, options);
  const { session } = connection.transport as http2.ClientHttp2Stream;
  const told = new Promise((resolve) => session!.once('goaway', resolve));
  sessions[0]!.goaway();
  await within(told, 'GOAWAY');
  connection.terminate();
  await connection.closed;
  await turns(5);
  clock.advance(500);
  await closed(sockets[0]!);
  assert.equal(clock.pending, 0);
});

for (const httpVersion of ['auto', 2] as const) {
  test(`RFC 8441 §3: httpVersion ${httpVersion}: a session without WebSockets goes at once`, async (t) => {
    const httpServer = http2.createSecureServer({ ...certificate, allowHTTP1: true });
    const server = new WebSocketServer();
    httpServer.on('upgrade', (request, socket, head) => void server.upgrade(request, socket, head));
    const { port } = await relayTo(t, await listen(t, httpServer));
    const { sockets, dial } = keeping();
    const clock = new ManualClock();
    const options: ConnectOptions = { httpVersion, clock, dial, tls: { ca: certificate.cert } };
    const connecting = connect(`wss://127.0.0.1:${port}/`, options);
    if (httpVersion === 2) assert.equal((await rejection(connecting)).code, 'ERR_WS_HTTP2');
    else (await within(connecting, 'connect')).terminate();
    await Promise.all(sockets.map(closed));
    assert.equal(clock.pending, 0);
  });
}

for (const [code, options, task] of [
  ['ERR_WS_PONG_TIMEOUT', { heartbeat: { interval: 500, timeout: 500 } }, () => {}],
  [
    'ERR_WS_SEND_TIMEOUT',
    { heartbeat: false, sendTimeout: 1000 },
    (send: (octets: Uint8Array) => unknown) => send(new Uint8Array(1_000_000)),
  ],
] as const) {
  test(`33 after ${code} nobody is sent to the same session again`, async (t) => {
    const { url, relay } = await serve(t);
    const clock = new ManualClock();
    const kept = await connect(url, { httpVersion: 2, clock, heartbeat: false });
    const connection = await connect(url, { httpVersion: 2, clock, ...options });
    assert.equal(relay.count(), 1);
    relay.mute();
    // In a turn of its own the connection begins to read, and to watch.
    await turns(2);
    task((octets) => void connection.send(octets));
    await turn();
    clock.advance(500);
    clock.advance(500);
    const { error } = await within(connection.closed, 'the end');
    assert.equal((error as { code?: string } | undefined)?.code, code);
    const successor = await within(connect(url, { httpVersion: 2, clock }), 'the successor');
    assert.equal(relay.count(), 2);
    assert.equal(kept.readyState, 'open');
    for (const each of [kept, successor]) each.terminate();
  });
}
