/** Who may ask for what is behind the agents: wsp asked nobody. */
import type { IncomingMessage } from 'node:http';
import { TunnelError } from '../errors.ts';
import type { Secrets } from './secret.ts';

export interface Granted {
  /** The token came in Authorization, which is then ours and not the target's. */
  readonly usedAuthorization: boolean;
}

export type Admission = Granted | TunnelError;

/**
 * Where a caller seems to come from says nothing: behind a proxy everybody comes from the loopback
 * interface, and nginx, as it is, names a loopback host and leaves no trace of itself.
 */
export function mayRequest(request: IncomingMessage, tokens: Secrets, isOpen: boolean): Admission {
  if (!tokens.isEmpty) return withToken(request, tokens);
  if (isOpen) return { usedAuthorization: false };
  const detail = '/request is closed: set the option requestToken, or openRequests for everybody';
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
