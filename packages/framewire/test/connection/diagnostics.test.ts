import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test, type TestContext } from 'node:test';
import type { CloseInfo, Connection } from 'framewire';
import { open, openPair } from './opening.ts';
import { within } from './raw-peer.ts';

function record<Message>(t: TestContext, name: string): Message[] {
  const messages: Message[] = [];
  const listener = (message: unknown): void => void messages.push(message as Message);
  subscribe(name, listener);
  t.after(() => void unsubscribe(name, listener));
  return messages;
}

test('framewire:connection:open and :close tell of every connection', async (t) => {
  const opened = record<{ connection: Connection }>(t, 'framewire:connection:open');
  const closed = record<{ connection: Connection; info: CloseInfo }>(
    t,
    'framewire:connection:close',
  );
  const { near, far } = await openPair(t);
  assert.deepEqual(
    new Set(opened.map(({ connection }) => connection)),
    new Set<unknown>([near, far]),
  );
  assert.deepEqual(closed, []);
  await near.close(4000, 'why not');
  await far.closed;
  assert.equal(closed.length, 2);
  const infos = new Map<unknown, CloseInfo>();
  for (const { connection, info } of closed) infos.set(connection, info);
  assert.equal(infos.get(far)?.code, 4000);
  assert.equal(infos.get(far)?.reason, 'why not');
  assert.equal(infos.get(near)?.wasClean, true);
});

test('a subscriber sees the connection before its handler does, and may use it', async (t) => {
  const order: string[] = [];
  const listener = (message: unknown): void => {
    order.push('subscriber');
    void (message as { connection: Connection }).connection.send('from the subscriber');
  };
  subscribe('framewire:connection:open', listener);
  t.after(() => void unsubscribe('framewire:connection:open', listener));
  const { connection, peer } = await open('server', {
    handler: { open: () => void order.push('handler') },
  });
  await peer.expectMessage('from the subscriber');
  assert.deepEqual(order, ['subscriber', 'handler']);
  connection.terminate();
  await within(connection.closed, 'the end');
});
