/** RFC 9110 §15.4: redirects of the opening handshake. */
import assert from 'node:assert/strict';
import { constants } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import tls from 'node:tls';
import { connect, WebSocketServer, type ConnectOptions, type HandshakeError } from 'framewire';
import { resolvePlan } from '#src/client/connect-options.js';
import { redirectOf } from '#src/client/redirects.js';
import { parseUrl, type Destination } from '#src/client/url.js';
import { nextVisit } from '#src/client/visit.js';
import { selfSigned } from '../connection/certificate.ts';
import { RawListener } from '../connection/opening.ts';
import { within, type Head } from '../connection/raw-peer.ts';
import { rejection } from './proxies.ts';

/** Answers the next client with a redirect, and says what it asked. */
async function redirect(listener: RawListener, to: string, status = 302): Promise<Head> {
  const peer = await listener.next();
  const request = await peer.readHead();
  peer.send(`HTTP/1.1 ${status} Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`);
  await peer.ended();
  return request;
}

/** What is asked of the second server when the first one redirects to it. */
async function follow(
  t: TestContext,
  options: ConnectOptions,
  toOther: boolean,
  url: (listener: RawListener) => string = ({ url }) => url,
): Promise<{ readonly first: Head; readonly second: Head; readonly url: string }> {
  const listener = await RawListener.start(t);
  const other = toOther ? await RawListener.start(t) : listener;
  const connecting = connect(url(listener), { maxRedirects: 1, ...options });
  const first = await redirect(listener, toOther ? `${other.url}next?a=b` : '/next?a=b');
  const second = await (await other.next()).openAsServer();
  const connection = await within(connecting, 'connect');
  assert.equal(connection.url, `${other.url}next?a=b`);
  connection.terminate();
  return { first, second, url: other.url };
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`26 §4.1 a ${status} is a refusal unless redirects are followed`, async (t) => {
    const listener = await RawListener.start(t);
    const connecting = connect(listener.url);
    void redirect(listener, '/next', status);
    const error = await rejection(connecting);
    assert.equal(error.code, 'ERR_WS_STATUS');
    assert.equal(error.status, status);
    assert.match(error.message, /to \/next/u);
  });
}

test('a redirect is followed, with a handshake of its own', async (t) => {
  const { first, second } = await follow(t, { headers: { 'X-A': '1' } }, false);
  assert.equal(second.line, 'GET /next?a=b HTTP/1.1');
  assert.equal(second.headers.get('x-a'), '1');
  assert.notEqual(first.headers.get('sec-websocket-key'), second.headers.get('sec-websocket-key'));
});

const SECRETS: ConnectOptions = {
  headers: {
    Authorization: 'Basic YTpi',
    Cookie: 'a=b',
    'Proxy-Authorization': 'Basic YTpi',
    Host: 'virtual.example',
    'X-Other': 'kept',
  },
};

test('31 another origin gets no Authorization, Cookie or Host of the first', async (t) => {
  const { first, second, url } = await follow(t, SECRETS, true);
  assert.equal(first.headers.get('authorization'), 'Basic YTpi');
  assert.equal(first.headers.get('host'), 'virtual.example');
  for (const name of ['authorization', 'cookie', 'proxy-authorization']) {
    assert.equal(second.headers.has(name), false, name);
  }
  assert.equal(second.headers.get('host'), new URL(url).host);
  assert.equal(second.headers.get('x-other'), 'kept');
});

test('31 the same origin gets them again', async (t) => {
  const { second } = await follow(t, SECRETS, false);
  assert.equal(second.headers.get('authorization'), 'Basic YTpi');
  assert.equal(second.headers.get('cookie'), 'a=b');
  assert.equal(second.headers.get('host'), 'virtual.example');
});

for (const [name, options, url] of [
  ['auth', { auth: { token: 'abc' } }, undefined],
  ['the user information of the URL', {}, ({ port }: RawListener) => `ws://a:b@127.0.0.1:${port}/`],
] as const) {
  test(`31 ${name} is for the first origin alone`, async (t) => {
    const same = await follow(t, options, false, url);
    assert.ok(same.first.headers.has('authorization'));
    assert.equal(same.second.headers.get('authorization'), same.first.headers.get('authorization'));
    const other = await follow(t, options, true, url);
    assert.ok(other.first.headers.has('authorization'));
    assert.equal(other.second.headers.has('authorization'), false);
  });
}

test('31 a loop ends after maxRedirects', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { maxRedirects: 3 });
  connecting.catch(() => {});
  for (let count = 0; count < 4; count++) await redirect(listener, listener.url);
  const error = await rejection(connecting);
  assert.equal(error.code, 'ERR_WS_REDIRECT');
  assert.equal(error.status, 302);
  assert.match(error.message, /3 were followed/u);
  assert.equal(await listener.size, 4);
});

const REFUSED: readonly (readonly [string, string, string])[] = [
  ['wss: to ws:', 'wss://a.example/', 'ws://a.example/'],
  ['wss: to http:', 'wss://a.example/', 'http://a.example/'],
  ['another scheme', 'ws://a.example/', 'ftp://b.example/'],
  ['a unix socket', 'ws://a.example/', 'ws+unix:/run/docker.sock:/'],
  ['no URL', 'ws://a.example/', 'http://['],
  ['port 0', 'ws://a.example/', 'ws://b.example:0/'],
];

function redirected(from: string, location: string | undefined, status = 302): unknown {
  const headers = new Map(location === undefined ? [] : [['location', location]]);
  return redirectOf({ status, reason: '', headers, cookies: [] }, parseUrl(from));
}

for (const [name, from, location] of REFUSED) {
  test(`31 a redirect from ${name} is not followed`, () => {
    const error = redirected(from, location) as HandshakeError;
    assert.equal(error.code, 'ERR_WS_REDIRECT');
    assert.equal(error.status, 302);
    assert.equal(error.headers?.get('location'), location);
  });
}

const FOLLOWED: readonly (readonly [string, string, string])[] = [
  ['ws://a.example/x/y?z', 'w', 'ws://a.example/x/w'],
  ['ws://a.example/x', '?q', 'ws://a.example/x?q'],
  ['ws://a.example/x', '//b.example/y', 'ws://b.example/y'],
  ['ws://a.example/x', 'https://a.example/x', 'wss://a.example/x'],
  ['ws://a.example/x', 'wss://a.example:1/x#part', 'wss://a.example:1/x'],
  ['wss://a.example/x', '/y', 'wss://a.example/y'],
];

for (const [from, location, expected] of FOLLOWED) {
  test(`RFC 9110 §10.2.2: ${location} from ${from} leads to ${expected}`, () => {
    const to = redirected(from, location) as { readonly url: string };
    assert.equal(to.url, expected);
  });
}

test('RFC 9110 §15.4: no redirect without a Location, nor for 300, 304 and 200', () => {
  assert.equal(redirected('ws://a.example/', undefined), undefined);
  for (const status of [200, 300, 304, 305, 400]) {
    assert.equal(redirected('ws://a.example/', '/x', status), undefined);
  }
});

test('a unix socket that was dialled goes on to be, for its own origin', () => {
  const headers = new Map([['location', '/next']]);
  const from = parseUrl('ws://a.example/', '/run/app.sock');
  const to = redirectOf({ status: 302, reason: '', headers, cookies: [] }, from);
  assert.equal((to as { socketPath?: string }).socketPath, '/run/app.sock');
});

for (const [name, options] of [
  ['a negative number', { maxRedirects: -1 }],
  ['no number', { maxRedirects: Number.NaN }],
] as const) {
  test(`maxRedirects: ${name} is a mistake`, async () => {
    await assert.rejects(connect('ws://a.example/', options), {
      code: 'ERR_WS_INVALID_ARGUMENT',
    });
  });
}

test('31 another origin is not shown the certificate of the client', async (t) => {
  const certificate = selfSigned();
  const server = new WebSocketServer();
  const { port } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    tls: { ...certificate, requestCert: true, rejectUnauthorized: false },
  });
  t.after(() => server.close({ timeout: 50 }));
  const listener = await RawListener.start(t);
  const secureContext = tls.createSecureContext({ ...certificate, ca: certificate.cert });
  const connecting = connect(listener.url, {
    maxRedirects: 1,
    tls: { ...certificate, secureContext, ca: certificate.cert },
  });
  void redirect(listener, `wss://127.0.0.1:${port}/`);
  const connection = await within(connecting, 'connect');
  const [far] = server.connections;
  const shown = (far!.transport as tls.TLSSocket).getPeerCertificate();
  assert.deepEqual(Object.keys(shown), []);
  await connection.close(1000);
});

test('31 what TLS must not be is forbidden to another origin as well', async (t) => {
  const certificate = selfSigned();
  const server = new WebSocketServer();
  const { port } = await server.listen({
    port: 0,
    host: '127.0.0.1',
    tls: { ...certificate, maxVersion: 'TLSv1.2' },
  });
  t.after(() => server.close({ timeout: 50 }));
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, {
    maxRedirects: 1,
    tls: { ca: certificate.cert, secureOptions: constants.SSL_OP_NO_TLSv1_2 },
  });
  connecting.catch(() => {});
  await redirect(listener, `wss://127.0.0.1:${port}/`);
  const error = await rejection(connecting);
  assert.equal(error.code, 'ERR_WS_NETWORK');
  assert.match(error.message, /protocol version/u);
});

/** What a redirect leaves of the options of TLS. */
function tlsAfter(to: string, options: tls.ConnectionOptions): tls.ConnectionOptions {
  const plan = resolvePlan({ tls: options });
  const from = { destination: parseUrl('wss://a.example/'), headers: [], authorization: undefined };
  return nextVisit(parseUrl(to), { ...from, dialling: plan.dialling }).dialling.tls;
}

test('31 of TLS another origin gets what restricts, and nothing that identifies', () => {
  const restricting: tls.ConnectionOptions = {
    ALPNProtocols: ['http/1.1'],
    ca: 'ca',
    checkServerIdentity: () => undefined,
    ciphers: 'x',
    crl: 'x',
    ecdhCurve: 'x',
    honorCipherOrder: true,
    maxVersion: 'TLSv1.3',
    minDHSize: 2048,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    secureOptions: 1,
    secureProtocol: 'x',
    sigalgs: 'x',
  };
  const identifying: tls.ConnectionOptions = {
    cert: 'x',
    clientCertEngine: 'x',
    key: 'x',
    passphrase: 'x',
    pfx: 'x',
    privateKeyEngine: 'x',
    privateKeyIdentifier: 'x',
    pskCallback: () => null,
    secureContext: tls.createSecureContext(),
    servername: 'a.example',
    session: Buffer.alloc(1),
    sessionIdContext: 'x',
    ticketKeys: Buffer.alloc(48),
  };
  const options = { ...restricting, ...identifying };
  assert.deepEqual(tlsAfter('wss://b.example/', options), restricting);
  assert.deepEqual(tlsAfter('wss://a.example/other', options), options);
});

test('31 a Location does not say who the client is', async (t) => {
  const { second } = await follow(t, { auth: { token: 'mine' } }, false);
  assert.equal(second.headers.get('authorization'), 'Bearer mine');
  const to = redirected('ws://a.example/', 'ws://evil:creds@a.example/x') as Destination;
  assert.equal(to.credentials, undefined);
  const error = redirected('ws://a.example/', 'ftp://user:secret@b.example/') as HandshakeError;
  assert.doesNotMatch(error.message, /secret/u);
});
