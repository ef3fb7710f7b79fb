import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import type { ConnectionEnd } from 'framewire';
import { hex } from 'framewire/testing';
import { selfSigned } from '../connection/certificate.ts';
import { RawListener } from '../connection/opening.ts';
import { turns, within } from '../connection/raw-peer.ts';
import { client, counting, refusing } from './reconnecting-client.ts';

test('§7.2.3 each delay is waited for, longer and longer, and no less', async (t) => {
  const server = await refusing(t, [503], [500], [408], [403]);
  const { connections, clock, ends } = client(server.url, { patient: true });
  const outcome = assert.rejects(connections.next(), { code: 'ERR_WS_STATUS', status: 403 });
  const ranges = [
    [1_000, 2_000],
    [2_000, 4_000],
    [4_000, 8_000],
  ] as const;
  for (const [index, [least, most]] of ranges.entries()) {
    const { delay, failures, phase, error, info, openFor } = await ends.next();
    assert.ok(delay >= least && delay <= most, `${delay}`);
    assert.deepEqual([failures, phase, info, openFor], [index + 1, 'connecting', undefined, 0]);
    assert.equal(error?.name, 'HandshakeError');
    assert.equal(clock.pending, 1);
    clock.advance(delay - 1);
    await turns(20);
    assert.equal(server.requests, index + 1);
    clock.advance(1);
  }
  await within(outcome, 'the refusal that is final');
  assert.equal(clock.pending, 0);
});

test('§7.2.3 a stable connection lets the delays and the failures begin anew', async (t) => {
  const server = await counting(t);
  const { connections, next, clock, ends } = client(server.url, { stableTime: 5_000 });
  const told: (readonly [failures: number, isFirstRange: boolean, openFor: number])[] = [];
  await next();
  for (const stay of [0, 4_999, 5_000, 4_999]) {
    clock.advance(stay);
    const following = next();
    const end = ends.next();
    server.last().terminate();
    const { failures, delay, openFor } = await end;
    told.push([failures, delay <= 2_000, openFor]);
    await following;
  }
  assert.deepEqual(told, [
    [1, true, 0],
    [2, false, 4_999],
    [0, true, 5_000],
    [1, false, 4_999],
  ]);
  await connections.return?.();
});

test('maxAttempts: so many failures in a row, and the last error is thrown', async (t) => {
  const server = await refusing(t, [503], [502], [500]);
  const { connections, ends, clock } = client(server.url, { maxAttempts: 3 });
  await assert.rejects(within(connections.next(), 'the error'), { status: 500 });
  assert.deepEqual(
    ends.all.map(({ failures, isFinal, delay }) => [failures, isFinal, delay > 0]),
    [
      [1, false, true],
      [2, false, true],
      [3, true, false],
    ],
  );
  assert.equal(clock.pending, 0);
  assert.deepEqual(await connections.next(), { value: undefined, done: true });
});

test('maxAttempts: connections that do not last count, also when each ends cleanly', async (t) => {
  const server = await counting(t, (connection) => void connection.close(1001));
  const { next, done, ends } = client(server.url, { maxAttempts: 2 });
  await next();
  await next();
  await assert.rejects(done(), (error) => error === ends.all[1]?.error);
  assert.equal(ends.all[0]?.error, undefined);
  assert.equal(ends.all[1]?.error?.name, 'ConnectionClosedError');
});

test('maxAttempts does not make an error of an end that was meant', async (t) => {
  const server = await counting(t, (connection) => void connection.close(1000));
  const { next, done } = client(server.url, { maxAttempts: 1 });
  await next();
  await done();
});

test('RFC 9110 §10.2.3 a Retry-After is waited for when it is longer than the delay', async (t) => {
  const { url } = await refusing(
    t,
    [503, { 'retry-after': '120' }],
    [429, { 'retry-after': '1' }],
    [503, { 'retry-after': '86400' }],
    [404],
  );
  const { connections, ends } = client(url);
  await assert.rejects(within(connections.next(), 'the end'), { status: 404 });
  const [long, short, longest] = ends.all.map(({ delay }) => delay);
  assert.equal(long, 120_000);
  assert.ok(short !== undefined && short >= 2_000 && short <= 4_000, `${short}`);
  assert.equal(longest, 600_000);
});

test('a network that cannot be reached is tried again', async (t) => {
  const listener = await RawListener.start(t);
  const { url } = listener;
  listener.close();
  const { connections, ends } = client(url, { maxAttempts: 2 });
  await assert.rejects(within(connections.next(), 'the end'), { code: 'ERR_WS_NETWORK' });
  assert.equal(ends.all.length, 2);
});

test('§4.1 a handshake that takes too long is tried again', async (t) => {
  const listener = await RawListener.start(t);
  const { connections, clock, ends } = client(listener.url, { handshakeTimeout: 700 });
  const connecting = connections.next();
  const silent = await listener.next();
  await silent.readHead();
  const end = ends.next();
  clock.advance(700);
  const { error, isFinal } = await end;
  assert.deepEqual([error?.name, isFinal], ['TimeoutError', false]);
  await (await listener.next()).openAsServer();
  assert.equal((await within(connecting, 'the second')).done, false);
  const left = connections.return?.();
  clock.advance(10_000);
  await left;
});

for (const [what, refusal] of [
  ['a redirection', [301, { location: 'ws://127.0.0.1:1/' }]],
  ['no WebSocket there', [200]],
  ['a client that may not', [403]],
  ['a server that cannot', [501]],
] as const) {
  test(`RFC 9110 §15 what is refused for good throws: ${what}`, async (t) => {
    const server = await refusing(t, refusal);
    const { connections, ends } = client(server.url);
    await assert.rejects(within(connections.next(), 'the end'), { status: refusal[0] });
    assert.equal(server.requests, 1);
    assert.deepEqual(
      ends.all.map(({ isFinal, delay }) => [isFinal, delay]),
      [[true, 0]],
    );
  });
}

test('§4.1 an answer that breaks the protocol throws', async (t) => {
  const listener = await RawListener.start(t);
  const { connections } = client(listener.url);
  const outcome = assert.rejects(connections.next(), { code: 'ERR_WS_ACCEPT' });
  await (await listener.next()).openAsServer({ 'Sec-WebSocket-Accept': 'wrong' });
  await within(outcome, 'the end');
});

for (const [what, scheme, answers, socksReply] of [
  ['RFC 1929 §2 a password that a SOCKS proxy refuses', 'socks5', [hex`05 02`, hex`01 01`]],
  ['RFC 1928 §6 a target that the ruleset forbids', 'socks5', [hex`05 00`, hex`05 02`], 2],
  ['RFC 9110 §9.3.6 a proxy that speaks no HTTP', 'http', ['SSH-2.0-OpenSSH\r\n\r\n']],
] as const) {
  test(`${what} throws`, async (t) => {
    const listener = await RawListener.start(t);
    const proxy = `${scheme}://user:wrong@127.0.0.1:${listener.port}`;
    const { connections, ends } = client('ws://target.example/', { proxy });
    const outcome = assert.rejects(connections.next(), { code: 'ERR_WS_PROXY', socksReply });
    (await listener.next()).send(...answers);
    await within(outcome, 'the end');
    assert.equal(ends.all.length, 1);
  });
}

test('RFC 1928 §6 a target that a SOCKS proxy cannot reach is tried again', async (t) => {
  const listener = await RawListener.start(t);
  const proxy = `socks5://127.0.0.1:${listener.port}`;
  const { connections } = client('ws://target.example/', { proxy, maxAttempts: 2 });
  const outcome = assert.rejects(connections.next(), { code: 'ERR_WS_PROXY', socksReply: 5 });
  for (let attempt = 0; attempt < 2; attempt++) {
    (await listener.next()).send(hex`05 00`, hex`05 05`);
  }
  await within(outcome, 'the end');
});

test('a certificate that is not trusted throws, with its reason', async (t) => {
  const server = tls.createServer(selfSigned());
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { connections } = client(`wss://127.0.0.1:${port}/`);
  await assert.rejects(within(connections.next(), 'the end'), (error: Error) => {
    assert.equal((error.cause as { code?: string }).code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    return true;
  });
});

test('§3 a URL that cannot be dialled throws', async () => {
  await assert.rejects(client('mailto:x').connections.next(), { code: 'ERR_WS_INVALID_URL' });
});

for (const code of [1002, 1003, 1007, 1008, 1009]) {
  test(`§7.4.1 ${code} from the peer throws`, async (t) => {
    const server = await counting(t, (connection) => void connection.close(code, 'why'));
    const { next, done } = client(server.url);
    await next();
    await assert.rejects(done(), (error: Error & { info?: { code: number } }) => {
      assert.deepEqual([error.name, error.info?.code], ['ConnectionClosedError', code]);
      return true;
    });
    assert.equal(server.count, 1);
  });
}

test('§7.4.1 a violation by the peer throws', async (t) => {
  const listener = await RawListener.start(t);
  const { next, done } = client(listener.url);
  const connecting = next();
  const peer = await listener.next();
  await peer.openAsServer();
  await connecting;
  const outcome = assert.rejects(done(), { name: 'ConnectionClosedError' });
  peer.sendFrame(0x83);
  await peer.expectClose(1002);
  peer.end();
  await within(outcome, 'the end');
});

test("§7.1.2 this side's close ends the loop, with whatever code", async (t) => {
  const server = await counting(t);
  const { connections, ends } = client(server.url);
  for await (const connection of connections) {
    void connection.close(4000, 'enough');
  }
  assert.equal(server.count, 1);
  const { isFinal, error, info } = ends.all[0]!;
  assert.deepEqual([isFinal, error, info?.sent?.code], [true, undefined, 4000]);
});

test("§7.1.1 this side's close ends the loop also when the peer does not answer it", async (t) => {
  const listener = await RawListener.start(t);
  const { connections, next, clock, ends } = client(listener.url, { closeTimeout: 300 });
  const connecting = next();
  const peer = await listener.next();
  await peer.openAsServer();
  const connection = await connecting;
  const last = connections.next();
  void connection.close(1000);
  await peer.expectClose(1000);
  clock.advance(300);
  assert.equal((await within(last, 'the end')).done, true);
  assert.equal(ends.all[0]?.info?.wasClean, false);
});

test('terminate is followed by another connection', async (t) => {
  const server = await counting(t);
  const { connections, next, ends } = client(server.url);
  (await next()).terminate(new Error('stale'));
  assert.equal(await (await next()).receive(), 'number 2');
  assert.equal((ends.all[0]!.error!.cause as Error).message, 'stale');
  await connections.return?.();
});

test('a handler that throws fails its connection, and the next one is made', async (t) => {
  const server = await counting(t);
  let heard = 0;
  const { connections, next, ends } = client(server.url, {
    handler: {
      message() {
        heard++;
        if (heard === 1) throw new Error('of the handler');
      },
    },
  });
  await next();
  await next();
  assert.equal((ends.all[0]!.error!.cause as Error).message, 'of the handler');
  assert.equal(ends.all[0]?.info?.sent?.code, 1011);
  await connections.return?.();
});

test('isFinal decides instead: what would be tried again is the end', async (t) => {
  const server = await counting(t, (connection) => void connection.close(4001));
  const asked: ConnectionEnd[] = [];
  const { next, done, ends } = client(server.url, {
    isFinal(end) {
      asked.push(end);
      return end.info?.code === 4001 ? true : undefined;
    },
  });
  await next();
  await done();
  assert.deepEqual([asked[0]?.isFinal, asked[0]!.delay > 0], [false, true]);
  assert.deepEqual([ends.all[0]?.isFinal, ends.all[0]?.delay], [true, 0]);
});

test('isFinal decides instead: what would be the end is tried again', async (t) => {
  const server = await refusing(t, [404], [403]);
  const { connections, ends } = client(server.url, {
    isFinal: ({ error }) => (error?.message.includes('404') === true ? false : undefined),
  });
  await assert.rejects(within(connections.next(), 'the end'), { status: 403 });
  assert.deepEqual(
    ends.all.map(({ isFinal, delay }) => [isFinal, delay >= 1_000]),
    [
      [false, true],
      [true, false],
    ],
  );
});

for (const name of ['isFinal', 'onEnd'] as const) {
  test(`what ${name} throws ends the iteration`, async (t) => {
    const { url } = await refusing(t, [503]);
    const { connections, clock } = client(url, {
      [name]() {
        throw new Error(`of ${name}`);
      },
    });
    await assert.rejects(within(connections.next(), 'the end'), { message: `of ${name}` });
    assert.equal(clock.pending, 0);
  });
}
