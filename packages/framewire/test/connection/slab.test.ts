import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '#src/connection/outbox.js';
import { isSlabFull, lenders, slabFor, type Slab } from '#src/connection/slab.js';
import type { Transport } from '#src/connection/transport.js';
import { mask } from '#src/native/masking.js';

/** Uses up what is left of the slab that is being filled. */
function fill(): Slab {
  const slab = slabFor(1);
  slab.enter();
  slab.end = slab.octets.length;
  return slab;
}

test('a slab is filled again when nobody uses it any more', () => {
  const slab = slabFor(100);
  assert.equal(slab.end, 0);
  slab.enter();
  slab.enter();
  slab.end += 100;
  slab.leave();
  assert.equal(slabFor(100), slab);
  assert.equal(slab.end, 100);
  slab.leave();
  assert.equal(slab.end, 0);
});

test('a full slab gives way to another, and comes back when it is free', () => {
  const first = fill();
  assert.equal(isSlabFull(1), true);
  const second = fill();
  assert.notEqual(second, first);
  first.leave();
  assert.equal(slabFor(1), first);
  second.leave();
});

test('only few of the slabs that a burst has needed are kept', () => {
  const burst = new Set(Array.from({ length: 20 }, fill));
  assert.equal(burst.size, 20);
  for (const slab of burst) slab.leave();
  const next = Array.from({ length: 20 }, fill);
  assert.ok(next.filter((slab) => burst.has(slab)).length < 10);
  for (const slab of next) slab.leave();
});

test('§5.3 frames are masked where they are encoded, as anywhere else', () => {
  const { octets } = slabFor(1);
  const plain = new Uint8Array(100_000).map((_, index) => index * 7);
  octets.set(plain, 11);
  assert.equal(mask(octets, 11, 100_011, 0x4030201), mask(plain, 0, 100_000, 0x4030201));
  assert.deepEqual(Uint8Array.from(octets.subarray(11, 100_011)), plain);
});

/** A socket that is as far behind as it is told to be. */
class FakeSocket {
  readonly isSocket = true;
  readonly written: Uint8Array[] = [];
  readonly octets: number[] = [];
  pending = 0;
  pendingAfterWrite = 0;

  write(octets: Uint8Array): void {
    this.written.push(octets);
    this.octets.push(...octets);
    this.pending = this.pendingAfterWrite;
  }

  writeAll(parts: readonly Uint8Array[]): void {
    for (const part of parts) this.write(part);
  }

  hasRoomFor(): boolean {
    return false;
  }
}

function outboxOn(socket: FakeSocket): Outbox {
  return new Outbox(socket as unknown as Transport);
}

function put(outbox: Outbox, ...octets: number[]): void {
  const at = outbox.reserve(octets.length);
  outbox.octets.set(octets, at);
}

test('§10.4 a peer that reads nothing holds no slab by a few octets', () => {
  const socket = new FakeSocket();
  const outbox = outboxOn(socket);
  socket.pending = 1000;
  socket.pendingAfterWrite = 1000;
  const before = lenders.size;
  const slab = slabFor(1);
  put(outbox, 1, 2);
  outbox.flush();
  put(outbox, 3);
  outbox.append(new Uint8Array(70_000));
  outbox.flush();
  assert.equal(lenders.size, before);
  assert.equal(slab.end, 0);
  assert.deepEqual(socket.written[0], Buffer.of(1, 2));
  assert.notEqual(socket.written[0].buffer, slab.octets.buffer);
});

test('a slab that was lent comes back when it is needed and its octets have left', () => {
  const socket = new FakeSocket();
  const outbox = outboxOn(socket);
  socket.pendingAfterWrite = 2;
  const slab = slabFor(1);
  put(outbox, 1, 2);
  outbox.flush();
  assert.equal(socket.written[0]!.buffer, slab.octets.buffer);
  slab.enter();
  slab.end = slab.octets.length;
  slab.leave();
  const others = [fill(), fill(), fill(), fill(), fill()];
  assert.ok(!others.includes(slab));
  socket.pending = 0;
  const last = Array.from({ length: 10 }, fill);
  assert.ok(last.includes(slab));
  for (const used of [...others, ...last]) used.leave();
});

test('frames for many leave as they are, or next to each other, in their order', () => {
  const socket = new FakeSocket();
  const outbox = outboxOn(socket);
  const [first, second] = [Buffer.of(1, 2), Buffer.of(3)];
  outbox.share(first);
  outbox.flush();
  assert.equal(socket.written[0], first);
  outbox.share(first);
  outbox.share(second);
  assert.equal(outbox.unflushed, 3);
  put(outbox, 4);
  outbox.share(first);
  outbox.flush();
  outbox.share(second);
  outbox.share(first);
  outbox.flush();
  outbox.share(Buffer.alloc(60_000));
  outbox.share(Buffer.alloc(60_000));
  outbox.append(Buffer.alloc(70_000));
  outbox.share(second);
  outbox.flush();
  assert.equal(outbox.unflushed, 0);
  const { octets } = socket;
  assert.deepEqual(octets.slice(0, 12), [1, 2, 1, 2, 3, 4, 1, 2, 3, 1, 2, 0]);
  assert.equal(octets.length, 11 + 190_001);
  assert.equal(octets.at(-1), 3);
});
