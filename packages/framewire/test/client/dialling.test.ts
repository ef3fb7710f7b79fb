/** The ways of reaching a server: hooks, options of TCP, and proxies. */
import assert from 'node:assert/strict';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import {
  connect,
  WebSocketServer,
  type ConnectOptions,
  type DialTarget,
  type ProxyChoice,
} from 'framewire';
import { memoryPair } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { RawPeer, within } from '../connection/raw-peer.ts';
import { rejection, startHttpProxy, startSocksProxy } from './proxies.ts';

const certificate = selfSigned();
const trusting = { tls: { ca: certificate.cert } };

/** An echo server; with TLS for `wss`. */
async function serve(t: TestContext, scheme: 'ws' | 'wss' = 'ws'): Promise<URL> {
  const server = new WebSocketServer({
    handler: { message: (connection, message) => void connection.send(message) },
  });
  const { url } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    tls: scheme === 'wss' ? certificate : undefined,
  });
  t.after(() => {
    for (const connection of server.connections) connection.terminate();
    return server.close({ timeout: 100 });
  });
  return new URL(url);
}

async function echoes(url: string | URL, options: ConnectOptions): Promise<Duplex> {
  const connection = await within(connect(url, options), 'connect');
  void connection.send('hello');
  assert.equal(await within(connection.receive(), 'an echo'), 'hello');
  const { transport } = connection;
  assert.equal((await connection.close(1000)).wasClean, true);
  return transport;
}

for (const scheme of ['ws', 'wss'] as const) {
  for (const kind of ['http', 'https', 'socks5'] as const) {
    test(`RFC 9110 §9.3.6, RFC 1928: ${scheme}: through a proxy of ${kind}:`, async (t) => {
      const url = await serve(t, scheme);
      const proxy =
        kind === 'socks5'
          ? await startSocksProxy(t)
          : await startHttpProxy(t, kind === 'https' ? certificate : undefined);
      // By name, so that it is the proxy that resolves it.
      url.hostname = 'localhost';
      const tcp: ConnectOptions['tcp'] = { lookup: () => assert.fail('a name was resolved here') };
      const choice: ProxyChoice = { url: proxy.url, ...trusting };
      await echoes(url, { ...trusting, tcp, proxy: choice });
      await echoes(url, { ...trusting, tcp, proxy: async () => choice });
      assert.deepEqual(proxy.asked, [`localhost:${url.port}`, `localhost:${url.port}`]);
    });
  }
}

test('a proxy may be chosen for each URL, or none', async (t) => {
  const url = await serve(t);
  const proxy = await startHttpProxy(t);
  const asked: string[] = [];
  await echoes(url, { proxy: (asking) => void asked.push(asking.href) });
  assert.deepEqual(asked, [url.href]);
  assert.deepEqual(proxy.asked, []);
});

test('an https: proxy with a certificate that is not trusted is refused by its name', async (t) => {
  const url = await serve(t);
  const proxy = await startHttpProxy(t, certificate);
  const error = await rejection(connect(url, { proxy: proxy.url }));
  assert.equal(error.code, 'ERR_WS_PROXY');
  assert.equal(error.proxy, proxy.url);
  assert.equal((error.cause as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('a proxy that cannot be reached is told apart from the server', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const proxy = `http://user:secret@127.0.0.1:${port}`;
  const error = await rejection(connect('ws://target.example/', { proxy }));
  assert.equal(error.code, 'ERR_WS_PROXY');
  assert.equal(error.proxy, `http://127.0.0.1:${port}`);
  assert.equal(error.url, 'ws://target.example/');
  assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  assert.doesNotMatch(error.message, /secret/u);
});

test('a certificate of the server that is not trusted is no fault of the proxy', async (t) => {
  const url = await serve(t, 'wss');
  const proxy = await startHttpProxy(t);
  const error = await rejection(connect(url, { proxy: proxy.url }));
  assert.equal(error.code, 'ERR_WS_NETWORK');
  assert.equal((error.cause as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('dial takes the place of TCP, and TLS is put upon what it gives', async (t) => {
  for (const scheme of ['ws', 'wss'] as const) {
    const url = await serve(t, scheme);
    const targets: DialTarget[] = [];
    const dial = (target: DialTarget): Duplex => {
      targets.push(target);
      return net.connect(target.port, target.hostname);
    };
    const transport = await echoes(url, { ...trusting, dial });
    assert.equal(transport instanceof tls.TLSSocket, scheme === 'wss');
    const [{ hostname, port, socketPath }] = targets as [DialTarget];
    assert.deepEqual([hostname, port, socketPath], ['127.0.0.1', Number(url.port), undefined]);
  }
});

test('dial is asked for the proxy, where there is one', async (t) => {
  const url = await serve(t);
  const proxy = await startHttpProxy(t);
  const ports: number[] = [];
  const dial = async ({ port, hostname }: DialTarget): Promise<Duplex> => {
    ports.push(port);
    return net.connect(port, hostname);
  };
  await echoes(url, { dial, proxy: proxy.url });
  assert.deepEqual(ports, [proxy.port]);
});

test('dialTls dials wss: with its own TLS, and nothing else', async (t) => {
  const url = await serve(t, 'wss');
  const dialTls = ({ hostname, port }: DialTarget): Duplex =>
    tls.connect({ host: hostname, port, rejectUnauthorized: false });
  await echoes(url, { dialTls });
  await echoes(await serve(t), { dialTls: () => assert.fail('ws: has no TLS') });
});

test('dial may give any Duplex', async () => {
  const [near, far] = memoryPair();
  const peer = new RawPeer(far, 'server');
  const connecting = connect('ws://target.example/x', { dial: () => near });
  const request = await peer.openAsServer();
  assert.equal(request.line, 'GET /x HTTP/1.1');
  assert.equal((await within(connecting, 'connect')).transport, near);
});

test('what a hook throws is the cause, and what is no stream is a mistake', async () => {
  const url = 'ws://target.example/';
  const mistake = new Error('no way');
  for (const dial of [
    () => Promise.reject(mistake),
    () => {
      throw mistake;
    },
  ]) {
    const error = await rejection(connect(url, { dial }));
    assert.equal(error.code, 'ERR_WS_NETWORK');
    assert.equal(error.cause, mistake);
  }
  await assert.rejects(connect(url, { dial: () => ({}) as Duplex }), {
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
});

const MISTAKE = new Error('no way');

function fails(): never {
  throw MISTAKE;
}

for (const [name, options] of [
  ['headers', { headers: fails }],
  ['proxy', { proxy: fails }],
  ['cookieJar', { cookieJar: { getCookieString: fails, setCookie: fails } }],
] as const satisfies readonly (readonly [string, ConnectOptions])[]) {
  for (const httpVersion of [1, 2] as const) {
    test(`what ${name} throws is told as it is, with HTTP/${httpVersion}`, async () => {
      const connecting = connect('wss://target.example/', { ...options, httpVersion });
      assert.equal(await rejection(connecting), MISTAKE);
    });
  }
}

for (const [name, options, code, proxy] of [
  ['dial', { dial: fails }, 'ERR_WS_NETWORK', undefined],
  ['dialTls', { dialTls: fails }, 'ERR_WS_NETWORK', undefined],
  ['dial', { dial: fails, proxy: 'http://p.example' }, 'ERR_WS_PROXY', 'http://p.example:80'],
] as const satisfies readonly (readonly [string, ConnectOptions, string, string | undefined])[]) {
  for (const httpVersion of [1, 2] as const) {
    const where = proxy === undefined ? 'the server' : 'a proxy';
    test(`what ${name} throws is a failing network to ${where}, with HTTP/${httpVersion}`, async () => {
      const connecting = connect('wss://target.example/', { ...options, httpVersion });
      const error = await rejection(connecting);
      assert.deepEqual([error.name, error.code, error.proxy], ['HandshakeError', code, proxy]);
      assert.equal(error.cause, MISTAKE);
      assert.equal(error.url, 'wss://target.example/');
    });
  }
}

test('options of TCP reach net.connect', async (t) => {
  const url = await serve(t);
  const names: string[] = [];
  url.hostname = 'name.example';
  const transport = (await echoes(url, {
    tcp: {
      localAddress: '127.0.0.2',
      noDelay: false,
      lookup: (name, options, callback) => {
        names.push(name);
        const all = [{ address: '127.0.0.1', family: 4 }];
        if (options.all === true) (callback as (error: null, all: object[]) => void)(null, all);
        else callback(null, '127.0.0.1', 4);
      },
    },
  })) as net.Socket;
  assert.deepEqual(names, ['name.example']);
  assert.equal(transport.destroyed, true);
});

test('the local address is the one that was asked for', async (t) => {
  const connection = await connect(await serve(t), { tcp: { localAddress: '127.0.0.2' } });
  assert.equal(connection.localAddress, '127.0.0.2');
  await connection.close(1000);
});

test('RFC 8446 §4.3.2: a client may show a certificate', async (t) => {
  const server = new WebSocketServer();
  const { url } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    tls: { ...certificate, ca: certificate.cert, requestCert: true, rejectUnauthorized: true },
  });
  t.after(() => server.close({ timeout: 50 }));
  const options = { maxVersion: 'TLSv1.2', ...trusting.tls } as const;
  const connection = await connect(url, { tls: { ...options, ...certificate } });
  await connection.close(1000);
  assert.equal((await rejection(connect(url, { tls: options }))).code, 'ERR_WS_NETWORK');
});

const OTHERS: readonly ConnectOptions[] = [
  { proxy: 'http://127.0.0.1:1' },
  { dial: () => new net.Socket() },
  { dialTls: () => new net.Socket() },
  { httpVersion: 2 },
];

for (const other of OTHERS) {
  const name = Object.keys(other).join();
  test(`a transport that is given goes with no other way: ${name}`, async () => {
    const [transport] = memoryPair();
    await assert.rejects(connect('ws://target.example/', { transport, ...other }), {
      code: 'ERR_WS_INVALID_ARGUMENT',
    });
  });
}

for (const proxy of ['ftp://127.0.0.1', 'http://127.0.0.1:0', 'socks4://127.0.0.1', 7]) {
  test(`a proxy that is none costs no connection: ${proxy}`, async () => {
    const dial = (): never => assert.fail('it was dialled');
    await assert.rejects(connect('ws://target.example/', { dial, proxy: proxy as string }), {
      code: 'ERR_WS_INVALID_ARGUMENT',
    });
  });
}

test('RFC 9110 §4.3.5: a certificate is for the address that was asked for', async (t) => {
  // The certificate is for localhost and 127.0.0.1.
  const url = await serve(t, 'wss');
  await echoes(url, trusting);
  const dial = (): net.Socket => net.connect(Number(url.port), '127.0.0.1');
  await echoes('wss://localhost/', { ...trusting, dial });
  for (const other of ['wss://10.9.9.9/', 'wss://other.example/']) {
    const error = await rejection(connect(other, { ...trusting, dial }));
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  }
});

test('options that Node refuses are mistakes, and leave no socket', async (t) => {
  const url = await serve(t, 'wss');
  const sockets: net.Socket[] = [];
  const dial = ({ port, hostname }: DialTarget): net.Socket => {
    const socket = net.connect(port, hostname);
    sockets.push(socket);
    return socket;
  };
  const connecting = connect(url, { dial, tls: { ciphers: 'none such' } });
  await assert.rejects(connecting, { code: 'ERR_SSL_NO_CIPHER_MATCH' });
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [true],
  );
  await assert.rejects(connect(url, { tcp: { localAddress: 'nonsense' } }), {
    name: 'TypeError',
    code: 'ERR_INVALID_IP_ADDRESS',
  });
});

test('33 a hook that gives nothing when it is too late does no harm', async () => {
  const controller = new AbortController();
  let give!: (nothing: never) => void;
  const connecting = connect('ws://a.example/', {
    signal: controller.signal,
    dial: () => new Promise<never>((resolve) => (give = resolve)),
  });
  connecting.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await assert.rejects(connecting, { name: 'AbortError' });
  give(undefined as never);
  await new Promise((resolve) => setImmediate(resolve));
});
