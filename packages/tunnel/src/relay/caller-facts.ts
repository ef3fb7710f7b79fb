/** What is known of a caller from its request and its socket. */
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

export function isSecure({ socket }: IncomingMessage): boolean {
  return 'encrypted' in socket && socket.encrypted === true;
}

/** Whether it has shown a certificate which its server trusts. */
export function hasCertificate({ socket }: IncomingMessage): boolean {
  return 'authorized' in socket && socket.authorized === true;
}

export function hostOf({ headers }: IncomingMessage): string {
  const authority = headers[':authority'];
  return headers.host ?? (typeof authority === 'string' ? authority : '');
}

export function pathOf({ url = '' }: IncomingMessage): string {
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}
