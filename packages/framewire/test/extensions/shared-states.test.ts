/** zlib's states that connections share, and how many of them there are. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import type { Deflater, DeflaterParameters } from '#src/extensions/codec.js';
import { HandleDeflater, HandleInflater } from '#src/extensions/handle-codec.js';
import { createDeflater, createInflater, sharedDeflater } from '#src/extensions/shared-states.js';
import { StreamDeflater, StreamInflater } from '#src/extensions/stream-codec.js';
import { canUseHandles, ZlibHandle } from '#src/extensions/zlib-handle.js';
import type { Inflater } from '#src/protocol/inflater.js';
import { hex } from 'framewire/testing';
import { octetsOf, utf8 } from '../protocol/frames.ts';

const DEFAULTS: DeflaterParameters = { windowBits: 15, level: 1, memoryLevel: 8 };

/** More inflaters than are kept. */
const MANY = 40;

const HELLO = hex`f2 48 cd c9 c9 07 00`;

/** What is deflated, as its receiver sees it: it refers to nothing before. */
function inflated(deflated: Uint8Array): Uint8Array {
  return Uint8Array.from(inflateRawSync(deflated, { finishFlush: 2 }));
}

function inflaterOf(windowBits: number, takesContextOver: boolean): Inflater {
  return createInflater(windowBits, takesContextOver, { onInflated() {} });
}

/** Of the deflaters that are in use here. */
function deflaterPrototype(): Deflater {
  return canUseHandles() ? HandleDeflater.prototype : StreamDeflater.prototype;
}

test('states are of the kind that this Node allows', () => {
  const deflater = createDeflater(DEFAULTS);
  const inflater = inflaterOf(15, true);
  assert.ok(deflater instanceof (canUseHandles() ? HandleDeflater : StreamDeflater));
  assert.ok(inflater instanceof (canUseHandles() ? HandleInflater : StreamInflater));
  deflater.close();
  inflater.close();
});

test('there is one shared deflater for all who use the same parameters', () => {
  const shared = sharedDeflater(DEFAULTS);
  assert.equal(sharedDeflater({ ...DEFAULTS }), shared);
  const others = [
    sharedDeflater({ ...DEFAULTS, windowBits: 14 }),
    sharedDeflater({ ...DEFAULTS, level: 2 }),
    sharedDeflater({ ...DEFAULTS, memoryLevel: 7 }),
    // Read as one number they would be the same.
    sharedDeflater({ windowBits: 11, level: 5, memoryLevel: 9 }),
    sharedDeflater({ windowBits: 15, level: 1, memoryLevel: 9 }),
  ];
  assert.equal(new Set([shared, ...others]).size, 6);
});

test('§7.1.1 what a shared deflater compresses refers to nothing before it', async () => {
  const shared = sharedDeflater(DEFAULTS);
  const message = octetsOf(10_000);
  const first = Uint8Array.from(await shared.deflate(message));
  const second = Uint8Array.from(await shared.deflate(message));
  assert.deepEqual(second, first);
  assert.deepEqual(inflated(second), message);
});

test('a shared deflater serves everybody in the order of the calls', async () => {
  const shared = sharedDeflater(DEFAULTS);
  const finished: number[] = [];
  const sizes = [100_000, 1, 50_000, 2, 3];
  const calls = sizes.map(async (size, index) => {
    // With states that are used at once, the result is lent until the next call only.
    const deflating = shared.deflate(octetsOf(size));
    const deflated = Uint8Array.from(deflating instanceof Promise ? await deflating : deflating);
    finished.push(index);
    assert.deepEqual(inflated(deflated), octetsOf(size));
  });
  await Promise.all(calls);
  assert.deepEqual(finished, [0, 1, 2, 3, 4]);
});

/** Makes each call of a deflater take until it is told to end; tells what happens. */
function slowDown(t: TestContext): { readonly log: string[]; endNext(): void } {
  const log: string[] = [];
  const waiting: (() => void)[] = [];
  const prototype = deflaterPrototype();
  t.mock.method(prototype, 'deflate', (octets: Uint8Array) => {
    log.push(`deflate ${octets.length}`);
    return new Promise((resolve) => waiting.push(() => resolve(octets)));
  });
  t.mock.method(prototype, 'reset', () => void log.push('reset'));
  return { log, endNext: () => waiting.shift()?.() };
}

test('where compressing takes time, one message is compressed at a time, and then forgotten', async (t) => {
  const { log, endNext } = slowDown(t);
  const shared = sharedDeflater({ ...DEFAULTS, level: 3 });
  const calls = [1, 2, 3].map((size) => shared.deflate(octetsOf(size)));
  assert.deepEqual(log, ['deflate 1']);
  endNext();
  assert.equal((await calls[0])?.length, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log, ['deflate 1', 'reset', 'deflate 2']);
  const late = shared.deflate(octetsOf(4));
  for (const call of [calls[1], calls[2], late]) {
    endNext();
    await call;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(log.slice(2), [
    'deflate 2',
    'reset',
    'deflate 3',
    'reset',
    'deflate 4',
    'reset',
  ]);
});

test('… and whoever comes when nobody waits is served all the same', async (t) => {
  const { log, endNext } = slowDown(t);
  const shared = sharedDeflater({ ...DEFAULTS, level: 4 });
  for (const size of [1, 2, 3]) {
    const deflating = shared.deflate(octetsOf(size));
    while (log.filter((entry) => entry.startsWith('deflate')).length < size)
      await Promise.resolve();
    endNext();
    assert.equal((await deflating).length, size);
  }
  assert.deepEqual(log, ['deflate 1', 'reset', 'deflate 2', 'reset', 'deflate 3', 'reset']);
});

test('a shared state that fails is replaced, and fails nobody else', async (t) => {
  const shared = sharedDeflater({ ...DEFAULTS, level: 5 });
  const method = t.mock.method(deflaterPrototype(), 'deflate', () => {
    throw new Error('no memory');
  });
  assert.throws(() => shared.deflate(octetsOf(1000)), /no memory/u);
  method.mock.restore();
  const message = octetsOf(1000);
  assert.deepEqual(inflated(await shared.deflate(message)), message);
});

test('… also where compressing takes time, and others wait', async (t) => {
  const shared = sharedDeflater({ ...DEFAULTS, level: 6 });
  let fail: ((error: Error) => void) | undefined;
  const method = t.mock.method(
    deflaterPrototype(),
    'deflate',
    () => new Promise((_, reject) => (fail = reject)),
  );
  const failing = shared.deflate(octetsOf(1000));
  method.mock.restore();
  const message = octetsOf(2000);
  const waiting = [shared.deflate(message), shared.deflate(message)];
  fail?.(new Error('no memory'));
  await assert.rejects(Promise.resolve(failing), /no memory/u);
  for (const each of waiting) assert.deepEqual(inflated(await each), message);
});

/** Inflates a message with an inflater that takes no time, and ends it. */
function readHello(inflater: Inflater): void {
  inflater.put(HELLO, 0, HELLO.length, true);
  assert.equal(inflater.inflate(), 'done');
  const { octets, length } = inflater;
  assert.deepEqual(Uint8Array.from(octets.subarray(0, length)), utf8('Hello'));
  inflater.endMessage();
}

const withHandles = { skip: !canUseHandles() && 'states are not pooled where they take time' };

test('an inflater without context serves one message after the other', withHandles, () => {
  const first = inflaterOf(10, false);
  readHello(first);
  const second = inflaterOf(10, false);
  assert.equal(second, first);
  // While it is in use, it is nobody else's.
  const third = inflaterOf(10, false);
  assert.notEqual(third, second);
  readHello(third);
  readHello(second);
});

test('inflaters of another window, or with a context, are others', withHandles, () => {
  const inflater = inflaterOf(10, false);
  readHello(inflater);
  assert.notEqual(inflaterOf(11, false), inflater);
  const own = inflaterOf(10, true);
  assert.notEqual(own, inflater);
  readHello(own);
  assert.notEqual(inflaterOf(10, true), own);
  own.close();
});

test('a bounded number of inflaters is kept, and the others are closed', withHandles, (t) => {
  const close = t.mock.method(ZlibHandle.prototype, 'close');
  const crowd = new Set(Array.from({ length: MANY }, () => inflaterOf(12, false)));
  assert.equal(crowd.size, MANY);
  for (const inflater of crowd) inflater.endMessage();
  const closed = close.mock.callCount();
  const kept = MANY - closed;
  assert.ok(kept > 0 && kept < MANY);
  const again = Array.from({ length: MANY }, () => inflaterOf(12, false));
  assert.equal(new Set(again).size, MANY);
  assert.equal(again.filter((inflater) => crowd.has(inflater)).length, kept);
  for (const inflater of again) inflater.close();
  assert.equal(close.mock.callCount(), 2 * closed);
});

test('an inflater that its connection left within a message is as good as new', withHandles, () => {
  const left = inflaterOf(13, false);
  left.put(HELLO, 0, 3, false);
  left.inflate();
  left.close();
  const next = inflaterOf(13, false);
  assert.equal(next, left);
  readHello(next);
});

test('an inflater that has failed is never used again', withHandles, () => {
  const failed = inflaterOf(14, false);
  failed.put(hex`07`, 0, 1, true);
  assert.equal(failed.inflate(), 'corrupt');
  failed.close();
  const next = inflaterOf(14, false);
  assert.notEqual(next, failed);
  readHello(next);
});

test('an inflater that takes time tells whoever waits for it', async () => {
  let woken = 0;
  const inflater = createInflater(15, true, { onInflated: () => void woken++ });
  inflater.put(HELLO, 0, HELLO.length, true);
  let waits = 0;
  while (inflater.inflate() === 'waiting') {
    waits++;
    while (woken < waits) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(woken, waits);
  assert.equal(waits > 0, !canUseHandles());
  inflater.close();
});
