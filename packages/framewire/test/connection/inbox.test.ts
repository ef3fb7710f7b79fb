import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { Inbox } from '#src/connection/inbox.js';
import type { CloseInfo } from 'framewire';

const CLEAN: CloseInfo = { code: 1000, reason: '', wasClean: true, initiator: 'client' };
const LOST: CloseInfo = {
  code: 1006,
  reason: '',
  wasClean: false,
  initiator: 'network',
  error: new Error('gone'),
};

interface Recorded {
  readonly inbox: Inbox;
  readonly flow: string[];
}

function create(highWaterMark: number, endsQuietly: boolean = false): Recorded {
  const flow: string[] = [];
  const inbox = new Inbox(
    { onFull: () => void flow.push('full'), onRoom: () => void flow.push('room') },
    highWaterMark,
    endsQuietly,
  );
  return { inbox, flow };
}

test('entries are handed out in the order in which they came', async () => {
  const { inbox } = create(1_000_000);
  const entries = Array.from({ length: 3000 }, (_, index) => String(index));
  for (const entry of entries) inbox.push(entry);
  for (const entry of entries) assert.equal(await inbox.take(), entry);
});

test('a reader that waits gets the next entry, which then never counts', async () => {
  const { inbox, flow } = create(10);
  const taken = inbox.take();
  inbox.push('longer than the mark');
  assert.equal(await taken, 'longer than the mark');
  assert.deepEqual(flow, []);
});

test('reading pauses at the high-water mark and goes on below it, once each', async () => {
  const { inbox, flow } = create(200);
  inbox.push(new Uint8Array(100));
  assert.deepEqual(flow, []);
  inbox.push(new Uint8Array(100));
  inbox.push(new Uint8Array(100));
  assert.deepEqual(flow, ['full']);
  await inbox.take();
  assert.deepEqual(flow, ['full']);
  await inbox.take();
  assert.deepEqual(flow, ['full', 'room']);
  inbox.push(new Uint8Array(100));
  assert.deepEqual(flow, ['full', 'room', 'full']);
});

test('empty messages count too: they cannot pile up without end', () => {
  const { inbox, flow } = create(64 * 1024);
  for (let count = 0; count < 2000; count++) inbox.push('');
  assert.deepEqual(flow, ['full']);
});

test('where the end is told elsewhere, a failure ends the queue as a clean close does', async () => {
  const { inbox } = create(1000, true);
  inbox.push('last');
  inbox.finish(LOST);
  assert.equal(await inbox.take(), 'last');
  assert.equal(await inbox.take(), undefined);
  assert.deepEqual(await inbox.next(), { value: undefined, done: true });
  const awaited = create(1000, true).inbox;
  const taken = awaited.take();
  awaited.finish(LOST);
  assert.equal(await taken, undefined);
});

test('§7.1.4 what arrived before the end is handed out before the end is told', async () => {
  const clean = create(1000).inbox;
  clean.push('last');
  clean.finish(CLEAN);
  assert.equal(await clean.take(), 'last');
  assert.equal(await clean.take(), undefined);
  assert.equal(await clean.take(), undefined);
  const lost = create(1000).inbox;
  lost.push('last');
  lost.finish(LOST);
  assert.equal(await lost.take(), 'last');
  await assert.rejects(lost.take(), { code: 'ERR_WS_CLOSED', info: LOST, cause: LOST.error });
  await assert.rejects(lost.take(), { code: 'ERR_WS_CLOSED' });
});

test('the end is told to a reader that waits', async () => {
  const clean = create(1000).inbox;
  const waiting = clean.take();
  clean.finish(CLEAN);
  assert.equal(await waiting, undefined);
  const lost = create(1000).inbox;
  const rejecting = lost.take();
  lost.finish(LOST);
  await assert.rejects(rejecting, { code: 'ERR_WS_CLOSED' });
});

test('two readers at a time: the second is refused, the first is served', async () => {
  const { inbox } = create(1000);
  const first = inbox.take();
  await assert.rejects(inbox.take(), { code: 'ERR_WS_CONCURRENT_READ' });
  inbox.push('for the first');
  assert.equal(await first, 'for the first');
});

test('an aborted signal ends the waiting only: no entry is lost with it', async () => {
  const { inbox } = create(1000);
  const controller = new AbortController();
  const reason = new Error('no longer interested');
  const taken = inbox.take(controller.signal);
  controller.abort(reason);
  await assert.rejects(taken, reason);
  inbox.push('for somebody else');
  assert.equal(await inbox.take(), 'for somebody else');
  await assert.rejects(inbox.take(controller.signal), reason);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
});

test('a signal is left without a listener, however the waiting ends', async () => {
  const { inbox } = create(1000);
  const { signal } = new AbortController();
  const listeners = (): number => getEventListeners(signal, 'abort').length;
  const first = inbox.take(signal);
  assert.equal(listeners(), 1);
  inbox.push('one');
  await first;
  assert.equal(listeners(), 0);
  inbox.push('two');
  await inbox.take(signal);
  const last = inbox.take(signal);
  inbox.finish(CLEAN);
  await last;
  assert.equal(listeners(), 0);
});
