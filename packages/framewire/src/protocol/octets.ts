/** Up to here a loop is faster than a view and a call. */
const LOOP_PAYS_TO = 48;

/** A copy in memory of its own: keeps nothing of the buffer the octets lay in, and is no `Buffer`. */
export function copyOf(octets: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  // A view made by `subarray` would be a `Buffer` where the octets are one, at several times the cost.
  if (length > LOOP_PAYS_TO) {
    return new Uint8Array(octets.buffer, octets.byteOffset + start, length).slice();
  }
  const copy = new Uint8Array(length);
  for (let at = 0; at < length; at++) copy[at] = octets[start + at]!;
  return copy;
}
