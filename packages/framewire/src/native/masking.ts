/**
 * RFC 6455 §5.3 at the speed of the machine: WebAssembly with SIMD where it is to be had. It can only
 * reach its own memory, so the octets that sockets are read into lie there, and those that frames are
 * encoded into; others are copied there and back, which pays where there are many.
 */
import { markAsUntransferable } from 'node:worker_threads';
import { applyMask } from '../protocol/masking.ts';
import { MASK_MODULE } from './mask-module.ts';

/** Octets that are read from a socket at once, as Node does … */
const READ_SIZE = 64 * 1024;

/** … and where more are waiting: what these are is still in the cache when it is unmasked. */
const LONG_READ_SIZE = 192 * 1024;

/** What lies behind them. */
const COPY_SIZE = 64 * 1024;

/** The rest of the memory. */
const SEND_SIZE = 1088 * 1024;

/** From so many octets on the call is worth it, in place and with copying. */
const PAYS_FROM = 32;
const COPY_PAYS_FROM = 1024;

interface MaskExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly mask: (this: void, at: number, end: number, key: number) => number;
}

const wasm = instantiate();
const memory = wasm?.memory.buffer;
const copy = memory === undefined ? undefined : new Uint8Array(memory, LONG_READ_SIZE, COPY_SIZE);

/** What all sockets are read into, one after the other, that have much to be read. */
export const longReadBuffer: Buffer = memoryOf(0, LONG_READ_SIZE);

/** The beginning of it, for all others. */
export const readBuffer: Buffer = longReadBuffer.subarray(0, READ_SIZE);

/** What frames are encoded into, one after the other. */
export const sendBuffer: Buffer = memoryOf(LONG_READ_SIZE + COPY_SIZE, SEND_SIZE);

function memoryOf(at: number, size: number): Buffer {
  if (memory !== undefined) return Buffer.from(memory, at, size);
  const buffer = Buffer.allocUnsafeSlow(size);
  // As memory of WebAssembly is: a borrowed message lies in it.
  markAsUntransferable(buffer.buffer);
  return buffer;
}

/** As `applyMask` of the protocol. */
export function mask(octets: Uint8Array, start: number, end: number, key: number): number {
  const length = end - start;
  if (wasm === undefined || length < PAYS_FROM) return applyMask(octets, start, end, key);
  if (octets.buffer === memory) {
    const { byteOffset } = octets;
    return wasm.mask(byteOffset + start, byteOffset + end, key);
  }
  return length < COPY_PAYS_FROM
    ? applyMask(octets, start, end, key)
    : maskCopy(wasm, octets, start, end, key);
}

function maskCopy(
  { mask }: MaskExports,
  octets: Uint8Array,
  start: number,
  end: number,
  key: number,
): number {
  const view = new Uint8Array(octets.buffer, octets.byteOffset, end);
  let rotated = key;
  for (let at = start; at < end; at += COPY_SIZE) {
    const length = Math.min(COPY_SIZE, end - at);
    copy!.set(view.subarray(at, at + length));
    rotated = mask(LONG_READ_SIZE, LONG_READ_SIZE + length, rotated);
    view.set(length === COPY_SIZE ? copy! : copy!.subarray(0, length), at);
  }
  return rotated;
}

/** The types of Node 20 leave it out. */
interface WebAssemblyApi {
  readonly Module: new (octets: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** Undefined where there is no WebAssembly, as with `--jitless`, or none with SIMD. */
function instantiate(): MaskExports | undefined {
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi })
      .WebAssembly;
    const module = new Module(Buffer.from(MASK_MODULE, 'base64'));
    return new Instance(module).exports as MaskExports;
  } catch {
    return undefined;
  }
}
