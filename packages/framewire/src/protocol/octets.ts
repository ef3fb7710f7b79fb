/** From this many octets on, memory that need not be zeroed is worth asking for. */
const ALLOCATING_PAYS_FROM = 2048;

/** Octets of any content: whoever asks for them overwrites all that is ever seen of them. */
export type Allocate = (size: number) => Uint8Array;

export function allocateZeroed(size: number): Uint8Array {
  return new Uint8Array(size);
}

/** A copy in memory of its own: keeps nothing of the buffer the octets lay in, and is no `Buffer`. */
export function copyOf(
  octets: Uint8Array,
  start: number,
  end: number,
  allocate: Allocate = allocateZeroed,
): Uint8Array {
  const length = end - start;
  const isPlain = octets.constructor === Uint8Array;
  if (isPlain && length < ALLOCATING_PAYS_FROM) return octets.slice(start, end);
  // Of a `Buffer`, `slice` and `subarray` would make another one.
  const view = new Uint8Array(octets.buffer, octets.byteOffset + start, length);
  if (length < ALLOCATING_PAYS_FROM) return view.slice();
  const copy = allocate(length);
  copy.set(view);
  return copy;
}
