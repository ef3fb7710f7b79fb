/** Octets as people write and read them. */

const OCTETS_PER_ROW = 16;

/** Octets of a message that are shown; the rest is counted. */
const SHOWN_OCTETS = 512;

/**
 * Octets from hexadecimal digits, such as `48 65 6c`, `48656c` or `0x48,0x65`. Undefined for text
 * that is something else, or that ends in the middle of an octet.
 */
export function parseHex(text: string): Uint8Array | undefined {
  const words = text.split(/[\s,:]+/u).filter((word) => word !== '');
  const digits = words.map((word) => word.replace(/^0x/iu, ''));
  const isWhole = digits.every((word) => /^(?:[\da-f]{2})+$/iu.test(word));
  return isWhole ? Uint8Array.from(Buffer.from(digits.join(''), 'hex')) : undefined;
}

/** Rows of offset, sixteen octets and their ASCII, and a row that counts what is not shown. */
export function hexDump(octets: Uint8Array, shown: number = SHOWN_OCTETS): string {
  const rows: string[] = [];
  const end = Math.min(octets.length, shown);
  for (let offset = 0; offset < end; offset += OCTETS_PER_ROW) {
    rows.push(row(offset, octets.subarray(offset, Math.min(offset + OCTETS_PER_ROW, end))));
  }
  if (octets.length > end) rows.push(`… and ${countOctets(octets.length - end)} more`);
  return rows.join('\n');
}

function row(offset: number, octets: Uint8Array): string {
  const pairs = Array.from(octets, (octet) => octet.toString(16).padStart(2, '0'));
  const left = pairs.slice(0, OCTETS_PER_ROW / 2).join(' ');
  const right = pairs.slice(OCTETS_PER_ROW / 2).join(' ');
  const ascii = Array.from(octets, (octet) =>
    octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.',
  ).join('');
  return `${offset.toString(16).padStart(8, '0')}  ${left.padEnd(23)}  ${right.padEnd(23)}  |${ascii}|`;
}

export function countOctets(count: number): string {
  return `${count} ${count === 1 ? 'octet' : 'octets'}`;
}
