/** Opening handshakes through an `http.Agent`. */
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { test } from 'node:test';
import { connect, WebSocketServer, type HandshakeError } from 'framewire';
import { selfSigned } from '../connection/certificate.ts';
import { openPair, RawListener } from '../connection/opening.ts';
import { within } from '../connection/raw-peer.ts';
import { rejection } from './proxies.ts';

test('an agent dials, and gives the socket away', async (t) => {
  const { url } = await openPair(t, { handler: { message: (near, m) => void near.send(m) } });
  const agent = new http.Agent({ keepAlive: true });
  let dialled = 0;
  agent.createConnection = (options: net.NetConnectOpts) => {
    dialled++;
    return net.connect(options);
  };
  const connection = await within(
    connect(url, {
      agent,
      headers: [
        ['X-A', '1'],
        ['X-A', '2'],
      ],
    }),
    'connect',
  );
  assert.equal(dialled, 1);
  assert.deepEqual(Object.keys(agent.sockets), []);
  void connection.send('hello');
  assert.equal(await within(connection.receive(), 'an echo'), 'hello');
  assert.equal((await connection.close(1000)).wasClean, true);
});

test('RFC 9110 §5.1 names have no case, and any token is one, also through an agent', async (t) => {
  const listener = await RawListener.start(t);
  const headers = [
    ['X-A', '1'],
    ['x-a', '2'],
    ['constructor', '3'],
    ['__proto__', '4'],
    ['Cookie', 'a=b'],
    ['cookie', 'c=d'],
  ] as const;
  const connecting = connect(listener.url, { agent: new http.Agent(), headers });
  const request = await (await listener.next()).openAsServer();
  (await within(connecting, 'connect')).terminate();
  assert.deepEqual(
    ['x-a', 'constructor', '__proto__', 'cookie'].map((name) => request.headers.get(name)),
    ['1, 2', '3', '4', 'a=b; c=d'],
  );
});

test('an agent of https: takes the options of TLS from the caller', async (t) => {
  const certificate = selfSigned();
  const server = new WebSocketServer();
  const { url } = await server.listen({ port: 0, host: '127.0.0.1', tls: certificate });
  t.after(() => server.close({ timeout: 50 }));
  const agent = new https.Agent();
  const connection = await connect(url, { agent, tls: { ca: certificate.cert } });
  await connection.close(1000);
  const error = await rejection(connect(url, { agent }));
  assert.equal(error.code, 'ERR_WS_NETWORK');
  assert.equal((error.cause as NodeJS.ErrnoException).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

test('32 frames right behind the 101 are not lost', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { agent: new http.Agent() });
  const peer = await listener.next();
  const request = await peer.openAsServer({ 'Set-Cookie': 'a=b' }, peer.frame(0x81, 'early'));
  assert.equal(request.headers.get('host'), `127.0.0.1:${listener.port}`);
  const connection = await within(connecting, 'connect');
  assert.equal(await within(connection.receive(), 'a message'), 'early');
  peer.sendText('later');
  assert.equal(await within(connection.receive(), 'a message'), 'later');
  connection.terminate();
});

test('26 a refusal has status, headers and body, in chunks too', async (t) => {
  const listener = await RawListener.start(t);
  for (const body of [
    'Content-Length: 5\r\n\r\nsorry',
    'Transfer-Encoding: chunked\r\n\r\n5\r\nsorry\r\n0\r\n\r\n',
  ]) {
    const connecting = connect(listener.url, { agent: new http.Agent() });
    const peer = await listener.next();
    await peer.readHead();
    peer.send(`HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n${body}`);
    const error: HandshakeError = await rejection(connecting);
    assert.equal(error.code, 'ERR_WS_STATUS');
    assert.equal(error.status, 503);
    assert.equal(error.headers?.get('retry-after'), '7');
    assert.equal(Buffer.from(error.body ?? []).toString(), 'sorry');
    await peer.ended();
  }
});

for (const [name, options] of [
  ['an Origin', { origin: 'a\r\nX: y' }],
  ['a header', { headers: { 'X-A': 'a\r\nX: y' } }],
] as const) {
  test(`case 18: ${name} that would break out of its line costs the agent nothing`, async () => {
    const agent = new http.Agent();
    agent.createConnection = () => assert.fail('it was asked to dial');
    await assert.rejects(connect('ws://127.0.0.1:1/', { agent, ...options }), {
      code: 'ERR_WS_INVALID_ARGUMENT',
    });
  });
}

test('27 an answer is judged as elsewhere', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { agent: new http.Agent() });
  const peer = await listener.next();
  await peer.openAsServer({ 'Sec-WebSocket-Accept': 'none' });
  assert.equal((await rejection(connecting)).code, 'ERR_WS_ACCEPT');
  await peer.ended();
});

test('a server that goes without an answer is an error of the network', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { agent: new http.Agent() });
  const peer = await listener.next();
  await peer.readHead();
  peer.reset();
  assert.equal((await rejection(connecting)).code, 'ERR_WS_NETWORK');
});

test('84 interim answers without end are refused', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { agent: new http.Agent() });
  connecting.catch(() => {});
  const peer = await listener.next();
  await peer.readHead();
  peer.send('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(11));
  assert.match((await rejection(connecting)).message, /more than 10 of 1xx/u);
  await peer.ended();
});

test('31 an agent is not asked for another origin', async (t) => {
  const listener = await RawListener.start(t);
  const connecting = connect(listener.url, { agent: new http.Agent(), maxRedirects: 3 });
  connecting.catch(() => {});
  const peer = await listener.next();
  await peer.readHead();
  peer.send('HTTP/1.1 302 Found\r\nLocation: ws://other.example/\r\nContent-Length: 0\r\n\r\n');
  const error = await rejection(connecting);
  assert.equal(error.code, 'ERR_WS_REDIRECT');
  assert.match(error.message, /agent/u);
});
