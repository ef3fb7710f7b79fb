/** `wss:`: TLS as a client dials it, and as a server listens for it. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { connect, WebSocketServer, type ConnectOptions, type HandshakeRequest } from 'framewire';
import { ManualClock } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { RawListener } from '../connection/opening.ts';
import { RawPeer, within } from '../connection/raw-peer.ts';

const certificate = selfSigned();
const trusting: ConnectOptions = { tls: { ca: certificate.cert } };

interface Served {
  readonly server: WebSocketServer;
  readonly url: string;
  readonly port: number;
  readonly requests: HandshakeRequest[];
}

async function serve(t: TestContext, options: tls.TlsOptions = {}): Promise<Served> {
  const requests: HandshakeRequest[] = [];
  const server = new WebSocketServer({
    handler: {
      open: (_connection, request) => void requests.push(request),
      message: (connection, message) => void connection.send(message),
    },
  });
  const { url, port } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    tls: { ...certificate, ...options },
  });
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
    return server.close({ timeout: 100 });
  });
  return { server, url, port, requests };
}

test('§10.6 wss: talks through TLS, for a certificate that is trusted', async (t) => {
  const { url, requests } = await serve(t);
  assert.match(url, /^wss:\/\/127\.0\.0\.1:\d+\/$/u);
  const connection = await within(connect(url, trusting), 'connect');
  const socket = connection.transport as tls.TLSSocket;
  assert.ok(socket instanceof tls.TLSSocket);
  assert.equal(socket.authorized, true);
  assert.equal(socket.alpnProtocol, 'http/1.1');
  assert.equal(requests[0]?.encrypted, true);
  const large = Buffer.alloc(3_000_000, 'x');
  void connection.send('secret');
  void connection.send(large);
  assert.equal(await within(connection.receive(), 'an answer'), 'secret');
  const echoed = (await within(connection.receive(), 'an answer')) as Uint8Array;
  assert.ok(large.equals(echoed));
  const info = await within(connection.close(1000), 'the end');
  assert.equal(info.wasClean, true);
});

test('RFC 6066 §3 a name is sent as the server name, an address is not', async (t) => {
  const names: (string | false | undefined)[] = [];
  const { port, server } = await serve(t);
  t.after(() => server.close());
  const withName = await connect(`wss://localhost:${port}/`, trusting);
  for (const connection of server.connections) {
    names.push((connection.transport as tls.TLSSocket & { servername?: string }).servername);
  }
  withName.terminate();
  await withName.closed;
  assert.deepEqual(names, ['localhost']);
});

test('§10.6 a certificate that is not trusted is refused, before anything is sent', async (t) => {
  const { url, requests } = await serve(t);
  const credentials = url.replace('wss://', 'wss://user:secret@');
  await assert.rejects(
    within(connect(credentials), 'connect'),
    (error: Error & { code?: string; url?: string }) => {
      assert.equal(error.code, 'ERR_WS_NETWORK');
      assert.equal(error.url, url);
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
      return true;
    },
  );
  assert.deepEqual(requests, []);
});

test('a certificate for another name is refused', async (t) => {
  const { url } = await serve(t);
  const options = { tls: { ca: certificate.cert, servername: 'other.example' } };
  await assert.rejects(
    within(connect(url, options), 'connect'),
    (error: Error) =>
      (error.cause as NodeJS.ErrnoException).code === 'ERR_TLS_CERT_ALTNAME_INVALID',
  );
});

test('rejectUnauthorized: false takes what there is', async (t) => {
  const { url } = await serve(t);
  const connection = await connect(url, { tls: { rejectUnauthorized: false } });
  assert.equal((connection.transport as tls.TLSSocket).authorized, false);
  await connection.close(1000);
});

test('a TLS socket that is given may be secure already, or on its way', async (t) => {
  const { port } = await serve(t);
  const options = { port, host: '127.0.0.1', ca: certificate.cert };
  const ready = tls.connect(options);
  await within(new Promise<void>((resolve) => ready.once('secureConnect', resolve)), 'TLS');
  const first = await within(connect('wss://localhost/', { transport: ready }), 'connect');
  void first.send('one');
  assert.equal(await within(first.receive(), 'an answer'), 'one');
  await first.close(1000);
  const underway = tls.connect(options);
  const second = await within(connect('wss://localhost/', { transport: underway }), 'connect');
  await second.close(1000);
  const untrusted = tls.connect({ port, host: '127.0.0.1' });
  await assert.rejects(within(connect('wss://localhost/', { transport: untrusted }), 'connect'), {
    code: 'ERR_WS_NETWORK',
  });
});

test('33 a server that accepts and then says nothing of TLS is waited for so long only', async (t) => {
  const listener = await RawListener.start(t);
  const clock = new ManualClock();
  const connecting = connect(listener.url.replace('ws:', 'wss:'), {
    clock,
    handshakeTimeout: 1000,
  });
  const peer = await listener.next();
  await peer.read(1);
  clock.advance(1000);
  await assert.rejects(within(connecting, 'the timeout'), { code: 'ERR_WS_OPENING_TIMEOUT' });
  await peer.ended();
  assert.equal(clock.pending, 0);
});

test('a client that speaks no TLS to a port with TLS is dropped, and harms nothing', async (t) => {
  const { port, url } = await serve(t);
  const peer = await RawPeer.dial(port);
  peer.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await peer.ended();
  peer.stream.destroy();
  const connection = await connect(url, trusting);
  await connection.close(1000);
});

test('a client that never finishes its TLS handshake does not hold up close()', async () => {
  const server = new WebSocketServer();
  const { port } = await server.listen({ port: 0, host: '127.0.0.1', tls: certificate });
  const socket = net.connect(port, '127.0.0.1');
  const peer = new RawPeer(socket, 'client');
  // A record that announces more than ever comes.
  peer.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  await within(new Promise<void>((resolve) => socket.once('connect', resolve)), 'TCP');
  await within(server.close({ timeout: 50 }), 'the close', 4000);
  await peer.closed();
});
