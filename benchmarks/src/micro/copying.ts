/** Messages are copied out of what was received, into memory of their own. */
import { allocate, copyOf } from './internals.ts';
import { sizesTo } from './sizes.ts';
import type { Row, Table } from './table.ts';

export const copying: readonly Table[] = [
  {
    title: 'Copying',
    rows: 'octets',
    measured: copies(),
    decides: [{ name: 'LOOP_PAYS_TO', file: 'protocol/octets.ts', from: ['view, set', 'loop'] }],
  },
  {
    title: 'Memory, and filling it',
    rows: 'octets',
    measured: allocations(),
    decides: [
      { name: 'PAYS_FROM', file: 'native/memory.ts', from: ['allocUnsafeSlow', 'Uint8Array'] },
    ],
  },
];

function* copies(): Iterable<Row> {
  for (const size of sizesTo(2048)) {
    const octets = new Uint8Array(size + 16);
    const end = size + 6;
    yield {
      label: size,
      ways: {
        copyOf: () => copyOf(octets, 6, end),
        loop: () => copyByLoop(octets, 6, end),
        'view, set': () => copyBySet(octets, 6, end),
        'Uint8Array.slice': () => octets.slice(6, end),
      },
    };
  }
}

function copyByLoop(octets: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  const copy = new Uint8Array(length);
  for (let at = 0; at < length; at++) copy[at] = octets[start + at]!;
  return copy;
}

function copyBySet(octets: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  const copy = new Uint8Array(length);
  copy.set(new Uint8Array(octets.buffer, octets.byteOffset + start, length));
  return copy;
}

function* allocations(): Iterable<Row> {
  for (const size of sizesTo(1024 * 1024)) {
    const octets = new Uint8Array(size).fill(1);
    yield {
      label: size,
      ways: {
        allocate: () => allocate(size).set(octets),
        Uint8Array: () => new Uint8Array(size).set(octets),
        allocUnsafeSlow: () => new Uint8Array(Buffer.allocUnsafeSlow(size).buffer).set(octets),
      },
    };
  }
}
