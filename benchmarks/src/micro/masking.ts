/** RFC 6455 §5.3, in JavaScript and otherwise. */
import { createRequire } from 'node:module';
import { applyMask, MASK_MODULE } from './internals.ts';
import { sizesTo } from './sizes.ts';
import type { Row, Table } from './table.ts';

const KEY = 0x12_34_56_78;

/** Where a payload begins: nowhere near the start of a word. */
const OFFSET = 6;

const COPY_SIZE = 64 * 1024;
const MEMORY_SIZE = 5 * 64 * 1024;

interface MaskExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly mask: (at: number, end: number, key: number) => number;
}

interface BufferUtil {
  readonly unmask: (octets: Uint8Array, key: Uint8Array) => void;
}

interface WebAssemblyApi {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

export const masking: readonly Table[] = [
  {
    title: 'Masking',
    rows: 'octets',
    measured: rows(),
    decides: [
      { name: 'PAYS_FROM', file: 'native/masking.ts', from: ['WASM in place', 'JavaScript'] },
      { name: 'COPY_PAYS_FROM', file: 'native/masking.ts', from: ['WASM, copied', 'JavaScript'] },
    ],
  },
];

/** The library's module in an instance of its own, since its `mask` does small sizes in JavaScript. */
function* rows(): Iterable<Row> {
  const { unmask } = createRequire(import.meta.url)('bufferutil') as BufferUtil;
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi })
    .WebAssembly;
  const wasm = new Instance(new Module(Buffer.from(MASK_MODULE, 'base64'))).exports as MaskExports;
  const copy = new Uint8Array(wasm.memory.buffer, 0, COPY_SIZE);
  const key = Uint8Array.of(0x78, 0x56, 0x34, 0x12);
  for (const size of sizesTo(1024 * 1024)) {
    const octets = new Uint8Array(OFFSET + size);
    const end = OFFSET + size;
    const view = Buffer.from(octets.buffer, OFFSET, size);
    yield {
      label: size,
      ways: {
        JavaScript: () => applyMask(octets, OFFSET, end, KEY),
        ...(end <= MEMORY_SIZE && { 'WASM in place': () => wasm.mask(OFFSET, end, KEY) }),
        'WASM, copied': () => maskCopy(wasm, copy, octets, end),
        bufferutil: () => unmask(view, key),
      },
    };
  }
}

function maskCopy(wasm: MaskExports, copy: Uint8Array, octets: Uint8Array, end: number): void {
  const view = new Uint8Array(octets.buffer, octets.byteOffset, end);
  let key = KEY;
  for (let at = OFFSET; at < end; at += COPY_SIZE) {
    const length = Math.min(COPY_SIZE, end - at);
    copy.set(view.subarray(at, at + length));
    key = wasm.mask(0, length, key);
    view.set(length === COPY_SIZE ? copy : copy.subarray(0, length), at);
  }
}
