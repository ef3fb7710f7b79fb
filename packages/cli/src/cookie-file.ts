/** --cookie-jar: cookies that last longer than the process, in a file that curl can read, too. */
import {
  accessSync,
  constants,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { CookieJar } from 'framewire';
import type * as Tough from 'tough-cookie';
import type { Cookie, CookieJar as ToughJar } from 'tough-cookie';
import { formatCookies, parseCookies, type StoredCookie } from './cookies-txt.ts';
import { messageOf } from './error-message.ts';
import { UsageError } from './usage-error.ts';

/** The last second of the year 9999, for a Max-Age that is longer than dates are. */
const LAST_DATE = 253_402_300_799_000;

export class CookieFile implements CookieJar {
  readonly #path: string;
  readonly #tough: typeof Tough;
  readonly #jar: ToughJar;
  #isChanged = false;

  private constructor(path: string, tough: typeof Tough) {
    this.#path = path;
    this.#tough = tough;
    this.#jar = new tough.CookieJar();
  }

  /** A file that is not there is an empty one; a `UsageError` for one that cannot be used. */
  static async open(path: string): Promise<CookieFile> {
    const cookies = readCookies(path);
    // It knows the public suffixes of the whole world, which nobody else should have to wait for.
    const file = new CookieFile(path, await import('tough-cookie'));
    for (const cookie of cookies) await file.#jar.store.putCookie(file.#toCookie(cookie));
    return file;
  }

  getCookieString(url: string): Promise<string> {
    return this.#jar.getCookieString(url);
  }

  async setCookie(text: string, url: string): Promise<void> {
    const cookie = this.#tough.Cookie.parse(text);
    if (cookie === undefined) return;
    if (typeof cookie.maxAge === 'number') {
      // RFC 6265 §5.3: an age counts from now. The file has dates only.
      const end = cookie.maxAge <= 0 ? 0 : Date.now() + cookie.maxAge * 1000;
      cookie.expires = new Date(Math.min(end, LAST_DATE));
      cookie.maxAge = null;
    }
    await this.#jar.setCookie(cookie, url);
    this.#isChanged = true;
  }

  /** Writes the file if a server has set a cookie since. Throws when it cannot be written. */
  async save(): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const cookies = (await this.#jar.store.getAllCookies()).map(toStored);
    const now = Date.now();
    const lasting = cookies.filter(({ expires = Infinity }) => expires > now);
    replaceFile(this.#path, formatCookies(lasting));
  }

  #toCookie({ name: key, expires, ...cookie }: StoredCookie): Cookie {
    const { value, domain, path, isHostOnly, isSecure, isHttpOnly } = cookie;
    return new this.#tough.Cookie({
      ...{ key, value, domain: domain.toLowerCase(), path },
      hostOnly: isHostOnly,
      secure: isSecure,
      httpOnly: isHttpOnly,
      expires: expires === undefined ? 'Infinity' : new Date(expires),
    });
  }
}

function toStored({ key, value, domain, path, ...cookie }: Cookie): StoredCookie {
  return {
    domain: domain ?? '',
    isHostOnly: cookie.hostOnly ?? true,
    path: path ?? '/',
    isSecure: cookie.secure,
    isHttpOnly: cookie.httpOnly,
    expires: cookie.expires instanceof Date ? cookie.expires.getTime() : undefined,
    name: key,
    value,
  };
}

function readCookies(path: string): readonly StoredCookie[] {
  const { cookies, brokenLine } = parseCookies(readIfThere(path));
  if (brokenLine === undefined) return cookies;
  // Not what it says: that may be a secret.
  throw new UsageError(
    `--cookie-jar: line ${brokenLine} of ${path} is no cookie; ` +
      'one has 7 fields with tabs between them, as curl writes them',
  );
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if (isMissing(cause)) return mayWrite(path);
    throw new UsageError(`--cookie-jar: cannot read the file: ${messageOf(cause)}`, { cause });
  }
}

/** That a file cannot be made is better found before a cookie is lost. */
function mayWrite(path: string): '' {
  try {
    accessSync(dirname(path), constants.W_OK);
    return '';
  } catch (cause) {
    throw new UsageError(`--cookie-jar: cannot make the file: ${messageOf(cause)}`, { cause });
  }
}

/** Whoever reads it finds the old cookies or the new ones, and only its owner reads it. */
function replaceFile(path: string, text: string): void {
  const target = resolveLinks(path);
  const draft = `${target}.${process.pid}.new`;
  try {
    // What a killed process has left may be readable for others.
    rmSync(draft, { force: true });
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(draft, target);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new Error(`--cookie-jar: cannot write the file: ${messageOf(cause)}`, { cause });
  }
}

/** A link stays one. */
function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isMissing(error)) return path;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
