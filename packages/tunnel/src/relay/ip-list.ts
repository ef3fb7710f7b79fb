/** Lists of addresses and of ranges of them (RFC 4632, RFC 4291 §2.3). */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { invalidArgument } from '../errors.ts';
import { plainAddress } from '../http/forwarded.ts';

export class IpList {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** Such as `192.0.2.7`, `10.0.0.0/8` or `2001:db8::/32`; a TypeError names what is neither. */
  constructor(option: string, ranges: readonly string[]) {
    this.#isEmpty = ranges.length === 0;
    for (const range of ranges) this.#add(option, range);
  }

  /**
   * An IPv4 address may be written as IPv6 has it: `::ffff:192.0.2.7`; and any address with a port.
   * False for what is no address.
   */
  has(address: string): boolean {
    // As most are, and Node takes long for it.
    if (this.#isEmpty) return false;
    const plain = plainAddress(address) ?? '';
    if (isIP(plain) === 0) return false;
    return this.#list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
  }

  #add(option: string, range: string): void {
    const [text = '', digits, ...more] = range.split('/');
    const family = isIPv4(text) ? 'ipv4' : 'ipv6';
    const most = family === 'ipv4' ? 32 : 128;
    const bits = digits === undefined ? most : Number(digits);
    const isRange = digits === undefined || /^[0-9]{1,3}$/.test(digits);
    // Those of IPv4 are compared as what they are, so that such a range would never match.
    const isMapped = /^::ffff:/i.test(text);
    if (isIP(text) === 0 || text.includes('%') || isMapped) throw noRange(option, range);
    if (!isRange || more.length > 0 || bits > most) throw noRange(option, range);
    this.#list.addSubnet(text, bits, family);
  }
}

/** Whether it is one, however `plainAddress` finds it. */
export function isAddress(text: string): boolean {
  return isIP(plainAddress(text) ?? '') !== 0;
}

function noRange(option: string, range: string): TypeError {
  return invalidArgument(`${option}: ${JSON.stringify(range)} is no address and no range of them`);
}
