import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { mask, readBuffer } from '#src/native/masking.js';
import { applyMask } from '#src/protocol/masking.js';
import { octetsOf } from '../protocol/frames.ts';

const KEY = 0x12_34_56_78;

/** What the protocol's own way makes of the octets, in memory of its own. */
function expected(octets: Uint8Array, start: number, end: number): Uint8Array {
  const copy = Uint8Array.from(octets);
  applyMask(copy, start, end, KEY);
  return copy;
}

/** Around every bound of the loops and thresholds. */
const LENGTHS = [
  0, 1, 3, 4, 5, 15, 16, 31, 32, 33, 63, 64, 65, 68, 127, 128, 129, 1000, 2047, 2048, 2049, 4099,
];

test('§5.3 octets in the shared buffer are masked as anywhere, at any place and of any number', () => {
  for (let start = 0; start < 9; start++) {
    for (const length of LENGTHS) {
      const octets = octetsOf(start + length + 9);
      const shared = readBuffer.subarray(5, 5 + octets.length);
      shared.set(octets);
      const end = start + length;
      const rotated = mask(shared, start, end, KEY);
      assert.deepEqual(Uint8Array.from(shared), expected(octets, start, end), `${start} ${length}`);
      assert.equal(rotated, applyMask(octets, start, end, KEY));
    }
  }
});

test('§5.3 other octets too, also more than are copied at once', () => {
  for (const length of [...LENGTHS, 65_535, 65_536, 65_537, 200_001]) {
    for (const start of [0, 3]) {
      const octets = octetsOf(start + length + 5);
      const copy = Uint8Array.from(octets).subarray();
      const rotated = mask(copy, start, start + length, KEY);
      assert.deepEqual(copy, expected(octets, start, start + length), `${start} ${length}`);
      assert.equal(rotated, applyMask(octets, start, start + length, KEY));
    }
  }
});

test('§5.3 a key used in part goes on where it was left', () => {
  const octets = octetsOf(10_000);
  const whole = expected(octets, 0, octets.length);
  let key = KEY;
  const shared = readBuffer.subarray(0, octets.length);
  shared.set(octets);
  for (let at = 0, step = 1; at < octets.length; at += step, step = (step * 3 + 1) % 4001) {
    key = mask(shared, at, Math.min(at + step, octets.length), key);
  }
  assert.deepEqual(Uint8Array.from(shared), whole);
});

test('without WebAssembly all is masked, and read, all the same', () => {
  const { href } = new URL(import.meta.resolve('#src/native/masking.js'));
  const program = `
    import { mask, readBuffer } from ${JSON.stringify(href)};
    const octets = new Uint8Array(5000).fill(1);
    mask(octets, 1, 5000, ${KEY});
    console.log(readBuffer.length, octets[0], octets[1], octets[4999]);
  `;
  const options = ['--jitless', '--input-type=module', '--eval', program];
  const { stdout } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  const [, first, second, last] = stdout.trim().split(' ').map(Number);
  const copy = new Uint8Array(5000).fill(1);
  applyMask(copy, 1, 5000, KEY);
  assert.deepEqual([first, second, last], [1, copy[1], copy[4999]]);
});
