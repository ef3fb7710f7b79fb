/** Memory that is filled as a whole as soon as it is there, and hence need not be zeroed before. */

/** Below, Node's own memory for small arrays is as fast, and zeroing costs nothing. */
const PAYS_FROM = 2048;

/** Octets of any content: whoever asks for them overwrites all that is ever seen of them. */
export function allocate(size: number): Uint8Array {
  return size < PAYS_FROM
    ? new Uint8Array(size)
    : new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}
