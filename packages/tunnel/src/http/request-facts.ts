/** What a request says, in HTTP/1.1 and in HTTP/2, of how it was asked. */
import type { IncomingMessage } from 'node:http';

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
