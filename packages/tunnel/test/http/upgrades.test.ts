import assert from 'node:assert/strict';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { connect, HandshakeError, WebSocketServer } from 'framewire';
import { turns, within } from '@framewire/test-support/waiting';
import { RawTarget } from './raw.ts';
import { begin, call, gateway } from './serving.ts';

const UPGRADE =
  'GET /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo/1\r\nX-Y: 1\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Go on\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\nX-Z: 1\r\n\r\n';

/** An upgrade whose head the target has read. */
async function beginUpgrade(t: TestContext) {
  const begun = await begin(t, UPGRADE);
  await begun.asked.readHead();
  return begun;
}

async function upgraded(t: TestContext) {
  const begun = await beginUpgrade(t);
  begun.asked.send(SWITCHED);
  await begun.caller.readHead();
  return begun;
}

test('RFC 9110 §7.8 an upgrade passes as it is, and so do the octets that came with the heads', async (t) => {
  const { front, caller, asked } = await begin(t, UPGRADE + 'early');
  assert.equal(
    await asked.readHead(),
    'GET /x HTTP/1.1\r\nHost: a\r\nX-Y: 1\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n',
  );
  await turns(5);
  assert.equal(asked.unread, '');
  asked.send(SWITCHED, 'also');
  assert.equal(
    await caller.readHead(),
    'HTTP/1.1 101 Go on\r\nX-Z: 1\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n',
  );
  await asked.readTo('early');
  await caller.readTo('also');
  caller.send('ping');
  await asked.readTo('ping');
  asked.send('pong').socket.end();
  await caller.readTo('pong');
  caller.socket.end();
  const { status, error, requestOctets, answerOctets } = await front.outcome();
  assert.deepEqual([status, error, requestOctets, answerOctets], [101, undefined, 9, 8]);
});

test('an end of one side is no end of the other', async (t) => {
  for (const first of ['caller', 'asked'] as const) {
    const sides = await upgraded(t);
    const one = sides[first];
    const other = first === 'caller' ? sides.asked : sides.caller;
    one.send('last').socket.end();
    assert.deepEqual(await other.readRest(), { text: 'last', fate: 'end' });
    for (let index = 0; index < 3; index++) {
      other.send(`more${index}`);
      await one.readTo(`more${index}`);
    }
    other.socket.end();
    assert.equal((await one.readRest()).fate, 'end');
    assert.equal((await sides.front.outcome()).error, undefined);
  }
});

test('a reset of one side is a reset of the other', async (t) => {
  for (const first of ['caller', 'asked'] as const) {
    const sides = await upgraded(t);
    const other = first === 'caller' ? sides.asked : sides.caller;
    sides[first].reset();
    assert.equal(await other.closed(), 'reset');
    assert.equal((await sides.front.outcome()).error?.code, 'ERR_TUNNEL_ABORTED');
  }
});

for (const [kind, field, content] of [
  ['a length', 'Content-Length: 2\r\n', 'no'],
  ['chunks', 'Transfer-Encoding: chunked\r\n', '2\r\nno\r\n0\r\n\r\n'],
] as const) {
  test(`a refused upgrade passes with its content, of ${kind}`, async (t) => {
    const { front, caller, asked } = await beginUpgrade(t);
    asked.send(`HTTP/1.1 426 Newer\r\nUpgrade: echo/2\r\nX-Y: 1\r\n${field}\r\n${content}`);
    const { text, fate } = await caller.readRest();
    assert.equal(fate, 'end');
    assert.match(text, /^HTTP\/1.1 426 Newer\r\nX-Y: 1\r\n/);
    assert.match(text, /\r\nUpgrade: echo\/2\r\n/);
    assert.match(text, /\r\nConnection: close\r\n/);
    assert.ok(text.endsWith(`\r\n\r\n${content}`), text);
    const { status, error, answerOctets } = await front.outcome();
    assert.deepEqual([status, error, answerOctets], [426, undefined, 2]);
  });

  test(`the content of a refused upgrade that is broken off, of ${kind}, does not look complete`, async (t) => {
    const { front, caller, asked } = await beginUpgrade(t);
    asked.send(`HTTP/1.1 400 X\r\n${field}\r\n${content.slice(0, kind === 'chunks' ? 7 : 1)}`);
    await caller.readTo('n');
    asked.reset();
    assert.equal(await caller.closed(), 'reset');
    assert.doesNotMatch(caller.unread, /0\r\n\r\n/);
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_ABORTED');
  });
}

test('an upgrade that the target breaks off is a 502', async (t) => {
  const { front, caller, asked } = await beginUpgrade(t);
  asked.reset();
  const { text, fate } = await caller.readRest();
  assert.match(text, /^HTTP\/1.1 502 Bad Gateway\r\n.*\r\nConnection: close\r\n/s);
  assert.equal(fate, 'end');
  assert.equal((await front.outcome()).status, 502);
});

test('a caller that leaves before the 101 takes the request to the target with it', async (t) => {
  const { front, caller, asked } = await beginUpgrade(t);
  caller.reset();
  await asked.readRest();
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CALLER_GONE');
});

test('RFC 9112 §9.6 a caller that ends before the 101 has left, too', async (t) => {
  const { front, caller, asked } = await beginUpgrade(t);
  caller.socket.end();
  await asked.readRest();
  assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_CALLER_GONE');
});

test('what a caller sends before the 101 waits for it', async (t) => {
  const { front, caller, asked } = await begin(t, UPGRADE + 'one');
  await asked.readHead();
  caller.send('two');
  await turns(20);
  assert.equal(asked.unread, '');
  asked.send(SWITCHED);
  await caller.readHead();
  await asked.readTo('onetwo');
  caller.send('three').socket.end();
  assert.deepEqual(await asked.readRest(), { text: 'three', fate: 'end' });
  asked.send('last').socket.end();
  assert.deepEqual(await caller.readRest(), { text: 'last', fate: 'end' });
  assert.equal((await front.outcome()).error, undefined);
});

test('a caller that ends while its refusal comes gets all of it', async (t) => {
  const { front, caller, asked } = await beginUpgrade(t);
  asked.send('HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nno');
  await caller.readTo('no');
  caller.socket.end();
  await turns(20);
  asked.send('pe');
  assert.deepEqual(await caller.readRest(), { text: 'pe', fate: 'end' });
  assert.equal((await front.outcome()).error, undefined);
});

test('RFC 9112 §11.2 an upgrade with content is refused', async (t) => {
  const raw = await RawTarget.start(t);
  const caller = await call(t, await gateway(t, raw.port));
  caller.send(UPGRADE.replace('X-Y: 1', 'Content-Length: 5'), 'GET /');
  assert.match((await caller.readRest()).text, /^HTTP\/1.1 400 /);
  assert.equal(raw.count, 0);
});

test('a 101 that nobody asked for is a 502', async (t) => {
  const { caller, asked } = await begin(t, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await asked.readHead();
  asked.send(SWITCHED);
  assert.match(await caller.readHead(), /^HTTP\/1.1 502 /);
});

async function webSockets(
  t: TestContext,
  options: ConstructorParameters<typeof WebSocketServer>[0],
) {
  const server = new WebSocketServer(options);
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  return gateway(t, port);
}

test('RFC 6455: a WebSocket passes, with permessage-deflate, subprotocol and close codes', async (t) => {
  let told: ((code: number | undefined) => void) | undefined;
  const code = new Promise<number | undefined>((resolve) => (told = resolve));
  const front = await webSockets(t, {
    protocols: ['b', 'a'],
    perMessageDeflate: true,
    handler: {
      message: (connection, data) => void connection.send(data),
      closed: (_, info) => told?.(info.received?.code),
    },
  });
  const connection = await connect(`ws://127.0.0.1:${front.port}/chat?x=1`, {
    protocols: ['a'],
    perMessageDeflate: true,
  });
  assert.equal(connection.protocol, 'a');
  assert.notEqual(connection.perMessageDeflate, undefined);
  const long = 'framewire '.repeat(50_000);
  for (const text of ['', 'hello', long]) {
    await connection.send(text);
    const { value } = await connection[Symbol.asyncIterator]().next();
    assert.equal(value, text);
  }
  await connection.close(4321, 'enough');
  const { status, error, requestOctets } = await front.outcome();
  assert.equal(await within(code, 'the close code'), 4321);
  assert.equal(status, 101);
  assert.equal(error, undefined);
  assert.ok(requestOctets < long.length / 10, `${requestOctets} octets`);
});

test('RFC 6455 §4.2.2 the refusal of a WebSocket passes with its content', async (t) => {
  const front = await webSockets(t, {
    authorize: () => ({
      accept: false,
      status: 403,
      headers: { 'X-Why': 'because' },
      body: 'not you',
    }),
  });
  const failing = connect(`ws://127.0.0.1:${front.port}/`);
  await assert.rejects(failing, (error) => {
    assert.ok(HandshakeError.isInstance(error));
    assert.equal(error.status, 403);
    assert.equal(Buffer.from(error.body ?? []).toString(), 'not you');
    return true;
  });
});

test('an upgrade passes through a stream that is no socket', async (t) => {
  const { memoryPair } = await import('framewire/testing');
  const raw = await RawTarget.start(t);
  const [near, far] = memoryPair();
  const toTarget = net.connect({ port: raw.port, host: '127.0.0.1' });
  t.after(() => toTarget.destroy());
  far.pipe(toTarget).pipe(far);
  const front = await gateway(t, raw.port, { open: () => near });
  const caller = await call(t, front);
  caller.send(UPGRADE);
  const asked = await raw.next();
  await asked.readHead();
  asked.send(SWITCHED);
  await caller.readHead();
  caller.send('ping').socket.end();
  assert.deepEqual(await asked.readRest(), { text: 'ping', fate: 'end' });
});

for (const [what, fields] of [
  ['says nothing of a protocol', ''],
  ['was not asked for', 'Connection: Upgrade\r\nUpgrade: echo/2\r\n'],
  ['is one too many', 'Connection: Upgrade\r\nUpgrade: echo/1, other\r\n'],
] as const) {
  test(`RFC 9110 §7.8 a switch that ${what} is a 502`, async (t) => {
    const { front, caller, asked } = await beginUpgrade(t);
    asked.send(`HTTP/1.1 101 Go on\r\n${fields}\r\n`);
    assert.match(await caller.readHead(), /^HTTP\/1.1 502 /);
    assert.equal((await front.outcome()).error?.code, 'ERR_TUNNEL_BAD_RESPONSE');
    await asked.readRest();
  });
}

test('RFC 9110 §7.8 the names of protocols are the same in any case', async (t) => {
  const { caller, asked } = await beginUpgrade(t);
  asked.send(SWITCHED.replace('echo/1', 'ECHO/1'));
  assert.match(await caller.readHead(), /^HTTP\/1.1 101 /);
});

test('RFC 9110 §5.5 octets beyond ASCII pass in the fields of a refusal', async (t) => {
  const { caller, asked } = await beginUpgrade(t);
  asked.send('HTTP/1.1 403 No\r\nX-Name: \xc3\xa9\r\nContent-Length: 0\r\n\r\n');
  assert.match(await caller.readHead(), /\r\nX-Name: \xc3\xa9\r\n/);
});
