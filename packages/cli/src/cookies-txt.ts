/**
 * The file of cookies that Netscape began with, and that curl, wget and many others read and write: a
 * line for each cookie, of seven fields with tabs between them.
 */

export interface StoredCookie {
  /** Without a dot before it. */
  readonly domain: string;
  /** For that host only, not for the names below it (RFC 6265 §5.3). */
  readonly isHostOnly: boolean;
  readonly path: string;
  readonly isSecure: boolean;
  /** Kept from the scripts of pages; curl marks it so, and older readers take it for a comment. */
  readonly isHttpOnly: boolean;
  /** Milliseconds since 1970; undefined for a cookie that has no end of its own. */
  readonly expires: number | undefined;
  readonly name: string;
  readonly value: string;
}

export interface CookieLines {
  readonly cookies: readonly StoredCookie[];
  /** The first line, from 1 on, that is neither a cookie nor a comment. */
  readonly brokenLine: number | undefined;
}

const HTTP_ONLY = '#HttpOnly_';

const HEAD = `# Netscape HTTP Cookie File
# Written by framewire. It may log somebody in: keep it to yourself.

`;

export function parseCookies(text: string): CookieLines {
  const cookies: StoredCookie[] = [];
  const lines = text.replace(/^\u{feff}/u, '').split(/\r?\n/u);
  for (const [index, line] of lines.entries()) {
    const isComment = line.startsWith('#') && !line.startsWith(HTTP_ONLY);
    if (isComment || line.trim() === '') continue;
    const cookie = parseLine(line);
    if (cookie === undefined) return { cookies, brokenLine: index + 1 };
    cookies.push(cookie);
  }
  return { cookies, brokenLine: undefined };
}

function parseLine(line: string): StoredCookie | undefined {
  const isHttpOnly = line.startsWith(HTTP_ONLY);
  const fields = (isHttpOnly ? line.slice(HTTP_ONLY.length) : line).split('\t');
  const [domain = '', subdomains = '', path = '', secure = '', seconds = '', name = ''] = fields;
  // A value that is empty may have lost the tab before it.
  const value = fields[6] ?? '';
  const isWhole = fields.length === 7 || fields.length === 6;
  const isRight =
    /^\.?[^\s.][^\s]*$/u.test(domain) &&
    path.startsWith('/') &&
    [subdomains, secure].every((flag) => /^(?:TRUE|FALSE)$/iu.test(flag)) &&
    /^\d{1,12}(?:\.\d+)?$/u.test(seconds);
  if (!isWhole || !isRight || name === '' || isUnspeakable(name + value)) return undefined;
  return {
    domain: domain.replace(/^\./u, ''),
    isHostOnly: subdomains.toUpperCase() === 'FALSE',
    path,
    isSecure: secure.toUpperCase() === 'TRUE',
    isHttpOnly,
    expires: Number(seconds) === 0 ? undefined : Math.round(Number(seconds) * 1000),
    name,
    value,
  };
}

/** What the format has no way to write down is left out. */
export function formatCookies(cookies: readonly StoredCookie[]): string {
  const lines = cookies
    .filter(({ domain, path, name, value }) => !isUnspeakable(domain + path + name + value))
    .map((cookie) => `${formatLine(cookie)}\n`);
  return HEAD + lines.join('');
}

function formatLine(cookie: StoredCookie): string {
  const { domain, isHostOnly, path, isSecure, isHttpOnly, expires, name, value } = cookie;
  const fields = [
    (isHttpOnly ? HTTP_ONLY : '') + (isHostOnly ? domain : `.${domain}`),
    isHostOnly ? 'FALSE' : 'TRUE',
    path,
    isSecure ? 'TRUE' : 'FALSE',
    // Zero would be no end at all.
    String(expires === undefined ? 0 : Math.max(1, Math.floor(expires / 1000))),
    name,
    value,
  ];
  return fields.join('\t');
}

function isUnspeakable(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
