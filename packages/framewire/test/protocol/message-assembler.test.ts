import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MessageAssembler } from '#src/protocol/message-assembler.js';
import { concat, octetsOf } from './frames.ts';
import { allocationsOf } from './memory.ts';

const MIB = 1024 * 1024;

function append(assembler: MessageAssembler, octets: Uint8Array, expected: number): void {
  assembler.append(octets, 0, octets.length, expected);
}

test('§6.2 fragments are put together in their order', () => {
  const slices = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 10 });
  fc.assert(
    fc.property(slices, fc.nat(10_000), (slices, expected) => {
      const assembler = new MessageAssembler();
      for (const slice of slices) append(assembler, slice, expected);
      const whole = concat(...slices);
      assert.equal(assembler.size, whole.length);
      assert.deepEqual(assembler.take(), whole);
    }),
  );
});

test('§6.2 only the range is copied', () => {
  const assembler = new MessageAssembler();
  assembler.append(octetsOf(10), 2, 5, 3);
  assert.deepEqual(assembler.take(), octetsOf(10).slice(2, 5));
});

test('§6.2 a message of no octets', () => {
  const assembler = new MessageAssembler();
  append(assembler, new Uint8Array(0), 0);
  assert.equal(assembler.size, 0);
  assert.equal(assembler.take().length, 0);
});

test('§6.2 what was taken is no longer the assembler’s', () => {
  const assembler = new MessageAssembler();
  append(assembler, octetsOf(2000), 4000);
  const first = assembler.take();
  assert.equal(assembler.size, 0);
  append(assembler, new Uint8Array(2000).fill(9), 4000);
  assert.deepEqual(first, octetsOf(2000));
  assert.deepEqual(assembler.take(), new Uint8Array(2000).fill(9));
});

test('§6.2 what was appended may change afterwards', () => {
  const assembler = new MessageAssembler();
  const chunk = octetsOf(100);
  append(assembler, chunk, 100);
  chunk.fill(0);
  assert.deepEqual(assembler.take(), octetsOf(100));
});

test('§10.4 clearing lets go of everything', () => {
  const assembler = new MessageAssembler();
  append(assembler, octetsOf(5000), 5000);
  assembler.clear();
  assert.equal(assembler.size, 0);
  assert.equal(assembler.take().buffer.byteLength, 0);
});

test('§10.4 10 octets of an announced gibibyte take a kibibyte', () => {
  const assembler = new MessageAssembler();
  const allocations = allocationsOf(() => append(assembler, octetsOf(10), 1024 * MIB));
  assert.ok(Math.max(...allocations) <= 1024);
});

test('§10.4 a message whose end is announced gets a buffer of exactly its size', () => {
  const assembler = new MessageAssembler();
  append(assembler, octetsOf(60_000), 100_000);
  append(assembler, octetsOf(40_000), 100_000);
  const message = assembler.take();
  assert.equal(message.length, 100_000);
  assert.equal(message.buffer.byteLength, 100_000);
});

test('§10.4 never more than twice what has arrived is held, or 32 times when it is announced', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 40 });
  const beyond = fc.oneof(fc.constant(0), fc.nat(10_000), fc.constant(Infinity));
  fc.assert(
    fc.property(sizes, beyond, (sizes, beyond) => {
      const assembler = new MessageAssembler();
      let arrived = 0;
      for (const size of sizes) {
        arrived += size;
        const slice = octetsOf(size);
        const allocations = allocationsOf(() => append(assembler, slice, arrived + beyond));
        for (const capacity of allocations) {
          const growth = beyond === Infinity ? 2 : 32;
          assert.ok(capacity <= Math.max(growth * arrived, 1024), `${capacity} for ${arrived}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('§10.4 a message keeps no more than a quarter of its size beside it alive', () => {
  for (const size of [1, 700, 1023, 1024, 1025, 1500, 1700, 2000, 10_000]) {
    const assembler = new MessageAssembler();
    for (let at = 0; at < size; at++) append(assembler, Uint8Array.of(at), Infinity);
    const message = assembler.take();
    assert.equal(message.length, size);
    assert.ok(message.buffer.byteLength <= 1.25 * size, `${message.buffer.byteLength} for ${size}`);
  }
});

test('§10.4 growing copies each octet a few times at most, however small the fragments', () => {
  const assembler = new MessageAssembler();
  const fragment = octetsOf(16);
  const allocations = allocationsOf(() => {
    for (let size = 16; size <= MIB; size += 16) append(assembler, fragment, Infinity);
  });
  const sum = allocations.reduce((sum, length) => sum + length, 0);
  assert.ok(sum <= 4 * MIB, `${sum} octets for 1 MiB`);
  assert.equal(assembler.take().length, MIB);
});
