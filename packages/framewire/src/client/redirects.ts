/** RFC 9110 §15.4 — where a server sends its client, and whether the client goes there. */
import { HandshakeError } from '../errors.ts';
import { quote } from '../handshake/header-values.ts';
import type { FinalHead } from './answer.ts';
import { originOf, parseUrl, withoutSecrets, type Destination } from './url.ts';

/** 300 offers a choice, and 304 is about caches. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The next destination; undefined if the answer is no redirect, an error if it must not be followed. */
export function redirectOf(
  { status, headers }: FinalHead,
  from: Destination,
): Destination | HandshakeError | undefined {
  const location = headers.get('location');
  if (!REDIRECTS.has(status) || location === undefined) return undefined;
  const refuse = (detail: string): HandshakeError =>
    new HandshakeError('ERR_WS_REDIRECT', detail, { status, headers });
  let to: Destination;
  try {
    to = parseUrl(bare(new URL(location, originOf(from) + from.target)));
  } catch {
    return refuse(`${status} to ${quote(withoutSecrets(location))}`);
  }
  // A unix socket is a file of this machine, which no server has to name.
  if (to.socketPath !== undefined) return refuse(`${status} to a unix socket`);
  if (from.isSecure && !to.isSecure) return refuse(`${status} from wss: to ${to.url}`);
  // Whoever dials a unix socket has its server in mind, under whatever name.
  return sharesOrigin(from, to) ? { ...to, socketPath: from.socketPath } : to;
}

export function sharesOrigin(one: Destination, other: Destination): boolean {
  return originOf(one) === originOf(other);
}

/**
 * A fragment is for the page that is shown (RFC 9110 §10.2.2); who the client is, is not for the server
 * to say.
 */
function bare(url: URL): URL {
  url.hash = '';
  url.username = '';
  url.password = '';
  return url;
}
