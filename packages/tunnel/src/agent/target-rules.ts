/** What callers may ask of the target, where not everything. */
import { invalidArgument } from '../errors.ts';

export interface TargetRule {
  /** Methods, such as `GET`. Default: all. */
  readonly methods?: readonly string[] | undefined;
  /** The path exactly, or with a `*` at its end all that begin so. Default: all. */
  readonly path?: string | undefined;
}

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
  const allowed = allow?.map(compile);
  const denied = deny.map(compile);
  return (method, target) => {
    const path = normalized(target);
    // What can be read in two ways is not passed where it matters how it is read.
    if (path === undefined) return false;
    if (denied.some((rule) => fits(rule, method, path))) return false;
    return allowed === undefined || allowed.some((rule) => fits(rule, method, path));
  };
}

function compile({ methods, path = '*' }: TargetRule): Compiled {
  const isPrefix = path.endsWith('*');
  const text = isPrefix ? path.slice(0, -1) : path;
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

/** The path as servers read it, once dots are resolved and what need not be encoded is decoded. */
function normalized(target: string): string | undefined {
  const mark = target.search(/[?#]/u);
  const path = mark < 0 ? target : target.slice(0, mark);
  // A slash or a backslash that is encoded, or a backslash, is a slash to some servers.
  if (!path.startsWith('/') || /%2f|%5c|\\/iu.test(path)) return undefined;
  try {
    const decoded = decodeURIComponent(path).replaceAll(/\/{2,}/gu, '/');
    return new URL(`http://x${encodeURI(decoded)}`).pathname === encodeURI(decoded)
      ? decoded
      : undefined;
  } catch {
    return undefined;
  }
}
