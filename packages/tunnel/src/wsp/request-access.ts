/** Who may ask for what is behind the agents: wsp asked nobody. */
import type { IncomingMessage } from 'node:http';
import { TunnelError } from '../errors.ts';
import type { Secrets } from './secret.ts';

export interface Granted {
  /** The token came in Authorization, which is then ours and not the target's. */
  readonly usedAuthorization: boolean;
}

export type Admission = Granted | TunnelError;

/** Fields that a proxy in front leaves behind: then the address is the proxy's, and says nothing. */
const TRACES = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

export function mayRequest(request: IncomingMessage, tokens: Secrets, isOpen: boolean): Admission {
  if (!tokens.isEmpty) return withToken(request, tokens);
  if (isOpen || isLocal(request)) return { usedAuthorization: false };
  const detail = 'without a token, /request serves callers of its own machine only';
  return new TunnelError('ERR_TUNNEL_FORBIDDEN', detail);
}

/** RFC 9110 §11.7: a credential for the proxy, which leaves Authorization to the target. */
function withToken({ headers }: IncomingMessage, tokens: Secrets): Admission {
  if (tokens.has(bearer(headers['proxy-authorization']))) return { usedAuthorization: false };
  if (tokens.has(bearer(headers.authorization))) return { usedAuthorization: true };
  return new TunnelError('ERR_TUNNEL_UNAUTHORIZED', 'send Proxy-Authorization: Bearer');
}

/** RFC 6750 §2.1. */
function bearer(value: string | undefined): string | undefined {
  return /^bearer +(\S+)$/i.exec(value ?? '')?.[1];
}

function isLocal({ socket, headers }: IncomingMessage): boolean {
  const { remoteAddress = '' } = socket;
  const isLoopback = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/i.test(remoteAddress);
  const host = headers.host ?? headers[':authority'];
  const isNamedSo =
    typeof host === 'string' && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i.test(host);
  return isLoopback && isNamedSo && !TRACES.some((name) => headers[name] !== undefined);
}
