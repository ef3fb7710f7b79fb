/** RFC 6265 — cookies of the opening handshake, kept by a library of the application's choice. */
import type { FinalHead } from './answer.ts';
import { unlessAborted } from './deadline.ts';
import { originOf, type Destination } from './url.ts';

/** What is asked of a jar; the `CookieJar` of tough-cookie is one. URLs have `http:` or `https:`. */
export interface CookieJar {
  /** The value of the Cookie header, or the empty string. */
  getCookieString(url: string): string | Promise<string>;
  /** Takes a value of Set-Cookie. What it throws, of a cookie that is not allowed, is ignored. */
  setCookie(cookie: string, url: string): unknown;
}

export async function cookiesFor(
  jar: CookieJar,
  destination: Destination,
  signal: AbortSignal,
): Promise<string> {
  return await unlessAborted(Promise.resolve(jar.getCookieString(urlOf(destination))), signal);
}

/** Of any answer, a refusal included. */
export async function keepCookies(
  jar: CookieJar,
  destination: Destination,
  { cookies }: FinalHead,
  signal: AbortSignal,
): Promise<void> {
  for (const cookie of cookies) {
    try {
      await unlessAborted(Promise.resolve(jar.setCookie(cookie, urlOf(destination))), signal);
    } catch {
      // §5.3: a cookie that is not allowed is dropped, and the others are not.
      signal.throwIfAborted();
    }
  }
}

function urlOf(destination: Destination): string {
  return originOf(destination) + destination.target;
}
