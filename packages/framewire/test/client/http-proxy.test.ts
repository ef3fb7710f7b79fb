import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { openThroughProxy } from '#src/client/tunnel.js';
import { ManualClock, memoryPair } from 'framewire/testing';
import type { HandshakeError } from 'framewire';
import { turns, within } from '../connection/raw-peer.ts';
import {
  approach,
  buffered,
  listenersOf,
  proxyOf,
  rejection,
  TARGET,
  type Approach,
} from './proxies.ts';

const PROXY = 'http://user:secret@proxy.example:3128';

/** Nothing is left behind but a stream that somebody may destroy. */
function assertGivenBack({ near, controller, clock, listenersBefore }: Approach): void {
  assert.deepEqual(listenersOf(near), listenersBefore);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  assert.equal(clock.pending, 0);
}

async function refuse(
  answer: (attempt: Approach) => Promise<void> | void,
): Promise<HandshakeError> {
  const attempt = approach(PROXY);
  await attempt.peer.readHead();
  await answer(attempt);
  const error = await rejection(attempt.opening);
  assert.equal(error.name, 'HandshakeError');
  assert.equal(error.code, 'ERR_WS_PROXY');
  assert.equal(error.section, 'RFC 9110 §9.3.6');
  assert.equal(error.proxy, 'http://proxy.example:3128');
  assert.doesNotMatch(error.message, /secret/u);
  assertGivenBack(attempt);
  attempt.near.destroy();
  return error;
}

function text(error: HandshakeError): string {
  return Buffer.from(error.body ?? []).toString();
}

/** The request as it was written. */
async function requested(...parameters: Parameters<typeof approach>): Promise<string> {
  const { peer, opening, near } = approach(...parameters);
  await turns(3);
  peer.send('HTTP/1.1 200 OK\r\n\r\n');
  await within(opening, 'the tunnel');
  near.end();
  return Buffer.from(await peer.readRest()).toString('latin1');
}

test('§9.3.6 a CONNECT names host and port twice, and says nothing else', async () => {
  assert.equal(
    await requested('http://proxy.example'),
    'CONNECT target.example:443 HTTP/1.1\r\nHost: target.example:443\r\n\r\n',
  );
});

test('RFC 9112 §3.2.3 an IPv6 address is in brackets, a default port is named', async () => {
  assert.equal(
    await requested('http://proxy.example', { hostname: '2001:db8::1', port: 80 }),
    'CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n',
  );
});

test('RFC 7617 §2.1 the user information authenticates, in UTF-8', async () => {
  const request = await requested('http://us%C3%A9r:p%3A%E2%82%AC@proxy.example');
  const pair = Buffer.from('usér:p:€').toString('base64');
  assert.ok(request.endsWith(`\r\nProxy-Authorization: Basic ${pair}\r\n\r\n`), request);
});

test('RFC 9110 §11.7.2 headers are sent, a Proxy-Authorization instead of the user information', async () => {
  const headers = { 'X-Trace': '1', 'Proxy-Authorization': 'Bearer x' };
  const request = await requested({ url: PROXY, headers });
  assert.ok(request.endsWith('\r\nX-Trace: 1\r\nProxy-Authorization: Bearer x\r\n\r\n'), request);
  assert.doesNotMatch(request, /Basic/u);
});

for (const head of [
  'HTTP/1.1 200 Connection established\r\n\r\n',
  'HTTP/1.0 200 OK\r\nVia: 1.0 x\r\n\r\n',
  'HTTP/1.1 204\r\n\r\n',
  'HTTP/1.1 299 Why not\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
]) {
  test(`§9.3.6 the tunnel begins right behind ${JSON.stringify(head)}`, async () => {
    const attempt = approach(PROXY);
    attempt.peer.send(head, 'of the target');
    await within(attempt.opening, 'the tunnel');
    assertGivenBack(attempt);
    assert.equal(attempt.near.destroyed, false);
    assert.equal(buffered(attempt.near), 'of the target');
  });
}

test('§9.3.6 an answer that is dribbled is the same', async () => {
  const attempt = approach(PROXY);
  const answer = 'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\nof the target';
  for (const octet of answer) {
    attempt.peer.send(octet);
    await turns(2);
  }
  await within(attempt.opening, 'the tunnel');
  assertGivenBack(attempt);
  assert.equal(buffered(attempt.near), 'of the target');
});

test('RFC 9110 §15.2 ten informational answers are stepped over', async () => {
  const attempt = approach(PROXY);
  attempt.peer.send('HTTP/1.1 100 Continue\r\n\r\n'.repeat(10), 'HTTP/1.1 200 OK\r\n\r\n');
  await within(attempt.opening, 'the tunnel');
  assertGivenBack(attempt);
});

test('36 a flood of informational answers is read no further than ten', async () => {
  const error = await refuse(async ({ peer }) => {
    for (let count = 0; count < 1000 && !peer.isClosed; count++) {
      peer.send('HTTP/1.1 102 Processing\r\n\r\n');
      if (count % 100 === 0) await turns(1);
    }
  });
  assert.match(error.message, /more than 10 of 1xx/u);
});

for (const [status, reason] of [
  [407, 'Proxy Authentication Required'],
  [502, 'Bad Gateway'],
  [301, 'Moved Permanently'],
  [403, ''],
  [999, 'Nobody knows'],
] as const) {
  test(`36 the proxy answers ${status}: status, headers and body are told`, async () => {
    const error = await refuse(({ peer }) => {
      peer.send(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 5\r\nVia: 1.1 x\r\n\r\nsorry`);
    });
    assert.equal(error.status, status);
    assert.equal(error.headers?.get('via'), '1.1 x');
    assert.equal(text(error), 'sorry');
    assert.match(
      error.message,
      new RegExp(`did not open a tunnel: ${status} ?"?${reason}.*sorry`, 'u'),
    );
  });
}

test('36 of a long body the first 4096 octets are kept', async () => {
  const error = await refuse(({ peer }) => {
    peer.send('HTTP/1.1 502 Bad Gateway\r\n\r\n', 'x'.repeat(100_000));
  });
  assert.equal(error.body?.length, 4096);
});

test('36 a body that does not come is waited for a second, and its part is kept', async () => {
  const error = await refuse(async ({ peer, clock }) => {
    peer.send('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 10\r\n\r\npart');
    for (let count = 0; clock.pending === 0; count++) {
      assert.ok(count < 10_000);
      await turns(1);
    }
    await turns(5);
    clock.advance(1000);
  });
  assert.equal(text(error), 'part');
});

test('36 an abort within the body shortens it, for the proxy has refused already', async () => {
  const error = await refuse(async ({ peer, controller }) => {
    peer.send('HTTP/1.1 407 No\r\nContent-Length: 10\r\n\r\npart');
    await turns(10);
    controller.abort();
  });
  assert.equal(error.status, 407);
  assert.equal(text(error), 'part');
});

test('36 a 101 opens no tunnel', async () => {
  const error = await refuse(({ peer }) => {
    peer.send('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nwhatever');
  });
  assert.equal(error.status, 101);
  assert.equal(error.headers?.get('upgrade'), 'x');
});

const GARBAGE: readonly (readonly [string, string, string])[] = [
  ['a page without a head', '<!doctype html>\n<p>', 'ERR_WS_HEAD_MALFORMED'],
  ['SSH', 'SSH-2.0-x\r\n\r\n', 'ERR_WS_HEAD_MALFORMED'],
  ['another version', 'HTTP/2.0 200 OK\r\n\r\n', 'ERR_WS_HTTP_VERSION'],
  ['octets', '\u0015\u0003\u0003\r\u0002', 'ERR_WS_HEAD_MALFORMED'],
  ['a header that is none', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'ERR_WS_HEAD_MALFORMED'],
  ['one endless line', `HTTP/1.1 200 ${'x'.repeat(200_000)}`, 'ERR_WS_HEAD_TOO_LARGE'],
  ['fields without end', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(5000)}`, 'ERR_WS_HEAD_TOO_LARGE'],
];

for (const [name, answer, code] of GARBAGE) {
  test(`36 garbage instead of an answer: ${name}`, async () => {
    const error = await refuse(({ peer }) => void peer.send(answer));
    assert.equal((error.cause as HandshakeError).code, code);
    assert.equal(error.status, undefined);
  });
}

test('36 a head without end is read no further than its bound', async () => {
  const attempt = approach(PROXY);
  let sent = 0;
  attempt.peer.send('HTTP/1.1 200 OK\r\n');
  const failing = rejection(attempt.opening);
  let isOver = false;
  void failing.then(() => (isOver = true));
  for (; !isOver && sent < 1000; sent++) {
    attempt.peer.send(`X: ${'x'.repeat(1000)}\r\n`);
    await turns(2);
  }
  assert.equal((await failing).code, 'ERR_WS_PROXY');
  assert.ok(sent < 100, `${sent} kB were sent`);
});

test('36 a proxy that ends in the middle, or at once, is an error', async () => {
  for (const said of ['', 'HTTP/1.1 200 Conn', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100\r\n\r\n']) {
    const error = await refuse(({ peer }) => void peer.send(said).end());
    assert.match(error.message, /ended early/u);
  }
});

test('36 a proxy that fails in the middle is an error, with that of the network as its cause', async () => {
  const reset = new Error('read ECONNRESET');
  const error = await refuse(async ({ peer, near }) => {
    peer.send('HTTP/1.1 200 Conn');
    await turns(5);
    near.destroy(reset);
  });
  assert.equal(error.cause, reset);
  assert.match(error.message, /read ECONNRESET/u);
});

test('a stream that failed before is an error', async () => {
  const [near, far] = memoryPair();
  far.on('error', () => {});
  near.destroy();
  const { signal } = new AbortController();
  const error = await rejection(
    openThroughProxy(near, proxyOf(PROXY), TARGET, signal, new ManualClock()),
  );
  assert.equal(error.code, 'ERR_WS_PROXY');
});

test('an abort in the middle rejects with its reason, destroys nothing and leaves no listener', async () => {
  for (const said of ['', 'HTTP/1.1 2', 'HTTP/1.1 100 Continue\r\n\r\nHTT']) {
    const attempt = approach(PROXY);
    attempt.peer.send(said);
    await turns(5);
    const reason = { not: 'an error' };
    attempt.controller.abort(reason);
    assert.equal(await rejection(attempt.opening), reason);
    assertGivenBack(attempt);
    assert.equal(attempt.near.destroyed, false);
    attempt.near.destroy();
  }
});

test('a signal that is aborted already costs no word with the proxy', async () => {
  const [near] = memoryPair();
  const reason = new Error('no longer wanted');
  const opening = openThroughProxy(
    near,
    proxyOf(PROXY),
    TARGET,
    AbortSignal.abort(reason),
    new ManualClock(),
  );
  assert.equal(await rejection(opening), reason);
  assert.equal(near.writableLength, 0);
  assert.deepEqual(listenersOf(near), listenersOf(memoryPair()[0]));
});

test('case 18: a target that would break out of the request is a mistake of the caller', async () => {
  for (const [hostname, port] of [
    ['a\r\nX: y', 80],
    ['a b', 80],
    ['a:1', 80],
    ['user@a', 80],
    ['', 80],
    ['a', 0],
    ['a', 65_536],
    ['a', 1.5],
  ] as const) {
    const attempt = approach(PROXY, { hostname, port });
    const error: Error = await rejection(attempt.opening);
    assert.ok(error instanceof TypeError, hostname);
    assert.equal(Reflect.get(error, 'code'), 'ERR_WS_INVALID_ARGUMENT');
    assert.ok(attempt.peer.isDry);
    assertGivenBack(attempt);
  }
});
