/** A copy in memory of its own: keeps nothing of the buffer the octets lay in, and is no `Buffer`. */
export function copyOf(octets: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(octets.subarray(start, end));
  return copy;
}
