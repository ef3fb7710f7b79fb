import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { reconnecting, type Connection, type Message, type ReconnectingOptions } from 'framewire';
import { run } from '../connection/child.ts';
import { RawListener } from '../connection/opening.ts';
import { turns, within } from '../connection/raw-peer.ts';
import { client, counting, refusing } from './reconnecting-client.ts';

test('§7.2.3 for await gets one connection after another, however each ends', async (t) => {
  const server = await counting(t, (connection, number) => {
    if (number === 1) void connection.close(1001);
    if (number === 2) setImmediate(() => connection.terminate());
    if (number === 3) void connection.close(1000);
  });
  const { connections, ends } = client(server.url);
  const messages: Message[] = [];
  await within(
    (async () => {
      for await (const connection of connections) {
        for await (const message of connection) messages.push(message);
      }
    })(),
    'the loop',
  );
  assert.deepEqual(messages, ['number 1', 'number 2', 'number 3']);
  assert.deepEqual(
    ends.all.map(({ phase, info, isFinal }) => [phase, info?.code, isFinal]),
    [
      ['open', 1001, false],
      ['open', 1006, false],
      ['open', 1000, true],
    ],
  );
});

test('§7.2.3 a handler gets the messages, and an empty loop waits for each end', async (t) => {
  const server = await counting(t, (connection, number) => void connection.close(1003 - number));
  const messages: Message[] = [];
  let loops = 0;
  const { connections } = client(server.url, {
    isFinal: ({ info }) => info?.code === 1001,
    handler: { message: (_connection, message) => void messages.push(message) },
  });
  await within(
    (async () => {
      for await (const connection of connections) {
        loops++;
        assert.equal(connection.role, 'client');
      }
    })(),
    'the loop',
  );
  assert.deepEqual(messages, ['number 1', 'number 2']);
  assert.equal(loops, 2);
});

test('the next connection is not made while the one before is open', async (t) => {
  const server = await counting(t);
  const { connections, next, ends } = client(server.url);
  await next();
  const second = connections.next();
  await turns(50);
  assert.equal(server.count, 1);
  assert.deepEqual(ends.all, []);
  server.last().terminate();
  assert.equal((await within(second, 'the second')).done, false);
  assert.equal(server.count, 2);
  await connections.return?.();
});

test('nothing is dialled before the first connection is asked for', async (t) => {
  const server = await counting(t);
  const { connections } = client(server.url);
  await turns(50);
  assert.equal(server.count, 0);
  assert.deepEqual(await connections.return?.(), { value: undefined, done: true });
  assert.deepEqual(await connections.next(), { value: undefined, done: true });
  assert.equal(server.count, 0);
});

test('receive gives undefined after an unclean end too, once all was read', async (t) => {
  const server = await counting(t, (connection) => setImmediate(() => connection.terminate()));
  const { connections, next } = client(server.url);
  const connection = await next();
  assert.equal((await within(connection.closed, 'the end')).wasClean, false);
  assert.equal(await connection.receive(), 'number 1');
  assert.equal(await connection.receive(), undefined);
  await assert.rejects(connection.send('late'), { code: 'ERR_WS_CLOSED' });
  await connections.return?.();
});

test('a message that was cut off is an error all the same, as are streams of octets', async (t) => {
  const listener = await RawListener.start(t);
  const { connections, next, clock } = client(listener.url);
  const parts = next();
  const first = await listener.next();
  await first.openAsServer({}, first.frame(0x01, 'begun'));
  const streams = (await parts).messages();
  const { value: stream } = await streams.next();
  first.reset();
  await assert.rejects(
    async () => {
      for await (const part of stream ?? []) assert.equal(part, 'begun');
    },
    { code: 'ERR_WS_CLOSED' },
  );
  assert.deepEqual(await streams.next(), { value: undefined, done: true });
  for (const read of [
    async (connection: Connection) => {
      for await (const _octets of connection.toDuplex());
    },
    async (connection: Connection) => {
      for await (const _message of connection.toWebStreams().readable);
    },
  ]) {
    const connecting = next();
    const peer = await listener.next();
    await peer.openAsServer({}, peer.frame(0x82, 'whole'));
    const reading = read(await connecting);
    peer.reset();
    await assert.rejects(within(reading, 'the reader'), { code: 'ERR_WS_CLOSED' });
  }
  await connections.return?.();
  assert.equal(clock.pending, 0);
});

for (const how of ['break', 'return', 'throw'] as const) {
  test(`§7.1.2 leaving the loop closes with 1000 and stops: ${how}`, async (t) => {
    const server = await counting(t);
    const { connections, clock, ends } = client(server.url);
    let opened: Connection | undefined;
    const left = async (): Promise<string | undefined> => {
      for await (const connection of connections) {
        opened = connection;
        assert.equal(await connection.receive(), 'number 1');
        if (how === 'return') return 'returned';
        if (how === 'throw') throw new Error('thrown');
        break;
      }
      return undefined;
    };
    if (how === 'throw') await assert.rejects(within(left(), how), { message: 'thrown' });
    else assert.equal(await within(left(), how), how === 'return' ? 'returned' : undefined);
    assert.equal(opened?.readyState, 'closed');
    assert.equal((await within(server.last().closed, 'the close')).received?.code, 1000);
    assert.equal(clock.pending, 0);
    assert.deepEqual(ends.all, []);
    assert.deepEqual(await connections.next(), { value: undefined, done: true });
    assert.equal(server.count, 1);
  });
}

test('return ends a wait for the next connection, which is done then', async (t) => {
  const { url } = await refusing(t, [503]);
  const { connections, clock, ends } = client(url, { patient: true });
  const end = ends.next();
  const waiting = connections.next();
  await end;
  assert.deepEqual(await connections.return?.(), { value: undefined, done: true });
  assert.deepEqual(await waiting, { value: undefined, done: true });
  assert.equal(clock.pending, 0);
});

test('return closes the connection whose end is waited for', async (t) => {
  const server = await counting(t);
  const { connections, next } = client(server.url);
  await next();
  const waiting = connections.next();
  await within(connections.return!(), 'return');
  assert.deepEqual(await waiting, { value: undefined, done: true });
  assert.equal((await server.last().closed).received?.code, 1000);
});

test('however long it goes on, listeners do not pile up', async (t) => {
  const signals = new Set<EventTarget>();
  const { addEventListener } = EventTarget.prototype;
  t.mock.method(
    EventTarget.prototype,
    'addEventListener',
    function (this: EventTarget, ...given: Parameters<typeof addEventListener>) {
      if (this instanceof AbortSignal) signals.add(this);
      addEventListener.apply(this, given);
    },
  );
  const listeners = (): number[] =>
    [...signals]
      .map((signal) => getEventListeners(signal, 'abort').length)
      .filter((count) => count > 0);
  const server = await counting(t, (connection, number) => {
    if (number < 5) setImmediate(() => connection.terminate());
  });
  const { connections, next } = client(server.url, { signal: new AbortController().signal });
  for (let count = 1; count < 5; count++) await next();
  assert.equal(await (await next()).receive(), 'number 5');
  // The caller's signal, and the one that closes what is open.
  assert.deepEqual(listeners(), [1, 1]);
  await connections.return?.();
  assert.deepEqual(listeners(), []);
});

for (const name of ['minDelay', 'maxDelay', 'stableTime', 'maxAttempts']) {
  test(`${name} must be a number above 0, and the error names it at once`, () => {
    for (const value of [0, -1, NaN, '1']) {
      assert.throws(() => reconnecting('ws://127.0.0.1/', { [name]: value }), {
        name: 'RangeError',
        code: 'ERR_WS_INVALID_ARGUMENT',
        message: new RegExp(name, 'u'),
      });
    }
  });
}

test('a transport cannot be given: it would serve one connection only', () => {
  const options = { transport: {} } as ReconnectingOptions;
  assert.throws(() => reconnecting('ws://127.0.0.1/', options), {
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
});

test('§7.2.3 the delay keeps the process alive, on the clock of the system', async () => {
  const { code, stdout, stderr } = await run(`
    import { reconnecting } from ${JSON.stringify(import.meta.resolve('framewire'))};
    const server = new WebSocketServer({
      handler: { open: (connection) => connection.terminate(), message() {} },
    });
    const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
    let ends = 0;
    const onEnd = ({ delay }) => {
      ends++;
      console.log(ends, delay >= 20);
      // From here on nobody answers, and nothing but the delay is left.
      void server.close();
    };
    try {
      for await (const connection of reconnecting(url, { minDelay: 20, maxAttempts: 3, onEnd }));
    } catch (error) {
      console.log(error.code);
    }
  `);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '1 true\n2 true\n3 false\nERR_WS_NETWORK\n');
});
