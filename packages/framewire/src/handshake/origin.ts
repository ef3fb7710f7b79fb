/**
 * RFC 6455 §10.2 — which web pages may open a WebSocket here.
 *
 * A browser sends the user's cookies along with any page's handshake, and CORS does not apply: the
 * Origin header is all that tells a friend's page from an attacker's. Other clients write into
 * that header what they like, or leave it out, so it never authenticates anybody (§10.1).
 */
import { invalidArgument } from '../errors.ts';
import { quote } from './header-values.ts';
import { isHost } from './request-target.ts';

/**
 * - `'same'`: the page comes from the host and port that the Host header names.
 * - `'any'`: every page.
 * - a list: of exact origins (`'https://app.example.com'`, `'null'`), of origins with a wildcard
 *   for one or more leading labels (`'https://*.example.com'`), and of regular expressions, which
 *   must match the whole origin.
 *
 * A request without an Origin comes from no browser and is allowed by all of them.
 */
export type OriginPolicy = 'same' | 'any' | readonly (string | RegExp)[];

/** A scheme, a name of 253 octets and a port are shorter than this; nothing longer is compared. */
const MAX_ORIGIN_LENGTH = 512;

/** RFC 6454 §6.2, and the slash at the end that golang.org/x/net sends. No classes overlap. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^/?#@\\\s]*)\/?$/i;

/**
 * Whether a policy allows an Origin. `host` is the Host header's value, `encrypted` whether this
 * side of the connection is TLS.
 *
 * `'same'` compares host and port without case, a missing port being the default of the Origin's
 * scheme. On a connection with TLS the page must have come over TLS as well. Without TLS both are
 * taken, for a proxy in front may have ended it, and then nothing here tells which it was.
 * `null`, the origin of sandboxed frames and of local files, is never the same.
 */
export function isOriginAllowed(
  policy: OriginPolicy,
  origin: string | undefined,
  host: string | undefined,
  encrypted: boolean,
): boolean {
  if (policy === 'any' || origin === undefined) return true;
  if (origin.length > MAX_ORIGIN_LENGTH) return false;
  if (policy === 'same') return isSameOrigin(origin, host, encrypted);
  const canonical = canonicalOrigin(origin);
  return policy.some((pattern) => {
    if (typeof pattern !== 'string') return matchesWhole(origin, pattern);
    if (pattern === 'same') return isSameOrigin(origin, host, encrypted);
    return canonical !== undefined && matchesPattern(canonical, pattern);
  });
}

/** Throws a TypeError unless each string of a list is an origin, perhaps with a wildcard. */
export function checkOriginPatterns(list: readonly (string | RegExp)[]): void {
  for (const pattern of list) {
    if (pattern instanceof RegExp || pattern === 'same') continue;
    if (typeof pattern !== 'string') {
      throw invalidArgument('an origin is neither a string nor a regular expression');
    }
    const exact = canonicalOrigin(withoutWildcard(pattern));
    if (exact === undefined || exact.includes('*') || pattern.length > MAX_ORIGIN_LENGTH) {
      throw invalidArgument(
        `${quote(pattern)} is not an origin such as https://example.com or https://*.example.com`,
      );
    }
  }
}

function isSameOrigin(origin: string, host: string | undefined, encrypted: boolean): boolean {
  const canonical = canonicalOrigin(origin);
  if (canonical === undefined || host === undefined || !isHost(host)) return false;
  const scheme = canonical.startsWith('https://') ? 'https' : 'http';
  if (encrypted && scheme === 'http') return false;
  return canonical === canonicalOrigin(`${scheme}://${host}`);
}

/**
 * One spelling for each origin: lower case, punycode, no default port, no slash at the end.
 * Undefined for what is no origin. Other schemes than HTTP's only lose their case.
 */
function canonicalOrigin(origin: string): string | undefined {
  if (origin === 'null') return origin;
  const [whole, scheme = '', authority = ''] = ORIGIN.exec(origin) ?? [];
  if (whole === undefined) return undefined;
  const text = `${scheme}://${authority}`.toLowerCase();
  if (!text.startsWith('http://') && !text.startsWith('https://')) return text;
  return URL.canParse(text) ? new URL(text).origin : undefined;
}

/** `https://example.com` for `https://*.example.com`, and other patterns as they are. */
function withoutWildcard(pattern: string): string {
  return pattern.replace('://*.', '://');
}

function matchesPattern(origin: string, pattern: string): boolean {
  const exact = canonicalOrigin(withoutWildcard(pattern));
  if (exact === undefined) return false;
  if (!pattern.includes('://*.')) return origin === exact;
  const [scheme = '', authority = ''] = exact.split('://');
  const prefix = `${scheme}://`;
  const suffix = `.${authority}`;
  return (
    origin.startsWith(prefix) &&
    origin.endsWith(suffix) &&
    origin.length > prefix.length + suffix.length
  );
}

/** Flags `g` and `y` would make a result depend on the one before; `m` has no lines here. */
function matchesWhole(text: string, pattern: RegExp): boolean {
  const flags = pattern.flags.replace(/[gmy]/g, '');
  return new RegExp(`^(?:${pattern.source})$`, flags).test(text);
}
