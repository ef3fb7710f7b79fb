/** IP addresses as octets, which is how SOCKS sends them and how ranges of them are compared. */
import { isIPv4, isIPv6 } from 'node:net';

/** The 4 or 16 octets of an address; undefined for anything else, such as a name. */
export function addressOctets(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  // A zone (RFC 4007 §11) means something on this machine only.
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [before = '', after = ''] = text.split('::');
  const first = octetsOfGroups(before);
  const last = octetsOfGroups(after);
  const octets = new Uint8Array(16);
  octets.set(first, 0);
  octets.set(last, octets.length - last.length);
  return octets;
}

/** RFC 4291 §2.2: groups of 16 bits in hex, the last two perhaps as an IPv4 address. */
function octetsOfGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 0xff];
  });
}

/** Whether the first bits of two addresses of one family are the same. */
export function sharesPrefix(one: Uint8Array, other: Uint8Array, bits: number): boolean {
  if (one.length !== other.length) return false;
  return one.every((octet, index) => {
    const relevant = Math.min(8, Math.max(0, bits - 8 * index));
    return (octet ^ other[index]!) >>> (8 - relevant) === 0;
  });
}
