import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget, INITIAL_WINDOW, ReceiveWindow, SendWindow } from '#src/mux/flow-control.js';
import { UsedIds } from '#src/mux/stream-ids.js';
import { Unread } from '#src/mux/unread.js';
import { KIB } from './sessions.ts';

const MIB = 1024 * KIB;
const SIZES = { initial: INITIAL_WINDOW, most: MIB };

test('Flow Control: a window is 256 KiB at first, and no octet more', () => {
  const window = new ReceiveWindow(SIZES, new Budget(MIB), 0);
  assert.equal(window.accept(256 * KIB), true);
  assert.equal(window.accept(1), false);
});

test('Flow Control: credit is given back by half a window', () => {
  const window = new ReceiveWindow(SIZES, new Budget(MIB), 0);
  window.accept(256 * KIB);
  assert.equal(window.take(128 * KIB - 1, 0, undefined), 0);
  assert.equal(window.take(1, 0, undefined), 128 * KIB);
  assert.equal(window.accept(128 * KIB + 1), false);
  assert.equal(window.accept(128 * KIB), true);
});

test('Flow Control: a larger window is what goes with SYN or ACK', () => {
  const window = new ReceiveWindow({ initial: MIB, most: MIB }, new Budget(MIB), 0);
  assert.equal(window.open(), MIB - 256 * KIB);
  assert.equal(window.accept(MIB), true);
});

test('a window doubles while half of it is taken within two round trips, up to its bound', () => {
  const window = new ReceiveWindow(SIZES, new Budget(16 * MIB), 0);
  window.accept(128 * KIB);
  assert.equal(window.take(128 * KIB, 19, 10), 128 * KIB + 256 * KIB);
  window.accept(256 * KIB);
  assert.equal(window.take(256 * KIB, 39, 10), 256 * KIB, '20 ms are not within two of 10 ms');
  window.accept(256 * KIB);
  assert.equal(window.take(256 * KIB, 40, 10), 256 * KIB + 512 * KIB);
  window.accept(512 * KIB);
  assert.equal(window.take(512 * KIB, 41, 10), 512 * KIB);
  assert.equal(window.size, MIB);
});

test('a window grows as far as the budget goes, and gives back what it grew by', () => {
  const process = new Budget(256 * KIB);
  const budget = new Budget(16 * MIB, process);
  const [one, other] = [0, 0].map(() => new ReceiveWindow(SIZES, budget, 0));
  for (const window of [one!, other!]) {
    window.accept(128 * KIB);
    window.take(128 * KIB, 0, 10);
  }
  assert.deepEqual([one!.size, other!.size], [512 * KIB, 256 * KIB]);
  assert.deepEqual([budget.grown, process.grown], [256 * KIB, 256 * KIB]);
  one!.release();
  assert.deepEqual([budget.grown, process.grown], [0, 0]);
});

test('beyond the budget credit is given back up to 64 KiB, and windows shrink', () => {
  const process = new Budget(100 * KIB);
  const budget = new Budget(MIB, process);
  const stalled = new ReceiveWindow(SIZES, budget, 0);
  const read = new ReceiveWindow(SIZES, budget, 0);
  stalled.accept(101 * KIB);
  assert.equal(budget.isTight, true);
  read.accept(256 * KIB);
  assert.equal(read.take(255 * KIB, 0, 10), 63 * KIB);
  assert.equal(read.take(1 * KIB, 0, 10), 0);
  stalled.release();
  assert.equal(budget.held, 0);
  assert.equal(read.accept(63 * KIB), true);
  assert.equal(read.take(63 * KIB, 100, 10), 256 * KIB);
});

test('a budget forgets what a stream held when it goes', () => {
  const budget = new Budget(MIB);
  const window = new ReceiveWindow(SIZES, budget, 0);
  window.accept(1000);
  assert.equal(budget.held, 1000);
  window.take(400, 0, undefined);
  assert.equal(budget.held, 600);
  window.release();
  assert.equal(budget.held, 0);
});

test('a budget is a number of octets', () => {
  assert.throws(() => new Budget(-1), { code: 'ERR_TUNNEL_INVALID_ARGUMENT' });
  assert.throws(() => new Budget(Number.NaN), { code: 'ERR_TUNNEL_INVALID_ARGUMENT' });
});

test('Flow Control: what may be sent is 256 KiB and what is added, 32 bits at most', () => {
  const window = new SendWindow();
  assert.equal(window.credit, 256 * KIB);
  window.spend(256 * KIB);
  assert.equal(window.add(2 ** 32 - 1), true);
  assert.equal(window.add(1), false);
  assert.equal(window.credit, 2 ** 32 - 1);
});

test('StreamID: ids may come out of order, and none comes twice', () => {
  const ids = new UsedIds(1);
  for (const id of [1, 7, 5, 3]) assert.equal(ids.use(id), undefined, `${id}`);
  for (const id of [1, 3, 5, 7]) assert.match(ids.use(id) ?? '', /begins twice/u);
  assert.match(ids.use(2) ?? '', /not of that side/u);
  assert.equal(ids.has(9), false);
  assert.equal(ids.use(9), undefined);
});

test('StreamID: of the ids left out only the last 256 may still come', () => {
  const ids = new UsedIds(2);
  assert.equal(ids.use(4_000_000_000), undefined);
  assert.equal(ids.use(4_000_000_000 - 2 * 256), undefined);
  assert.match(ids.use(4_000_000_000 - 2 * 257) ?? '', /begins twice/u);
  assert.equal(ids.use(4_000_000_000 + 2 * 100), undefined);
  assert.match(ids.use(4_000_000_000 - 2 * 255) ?? '', /begins twice/u);
  assert.equal(ids.use(4_000_000_000 - 2 * 100), undefined);
});

test('octets that nobody reads are put together, however small they come', () => {
  const unread = new Unread();
  const expected = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
  for (const octet of expected) unread.add(Uint8Array.of(octet));
  const pieces: Uint8Array[] = [];
  for (let piece = unread.take(); piece !== undefined; piece = unread.take()) pieces.push(piece);
  assert.deepEqual(Buffer.concat(pieces), expected);
  assert.ok(pieces.length < 20, `${pieces.length} pieces`);
});

test('octets that nobody reads keep no message alive of which they are a small part', () => {
  const unread = new Unread();
  const message = new Uint8Array(64 * KIB);
  unread.add(message.subarray(0, 5 * KIB));
  unread.add(message.subarray(5 * KIB, 64 * KIB));
  assert.notEqual(unread.take()?.buffer, message.buffer);
  assert.equal(unread.take()?.buffer, message.buffer);
  assert.equal(unread.take(), undefined);
});

test('octets that were taken are not written into', () => {
  const unread = new Unread();
  unread.add(Buffer.from('one'));
  const first = unread.take()!;
  unread.add(Buffer.from('two'));
  assert.equal(Buffer.from(first).toString(), 'one');
  assert.equal(Buffer.from(unread.take()!).toString(), 'two');
});
