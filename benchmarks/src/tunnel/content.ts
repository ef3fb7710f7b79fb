/** What the target sends, and the load compares with what arrives. */

/** Of a prime length, so that it is another part of the pattern wherever octets are cut. */
const PATTERN = Buffer.from(Array.from({ length: 251 }, (_, index) => index));

/** The octets of every answer, again and again, as far as its length goes. */
export const BLOCK: Buffer = Buffer.alloc(64 * 1024, PATTERN);

/** The path of an answer with so many octets. */
export function pathOf(size: number): string {
  return `/${size}`;
}

export function sizeOf(path: string): number {
  return Number(path.slice(1));
}
