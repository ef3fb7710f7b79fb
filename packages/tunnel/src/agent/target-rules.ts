/** What callers may ask of the target, where not everything. */
import { invalidArgument } from '../errors.ts';

export interface TargetRule {
  /** Methods, such as `GET`. Default: all. */
  readonly methods?: readonly string[] | undefined;
  /**
   * The path exactly, or with a `*` at its end all that begin so. To deny `/admin` is to deny
   * `/admin/` and `/ADMIN` too, as many servers take them for the same; for what is below it there is
   * `/admin*`. Default: all.
   */
  readonly path?: string | undefined;
}

/**
 * Where a rule has a path, what servers read in different ways is refused: paths with `;`, `%`, a
 * backslash or a control character once they are decoded, with an encoded slash, or with dots.
 */
export interface TargetRules {
  /** Where there are any, one of them has to fit. */
  readonly allow?: readonly TargetRule[] | undefined;
  /** None of them may fit, whatever `allow` says. */
  readonly deny?: readonly TargetRule[] | undefined;
}

interface Compiled {
  readonly methods: ReadonlySet<string> | undefined;
  readonly path: string;
  readonly isPrefix: boolean;
}

/** Whether a request may be passed on. Throws a TypeError for a rule that is none. */
export function compileRules({
  allow,
  deny = [],
}: TargetRules): (method: string, target: string) => boolean {
  const allowed = allow?.map((rule) => compile(rule));
  const denied = deny.map((rule) => compile(rule));
  const hasPaths = [...(allowed ?? []), ...denied].some(({ path }) => path !== '');
  return (method, target) => {
    const path = hasPaths ? normalized(target) : '';
    // What can be read in two ways is not passed where it matters how it is read.
    if (path === undefined) return false;
    if (denied.some((rule) => isDenied(rule, method, path))) return false;
    return allowed === undefined || allowed.some((rule) => fits(rule, method, path));
  };
}

/**
 * Whether an upgrade may pass where there are rules: to a WebSocket only. Another protocol, such as
 * `h2c`, would carry requests that nobody looks at.
 */
export function isAllowedUpgrade({ method, rawHeaders }: UpgradeRequest): boolean {
  const protocols: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]!.toLowerCase() === 'upgrade') protocols.push(rawHeaders[index + 1]!);
  }
  return method === 'GET' && protocols.length === 1 && /^websocket$/iu.test(protocols[0]!.trim());
}

/** What of an `IncomingMessage` decides about it. */
export interface UpgradeRequest {
  readonly method?: string | undefined;
  readonly rawHeaders: readonly string[];
}

function compile({ methods, path = '*' }: TargetRule): Compiled {
  const isPrefix = path.endsWith('*');
  const text = isPrefix ? path.slice(0, -1) : path;
  if (text === '' && !isPrefix) throw invalidArgument('a path is empty');
  if (text !== '' && !text.startsWith('/')) throw invalidArgument(`the path ${path} has no slash`);
  if (text.includes('*')) throw invalidArgument(`the path ${path} has a star before its end`);
  return {
    methods: methods && new Set(methods.map((method) => method.toUpperCase())),
    path: text,
    isPrefix,
  };
}

function fits({ methods, path, isPrefix }: Compiled, method: string, asked: string): boolean {
  if (methods !== undefined && !methods.has(method)) return false;
  return isPrefix ? asked.startsWith(path) : asked === path;
}

/** In any case of the letters, and with or without a slash at the end. */
function isDenied({ methods, path, isPrefix }: Compiled, method: string, asked: string): boolean {
  if (methods !== undefined && !methods.has(method)) return false;
  const denied = path.toLowerCase();
  const lower = asked.toLowerCase();
  if (!isPrefix) return withSlash(lower) === withSlash(denied);
  return lower.startsWith(denied) || withSlash(lower) === denied;
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

/** The path as servers read it, once dots are resolved and what need not be encoded is decoded. */
function normalized(target: string): string | undefined {
  // RFC 9112 §3.2 has no fragment: for some servers it is a part of the path.
  if (target.includes('#')) return undefined;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  // A slash or a backslash that is encoded, or a backslash, is a slash to some servers. Octets that
  // are no ASCII have been read as latin1, which they may not be.
  if (!/^\/[!-~]*$/u.test(path) || /%2f|%5c|\\/iu.test(path)) return undefined;
  try {
    const decoded = decodeURIComponent(path).replaceAll(/\/{2,}/gu, '/');
    // Some decode twice, and some take what begins with `;` for parameters.
    if (/[;%\p{Cc}]/u.test(decoded)) return undefined;
    return new URL(`http://x${encodeURI(decoded)}`).pathname === encodeURI(decoded)
      ? decoded
      : undefined;
  } catch {
    return undefined;
  }
}
