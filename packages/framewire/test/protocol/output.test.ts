import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_COPIED } from '#src/protocol/output.js';
import { MAX_RESERVATION, OutputBuffer } from 'framewire/protocol';
import { hex } from 'framewire/testing';
import { concat, octetsOf } from './frames.ts';

function write(output: OutputBuffer, octets: Uint8Array): void {
  const at = output.reserve(octets.length);
  output.octets.set(octets, at);
}

test('nothing was written yet', () => {
  assert.deepEqual(new OutputBuffer().take(), []);
});

test('what is reserved is taken once', () => {
  const output = new OutputBuffer();
  write(output, hex`01 02`);
  write(output, hex`03`);
  assert.deepEqual(output.take(), [hex`01 02 03`]);
  assert.deepEqual(output.take(), []);
});

test('what was taken does not change when more is written', () => {
  const output = new OutputBuffer();
  write(output, hex`01 02`);
  const [first] = output.take();
  write(output, hex`03 04`);
  assert.deepEqual(output.take(), [hex`03 04`]);
  assert.deepEqual(first, hex`01 02`);
});

test('what is appended is not copied, and keeps its place', () => {
  const output = new OutputBuffer();
  const payload = octetsOf(100);
  write(output, hex`01`);
  output.append(payload);
  write(output, hex`02`);
  const parts = output.take();
  assert.deepEqual(parts, [hex`01`, payload, hex`02`]);
  assert.equal(parts[1], payload);
});

test('what is given back was never written', () => {
  const output = new OutputBuffer();
  const at = output.reserve(10);
  output.octets.set(hex`01 02 03`, at);
  output.unreserve(7);
  write(output, hex`04`);
  assert.deepEqual(output.take(), [hex`01 02 03 04`]);
});

test('a reservation that is given back whole leaves nothing', () => {
  const output = new OutputBuffer();
  output.reserve(10);
  output.unreserve(10);
  assert.deepEqual(output.take(), []);
});

test('the largest reservation is the largest copied payload with its header', () => {
  assert.equal(MAX_COPIED, 65_536);
  assert.equal(MAX_RESERVATION, MAX_COPIED + 14);
  const output = new OutputBuffer();
  const at = output.reserve(MAX_RESERVATION);
  assert.ok(at + MAX_RESERVATION <= output.octets.length);
});

test('any sequence of writes is taken in its order', () => {
  const write = fc.record({
    size: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: MAX_RESERVATION })),
    back: fc.nat(100),
    appended: fc.boolean(),
    takes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 20 }), (writes) => {
      const output = new OutputBuffer();
      const written: Uint8Array[] = [];
      const taken: Uint8Array[] = [];
      for (const { size, back, appended, takes } of writes) {
        const octets = octetsOf(size);
        const kept = appended ? size : Math.max(0, size - back);
        if (appended) output.append(octets);
        else {
          const at = output.reserve(size);
          output.octets.set(octets.subarray(0, kept), at);
          output.unreserve(size - kept);
        }
        written.push(octets.subarray(0, kept));
        if (takes) taken.push(...output.take());
      }
      taken.push(...output.take());
      assert.deepEqual(concat(...taken), concat(...written));
    }),
    { numRuns: 50 },
  );
});
