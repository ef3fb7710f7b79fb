/** One of the servers that are asked, each redirect to the next, and what it may be told. */
import { randomBytes } from 'node:crypto';
import { createKey } from '../handshake/accept-key.ts';
import type { ClientRequest } from '../handshake/client-handshake.ts';
import { headerEntries, isNamed } from '../handshake/header-values.ts';
import { basic } from './authentication.ts';
import type { Plan } from './connect-options.ts';
import { cookiesFor } from './cookies.ts';
import { unlessExpired, type Deadline } from './deadline.ts';
import type { Dialling } from './dial.ts';
import { sharesOrigin } from './redirects.ts';
import type { Destination } from './url.ts';

export interface Visit {
  readonly destination: Destination;
  readonly headers: readonly [string, string][];
  readonly authorization: string | undefined;
  readonly dialling: Dialling;
}

export async function firstVisit(
  destination: Destination,
  plan: Plan,
  deadline: Deadline,
): Promise<Visit> {
  const { headers, dialling } = plan;
  const entries =
    typeof headers === 'function'
      ? headerEntries(await unlessExpired(Promise.resolve(headers()), deadline))
      : headers;
  const { credentials } = destination;
  const authorization = plan.authorization ?? (credentials && basic(credentials));
  return { destination, headers: entries, authorization, dialling };
}

/** What one origin is told is not for another to know (RFC 9110 §15.4). */
const OF_ONE_ORIGIN: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'host',
  'proxy-authorization',
]);

/**
 * Options of TLS that say who the client is, or which server it expects. All others go along, those
 * above all that forbid something, and those that are yet to be invented.
 */
const TLS_OF_ONE_SERVER: ReadonlySet<string> = new Set([
  'cert',
  'clientCertEngine',
  'key',
  'passphrase',
  'pfx',
  'privateKeyEngine',
  'privateKeyIdentifier',
  'pskCallback',
  'pskIdentityHint',
  // It may have a certificate in it, which nobody can take out again.
  'secureContext',
  'servername',
  'session',
  'sessionIdContext',
  'ticketKeys',
]);

export function nextVisit(destination: Destination, from: Visit): Visit {
  if (sharesOrigin(destination, from.destination)) return { ...from, destination };
  const headers = from.headers.filter(([name]) => !OF_ONE_ORIGIN.has(name.toLowerCase()));
  const tls = Object.fromEntries(
    Object.entries(from.dialling.tls).filter(([name]) => !TLS_OF_ONE_SERVER.has(name)),
  );
  return { destination, headers, authorization: undefined, dialling: { ...from.dialling, tls } };
}

/** What is asked there. */
export async function requestOf(
  { destination, headers, authorization }: Visit,
  plan: Plan,
  deadline: Deadline,
): Promise<ClientRequest> {
  const { cookieJar, protocols, origin, settings } = plan;
  const cookies = cookieJar && (await cookiesFor(cookieJar, destination, deadline));
  return {
    target: destination.target,
    host: destination.host,
    key: createKey(randomBytes(16)),
    protocols,
    headers: withCookies(withAuthorization(headers, authorization), cookies),
    extensions: settings.perMessageDeflate?.offer,
    origin,
  };
}

/** The application's own header stands above what is derived. */
function withAuthorization(
  headers: readonly [string, string][],
  authorization: string | undefined,
): readonly [string, string][] {
  if (authorization === undefined || headers.some(isNamed('authorization'))) return headers;
  return [...headers, ['Authorization', authorization]];
}

/** RFC 6265 §5.4: there is one Cookie header at most. */
function withCookies(
  headers: readonly [string, string][],
  cookies: string | undefined,
): readonly [string, string][] {
  if (cookies === undefined || cookies === '') return headers;
  const own = headers.filter(isNamed('cookie')).map(([, value]) => value);
  const others = headers.filter((header) => !isNamed('cookie')(header));
  return [...others, ['Cookie', [...own, cookies].join('; ')]];
}
