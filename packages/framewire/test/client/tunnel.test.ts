/** Tunnels through proxies that open them, and what goes on in them afterwards. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { openThroughProxy } from '#src/client/tunnel.js';
import { connect, WebSocketServer } from 'framewire';
import { ManualClock, memoryPair } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { within } from '../connection/raw-peer.ts';
import { proxyOf, startHttpProxy, startSocksProxy, type RunningProxy } from './proxies.ts';

const certificate = selfSigned();

type Dial = (port: number) => Promise<Duplex>;

async function overTcp(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  await within(once(socket, 'connect'), 'TCP');
  return socket;
}

async function overTls(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: certificate.cert });
  await within(once(socket, 'secureConnect'), 'TLS');
  return socket;
}

/** A stream that is no socket, as one that another proxy leads to may be. */
async function overMemory(port: number): Promise<Duplex> {
  const [near, far] = memoryPair();
  const socket = await overTcp(port);
  far.on('error', () => {}).on('close', () => socket.destroy());
  socket.on('error', () => {}).on('close', () => far.destroy());
  far.pipe(socket).pipe(far);
  return near;
}

const WAYS: readonly (readonly [string, (t: TestContext) => Promise<RunningProxy>, Dial])[] = [
  ['an HTTP proxy', startHttpProxy, overTcp],
  ['an HTTP proxy behind a stream in memory', startHttpProxy, overMemory],
  ['an HTTP proxy with TLS', (t) => startHttpProxy(t, certificate), overTls],
  ['a SOCKS proxy', startSocksProxy, overTcp],
];

async function serve(t: TestContext, isSecure: boolean): Promise<number> {
  const server = new WebSocketServer({
    handler: { message: (connection, message) => void connection.send(message) },
  });
  const { port } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    ...(isSecure && { tls: certificate }),
  });
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
    return server.close({ timeout: 100 });
  });
  return port;
}

/** A stream to the target, through the proxy. */
async function tunnel(t: TestContext, url: string, stream: Duplex, port: number): Promise<Duplex> {
  t.after(() => stream.destroy());
  const target = { hostname: 'localhost', port };
  await within(
    openThroughProxy(stream, proxyOf(url), target, new AbortController().signal, new ManualClock()),
    'the tunnel',
  );
  return stream;
}

for (const [name, start, dial] of WAYS) {
  test(`§9.3.6 ws: goes through ${name}`, async (t) => {
    const port = await serve(t, false);
    const proxy = await start(t);
    const transport = await tunnel(t, proxy.url, await dial(proxy.port), port);
    const connection = await within(connect('ws://localhost/', { transport }), 'connect');
    void connection.send('through');
    assert.equal(await within(connection.receive(), 'an answer'), 'through');
    assert.deepEqual(proxy.asked, [`localhost:${port}`]);
    await within(connection.close(1000), 'the end');
  });

  test(`§9.3.6 wss: goes through ${name}, with TLS from end to end`, async (t) => {
    const port = await serve(t, true);
    const proxy = await start(t);
    const socket = await tunnel(t, proxy.url, await dial(proxy.port), port);
    const secured = tls.connect({ socket, servername: 'localhost', ca: certificate.cert });
    const connecting = connect('wss://localhost/', { transport: secured });
    const connection = await within(connecting, 'connect');
    assert.equal(secured.authorized, true);
    const large = Buffer.alloc(1_000_000, 'x');
    void connection.send(large);
    const echoed = (await within(connection.receive(), 'an answer')) as Uint8Array;
    assert.ok(large.equals(echoed));
    await within(connection.close(1000), 'the end');
  });
}

test('TLS finds what came with the answer of the proxy', async (t) => {
  // A target that speaks first, and here in one write with the proxy: TLS refuses it, having read it.
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nnot a record of TLS'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const socket = await tunnel(t, 'http://proxy.example', await overTcp(port), 443);
  assert.equal(socket.readableLength, 19);
  const secured = tls.connect({ socket });
  const [error] = (await within(once(secured, 'error'), 'the error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ERR_SSL_WRONG_VERSION_NUMBER');
});
