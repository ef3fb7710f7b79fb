import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionEnd, ConnectionStart } from 'framewire';
import { RawListener } from '../connection/opening.ts';
import { turns, within } from '../connection/raw-peer.ts';
import { client, counting } from './reconnecting-client.ts';

test('onOpen is awaited before a connection is handed out, and told what came before', async (t) => {
  const listener = await RawListener.start(t);
  const starts: ConnectionStart[] = [];
  const { connections, next, ends } = client(listener.url, {
    async onOpen(connection, start) {
      starts.push(start);
      await connection.send('log in');
      assert.equal(await connection.receive(), 'welcome');
    },
  });
  for (let number = 1; number <= 2; number++) {
    let isHandedOut = false;
    const connecting = next().finally(() => (isHandedOut = true));
    const peer = await listener.next();
    await peer.openAsServer();
    await peer.expectMessage('log in');
    await turns(20);
    assert.equal(isHandedOut, false);
    peer.sendText('welcome');
    await connecting;
    peer.reset();
  }
  assert.deepEqual(starts, [
    { number: 1, previous: undefined },
    { number: 2, previous: ends.all[0] },
  ]);
  await connections.return?.();
});

test('§7.4.1 what onOpen throws closes with 1011 and counts as a failed attempt', async (t) => {
  const server = await counting(t);
  const wrong = new Error('wrong');
  const { connections, next, ends, clock } = client(server.url, {
    stableTime: 1_000,
    onOpen(connection, { number }) {
      if (number > 2) return;
      // However long it took: it was never of use.
      clock.advance(2_000);
      assert.equal(connection.readyState, 'open');
      throw wrong;
    },
  });
  assert.equal(await (await next()).receive(), 'number 3');
  assert.deepEqual(
    ends.all.map(({ phase, info, error, failures }) => [phase, info?.sent?.code, error, failures]),
    [
      ['opening', 1011, wrong, 1],
      ['opening', 1011, wrong, 2],
    ],
  );
  await connections.return?.();
});

test('onOpen may reject with anything', async (t) => {
  const server = await counting(t);
  const { done } = client(server.url, {
    maxAttempts: 1,
    onOpen: () => Promise.reject('no error'),
  });
  await assert.rejects(done(), { message: "'no error'", cause: 'no error' });
});

test('§7.4.1 how a connection was lost counts, not what onOpen makes of it', async (t) => {
  const server = await counting(t, (connection) => void connection.close(1008, 'bad token'));
  const { done, ends } = client(server.url, {
    async onOpen(connection) {
      await connection.receive();
      if ((await connection.receive()) === undefined) throw new Error('no answer');
    },
  });
  await assert.rejects(done(), { name: 'ConnectionClosedError', message: /1008 "bad token"/u });
  assert.equal(ends.all[0]?.phase, 'opening');
});

test('§7.1.3 a Close that has arrived counts, not what onOpen throws before the transport ends', async (t) => {
  const listener = await RawListener.start(t);
  const { done, ends } = client(listener.url, {
    async onOpen(connection) {
      while (connection.readyState === 'open') await turns(1);
      await connection.send('too late');
    },
  });
  const outcome = assert.rejects(done(), { name: 'ConnectionClosedError', message: /1008/u });
  const peer = await listener.next();
  await peer.openAsServer();
  peer.sendClose(1008);
  await peer.expectClose(1008);
  await turns(20);
  peer.end();
  await within(outcome, 'the end');
  assert.equal(ends.all[0]?.info?.wasClean, true);
});

test('what onOpen waits for in vain ends with its connection', async (t) => {
  const server = await counting(t, (connection, number) => {
    if (number === 1) setImmediate(() => connection.terminate());
  });
  const { connections, next, ends } = client(server.url, {
    onOpen: (_connection, { number }) => (number === 1 ? new Promise<void>(() => {}) : undefined),
  });
  assert.equal(await (await next()).receive(), 'number 2');
  assert.deepEqual([ends.all[0]?.phase, ends.all[0]?.failures], ['opening', 1]);
  await connections.return?.();
});

for (const isAwaited of [false, true]) {
  const how = isAwaited ? 'has closed' : 'closes';
  test(`what onOpen throws when it ${how} the connection is tried again`, async (t) => {
    const server = await counting(t);
    const { connections, next, ends } = client(server.url, {
      async onOpen(connection, { number }) {
        if (number > 1) return;
        const closing = connection.close(4000, 'denied');
        if (isAwaited) {
          await closing;
          await turns(10);
        }
        throw new Error('denied');
      },
    });
    assert.equal(await (await next()).receive(), 'number 2');
    const [{ phase, error, info }] = ends.all as [ConnectionEnd];
    assert.deepEqual([phase, error?.message, info?.sent?.code], ['opening', 'denied', 4000]);
    await connections.return?.();
  });
}

test('a close in onOpen ends the iteration', async (t) => {
  const server = await counting(t);
  const { done, ends } = client(server.url, {
    onOpen: async (connection) => void (await connection.close(1000)),
  });
  await done();
  assert.deepEqual([ends.all[0]?.phase, ends.all[0]?.error], ['opening', undefined]);
});
