/** Up to here a loop is faster than a view and a call. */
const LOOP_PAYS_TO = 48;

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
  const copy = allocate(length);
  if (length > LOOP_PAYS_TO) {
    // A view made by `subarray` would be a `Buffer` where the octets are one, at several times the cost.
    copy.set(new Uint8Array(octets.buffer, octets.byteOffset + start, length));
    return copy;
  }
  for (let at = 0; at < length; at++) copy[at] = octets[start + at]!;
  return copy;
}
