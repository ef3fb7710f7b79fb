/**
 * Addresses that no target has unless it is said so: those of the machine's own link, where clouds have
 * the service that gives away credentials (metadata), and those that are none of a host.
 */
import dns from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { TunnelError } from './errors.ts';

const REFUSED = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  // Metadata of Alibaba Cloud, and what Azure and Oracle Cloud have instead of it, or beside it.
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.192', 32],
] as const) {
  REFUSED.addSubnet(network, bits);
  // RFC 6052 §2.1: the same by way of a NAT64.
  REFUSED.addSubnet(`64:ff9b::${network}`, 96 + bits, 'ipv6');
}
REFUSED.addSubnet('fe80::', 10, 'ipv6');
REFUSED.addSubnet('ff00::', 8, 'ipv6');
REFUSED.addAddress('::', 'ipv6');
// Metadata of AWS and of Google Cloud over IPv6.
REFUSED.addAddress('fd00:ec2::254', 'ipv6');
REFUSED.addAddress('fd20:ce::254', 'ipv6');

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

export function refusal(hostname: string, address: string): TunnelError {
  const where = hostname === address ? address : `${hostname} is ${address}`;
  return new TunnelError('ERR_TUNNEL_FORBIDDEN', `${where}, of the machine's own link`);
}

function addressOf({ address }: dns.LookupAddress): string {
  return address;
}
