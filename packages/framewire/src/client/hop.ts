/** One of the servers that are asked, each redirect to the next, and what it may be told. */
import { randomBytes } from 'node:crypto';
import { createKey } from '../handshake/accept-key.ts';
import { clientRequestHead, type ClientRequest } from '../handshake/client-handshake.ts';
import { headerEntries } from '../handshake/header-values.ts';
import { basic } from './authentication.ts';
import type { Plan } from './connect-options.ts';
import { cookiesFor } from './cookies.ts';
import { unlessAborted } from './deadline.ts';
import type { Dialling } from './dial.ts';
import { isSameOrigin } from './redirects.ts';
import type { Destination } from './url.ts';

export interface Hop {
  readonly destination: Destination;
  readonly headers: readonly [string, string][];
  readonly authorization: string | undefined;
  readonly dialling: Dialling;
}

export async function firstHop(
  destination: Destination,
  plan: Plan,
  signal: AbortSignal,
): Promise<Hop> {
  const { headers, dialling } = plan;
  const entries =
    typeof headers === 'function'
      ? headerEntries(await unlessAborted(Promise.resolve(headers()), signal))
      : headers;
  const authorization = plan.authorization ?? authorizationIn(destination);
  return { destination, headers: entries, authorization, dialling };
}

/** What one origin is told is not for another to know (RFC 9110 §15.4). */
const OF_ONE_ORIGIN: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'host',
  'proxy-authorization',
]);

/** Options of TLS that say who the client is, or whom it expects. */
const OF_ONE_SERVER: ReadonlySet<string> = new Set([
  'cert',
  'key',
  'passphrase',
  'pfx',
  'servername',
  'session',
]);

export function hopTo(destination: Destination, from: Hop): Hop {
  const authorization = authorizationIn(destination);
  if (isSameOrigin(destination, from.destination)) {
    return { ...from, destination, authorization: authorization ?? from.authorization };
  }
  const headers = from.headers.filter(([name]) => !OF_ONE_ORIGIN.has(name.toLowerCase()));
  const tls = Object.fromEntries(
    Object.entries(from.dialling.tls).filter(([name]) => !OF_ONE_SERVER.has(name)),
  );
  return { destination, headers, authorization, dialling: { ...from.dialling, tls } };
}

/** The user information of the URL, where it has some (RFC 7617). */
function authorizationIn({ credentials }: Destination): string | undefined {
  return credentials === undefined ? undefined : basic(credentials);
}

/** What is asked there. */
export async function composeRequest(
  { destination, headers, authorization }: Hop,
  plan: Plan,
  signal: AbortSignal,
): Promise<ClientRequest> {
  const { cookieJar, protocols, origin, settings } = plan;
  const cookies = cookieJar && (await cookiesFor(cookieJar, destination, signal));
  const request: ClientRequest = {
    target: destination.target,
    host: destination.host,
    key: createKey(randomBytes(16)),
    protocols,
    headers: withCookies(withAuthorization(headers, authorization), cookies),
    extensions: settings.perMessageDeflate?.offer,
    origin,
  };
  // Serialised before anything is dialled, so that a bad header costs no connection.
  clientRequestHead(request);
  return request;
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

function isNamed(wanted: string): (header: readonly [string, string]) => boolean {
  return ([name]) => name.toLowerCase() === wanted;
}
