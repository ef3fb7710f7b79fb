import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSlabFull, slabFor, type Slab } from '#src/connection/slab.js';
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
