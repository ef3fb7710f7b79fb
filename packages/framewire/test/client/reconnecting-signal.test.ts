import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import type { Message } from 'framewire';
import { deferred } from '#src/connection/deferred.js';
import { RawListener } from '../connection/opening.ts';
import { turns, within } from '../connection/raw-peer.ts';
import { client, counting, expectAborted, refusing } from './reconnecting-client.ts';

test('signal: aborted before the beginning, nothing is dialled', async (t) => {
  const server = await counting(t);
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(client(server.url, { signal }).connections.next(), { message: 'enough' });
  assert.equal(server.count, 0);
});

test('signal: during an attempt', async (t) => {
  const listener = await RawListener.start(t);
  const controller = new AbortController();
  const waiting = client(listener.url, { signal: controller.signal });
  const step = waiting.connections.next();
  const peer = await listener.next();
  await peer.readHead();
  await expectAborted(controller, waiting, step);
  await peer.ended();
  assert.deepEqual(waiting.ends.all, []);
});

test('signal: during a delay', async (t) => {
  const server = await refusing(t, [503]);
  const controller = new AbortController();
  const waiting = client(server.url, { signal: controller.signal, patient: true });
  const end = waiting.ends.next();
  const step = waiting.connections.next();
  await end;
  await turns(2);
  assert.equal(waiting.clock.pending, 1);
  await expectAborted(controller, waiting, step);
  assert.equal(server.requests, 1);
});

test('signal: within onEnd', async (t) => {
  const server = await refusing(t, [503]);
  const controller = new AbortController();
  const { connections, clock } = client(server.url, {
    signal: controller.signal,
    patient: true,
    onEnd: () => controller.abort(new Error('enough')),
  });
  await assert.rejects(within(connections.next(), 'the end'), { message: 'enough' });
  assert.equal(clock.pending, 0);
});

test('signal: an open connection is closed with 1000 while the next one is asked for', async (t) => {
  const server = await counting(t);
  const controller = new AbortController();
  const waiting = client(server.url, { signal: controller.signal });
  await waiting.next();
  await expectAborted(controller, waiting, waiting.connections.next());
  assert.equal((await within(server.last().closed, 'the close')).received?.code, 1000);
  assert.deepEqual(waiting.ends.all, []);
});

test('signal: an open connection is closed with 1000 while it is read', async (t) => {
  const server = await counting(t);
  const controller = new AbortController();
  const { connections } = client(server.url, { signal: controller.signal });
  const messages: Message[] = [];
  await assert.rejects(
    within(
      (async () => {
        for await (const connection of connections) {
          for await (const message of connection) {
            messages.push(message);
            controller.abort();
          }
        }
      })(),
      'the loop',
    ),
    { name: 'AbortError' },
  );
  assert.deepEqual(messages, ['number 1']);
  assert.equal((await within(server.last().closed, 'the close')).received?.code, 1000);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
});

test('signal: while onOpen is at work, whose outcome is of no interest any more', async (t) => {
  const server = await counting(t);
  const controller = new AbortController();
  let judged = 0;
  const work = deferred<void>();
  const begun = deferred<void>();
  const waiting = client(server.url, {
    signal: controller.signal,
    isFinal: () => void judged++,
    onOpen() {
      begun.resolve();
      return work.promise;
    },
  });
  const step = waiting.connections.next();
  await within(begun.promise, 'onOpen');
  await expectAborted(controller, waiting, step);
  work.reject(new Error('too late'));
  await turns(2);
  assert.equal((await within(server.last().closed, 'the close')).received?.code, 1000);
  assert.equal(judged, 0);
});

test('signal: within the handler, before the connection could be handed out', async (t) => {
  const server = await counting(t);
  const controller = new AbortController();
  let prepared = 0;
  const { connections, clock } = client(server.url, {
    signal: controller.signal,
    onOpen: () => void prepared++,
    handler: { open: () => controller.abort(new Error('enough')), message() {} },
  });
  await assert.rejects(within(connections.next(), 'the end'), { message: 'enough' });
  assert.equal(prepared, 0);
  assert.equal(clock.pending, 0);
});

test('signal: while onOpen goes on after a close of its own', async (t) => {
  const server = await counting(t);
  const controller = new AbortController();
  const closed = deferred<void>();
  const waiting = client(server.url, {
    signal: controller.signal,
    async onOpen(connection) {
      await connection.close(1000);
      closed.resolve();
      await new Promise<void>(() => {});
    },
  });
  const step = waiting.connections.next();
  await within(closed.promise, 'the close');
  await turns(2);
  await expectAborted(controller, waiting, step);
});

test('signal: nobody listens to it any more after an end of any kind', async (t) => {
  const { signal } = new AbortController();
  const server = await counting(t, (connection) => void connection.close(1000));
  const ended = client(server.url, { signal });
  await ended.next();
  await ended.done();
  const { url } = await refusing(t, [403]);
  await assert.rejects(client(url, { signal }).connections.next(), { status: 403 });
  const left = client((await counting(t)).url, { signal });
  await left.next();
  await left.connections.return?.();
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
