/**
 * Addresses that no target has unless it is said so: those of the machine's own link, where clouds have
 * the service that gives away credentials (metadata), and those that are none of a host.
 */
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import dns from 'node:dns';
import { TunnelError } from '../errors.ts';

const REFUSED = new BlockList();
REFUSED.addSubnet('169.254.0.0', 16);
REFUSED.addSubnet('fe80::', 10, 'ipv6');
// Metadata of AWS over IPv6, and of Alibaba Cloud.
REFUSED.addAddress('fd00:ec2::254', 'ipv6');
REFUSED.addAddress('100.100.100.200');
REFUSED.addSubnet('0.0.0.0', 8);
REFUSED.addAddress('::', 'ipv6');
REFUSED.addSubnet('224.0.0.0', 4);
REFUSED.addSubnet('ff00::', 8, 'ipv6');

export function isRefused(address: string): boolean {
  const family = isIP(address);
  return family === 0 || REFUSED.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** For `net.connect`: a name that leads to such an address is refused, whenever it does. */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, options, (error, address, family) => {
    const addresses = typeof address === 'string' ? [address] : (address ?? []).map(addressOf);
    const refused = error === null ? addresses.find(isRefused) : undefined;
    if (refused === undefined) callback(error, address, family);
    else callback(refusal(hostname, refused), '', 0);
  });
};

export function refusal(hostname: string, address: string): NodeJS.ErrnoException {
  const where = hostname === address ? address : `${hostname} is ${address}`;
  return new TunnelError('ERR_TUNNEL_FORBIDDEN', `${where}, of the machine's own link`);
}

function addressOf({ address }: dns.LookupAddress): string {
  return address;
}
