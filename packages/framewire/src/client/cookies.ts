/** RFC 6265 — cookies of the opening handshake, kept by a library of the application's choice. */
import type { FinalHead } from './answer.ts';
import { unlessExpired, type Deadline } from './deadline.ts';
import { originOf, type Destination } from './url.ts';

/** What is asked of a jar; the `CookieJar` of tough-cookie is one. URLs have `http:` or `https:`. */
export interface CookieJar {
  /** The value of the Cookie header, or the empty string. `connect` rejects with what it throws. */
  getCookieString(url: string): string | Promise<string>;
  /** Takes a value of Set-Cookie. What it throws, of a cookie that is not allowed, is ignored. */
  setCookie(cookie: string, url: string): unknown;
}

export async function cookiesFor(
  jar: CookieJar,
  destination: Destination,
  deadline: Deadline,
): Promise<string> {
  return await unlessExpired(Promise.resolve(jar.getCookieString(urlOf(destination))), deadline);
}

/** Of any answer, a refusal included. */
export async function keepCookies(
  jar: CookieJar,
  destination: Destination,
  { cookies }: FinalHead,
  deadline: Deadline,
): Promise<void> {
  for (const cookie of cookies) {
    try {
      await unlessExpired(Promise.resolve(jar.setCookie(cookie, urlOf(destination))), deadline);
    } catch (error) {
      // §5.3: a cookie that is not allowed is dropped, and the others are not.
      if (deadline.hasExpiredWith(error)) throw error;
    }
  }
}

function urlOf(destination: Destination): string {
  return originOf(destination) + destination.target;
}
