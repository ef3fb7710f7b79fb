/** Where a caller is, as far as the proxies in front of the relay are believed. */
import type { IncomingMessage } from 'node:http';
import { plainAddress } from '../http/forwarded.ts';
import type { IpList } from './ip-list.ts';

/** The address: of a proxy in front that is believed, the last one it names that is none of its kind. */
export function addressOf(
  { socket, headers }: IncomingMessage,
  trustedProxies: IpList,
): string | undefined {
  const address = plainAddress(socket.remoteAddress);
  const named = headers['x-forwarded-for'];
  if (address === undefined || typeof named !== 'string' || !trustedProxies.has(address)) {
    return address;
  }
  const chain = named.split(',').map((entry) => plainAddress(entry.trim()));
  return chain.findLast((entry) => entry !== undefined && !trustedProxies.has(entry)) ?? address;
}
