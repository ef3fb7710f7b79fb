/**
 * What may be reached: a whitelist and a blacklist of patterns, as wsp has them, with one difference.
 * In wsp a pattern may match anywhere; here one of the whitelist has to match the whole of the value, so
 * that `http://app/.*` does not let `http://evil/?http://app/` pass. On the blacklist a pattern still
 * matches anywhere: what was forbidden by it stays forbidden.
 */
import { invalidArgument } from '../errors.ts';
import { canonicalName, type Fields } from './fields.ts';

/** All that is there has to match. A string is the source of a pattern; `(?i)` may stand before it. */
export interface WspRule {
  readonly method?: string | RegExp | undefined;
  /** Of the destination, in the form it is dialled in: normalised, without a fragment. */
  readonly url?: string | RegExp | undefined;
  /** Of a header's first value, which is empty where there is none. */
  readonly headers?: Readonly<Record<string, string | RegExp>> | undefined;
}

export interface RuleOptions {
  /** Where one of these matches, the destination is forbidden. Default: none. */
  readonly blacklist?: readonly WspRule[] | undefined;
  /** Where none of these matches, the destination is not allowed. Default: all are. */
  readonly whitelist?: readonly WspRule[] | undefined;
}

export type Verdict = 'allowed' | 'forbidden' | 'not allowed';

/** Characters of a value that patterns are tried on. A longer one is on a blacklist, and on no whitelist. */
const MAX_INPUT = 8 * 1024;

interface CompiledRule {
  readonly method: RegExp | undefined;
  readonly url: RegExp | undefined;
  readonly headers: readonly (readonly [string, RegExp])[];
}

/** What a rule is asked about. */
export interface Destination {
  /** As it is dialled. */
  readonly href: string;
  /** As it was written. */
  readonly written: string;
}

export class Rules {
  readonly #blacklist: readonly CompiledRule[];
  readonly #whitelist: readonly CompiledRule[];

  /** A `TypeError` names the pattern that is none. */
  constructor({ blacklist = [], whitelist = [] }: RuleOptions) {
    this.#blacklist = blacklist.map((rule, index) => compile(rule, `blacklist[${index}]`, false));
    this.#whitelist = whitelist.map((rule, index) => compile(rule, `whitelist[${index}]`, true));
  }

  /** The blacklist first; it holds for the URL as it was written as well. */
  judge(method: string, { href, written }: Destination, fields: Fields): Verdict {
    const isForbidden = (rule: CompiledRule): boolean =>
      matches(rule, method, href, fields, true) || matches(rule, method, written, fields, true);
    if (this.#blacklist.some(isForbidden)) return 'forbidden';
    if (this.#whitelist.length === 0) return 'allowed';
    const isAllowed = this.#whitelist.some((rule) => matches(rule, method, href, fields, false));
    return isAllowed ? 'allowed' : 'not allowed';
  }
}

/** For the whole of a value, or for any part of it. */
export function compilePattern(source: string | RegExp, name: string, isWhole: boolean): RegExp {
  if (typeof source !== 'string' && !(source instanceof RegExp)) {
    throw invalidArgument(`${name} is neither a string nor a pattern`);
  }
  const [text, flags] =
    typeof source === 'string' ? inlineFlags(source) : [source.source, source.flags];
  try {
    // With `u` an escape that means something to RE2 only is an error, and not another character.
    const pattern = isWhole ? `^(?:${text})$` : text;
    return new RegExp(pattern, `${flags.replace(/[^is]/g, '')}u`);
  } catch (error) {
    throw Object.assign(invalidArgument(`${name} is no pattern: ${(error as Error).message}`), {
      cause: error,
    });
  }
}

/** RE2 has its flags at the beginning. */
function inlineFlags(source: string): [string, string] {
  const flags = /^\(\?([is]+)\)/.exec(source);
  return flags === null
    ? [source, '']
    : [source.slice(flags[0].length), [...new Set(flags[1])].join('')];
}

function compile(rule: WspRule, name: string, isWhole: boolean): CompiledRule {
  if (typeof rule !== 'object' || rule === null) throw invalidArgument(`${name} is no rule`);
  const { method, url, headers = {} } = rule;
  return {
    method: method === undefined ? undefined : compilePattern(method, `${name}.method`, isWhole),
    url: url === undefined ? undefined : compilePattern(url, `${name}.url`, isWhole),
    headers: Object.entries(headers).map(
      ([header, pattern]) =>
        [
          canonicalName(header),
          compilePattern(pattern, `${name}.headers.${header}`, isWhole),
        ] as const,
    ),
  };
}

/** `otherwise` is what a value that is too long to be tried counts as. */
function matches(
  { method, url, headers }: CompiledRule,
  asked: string,
  destination: string,
  fields: Fields,
  otherwise: boolean,
): boolean {
  const isMatch = (pattern: RegExp, value: string): boolean =>
    value.length > MAX_INPUT ? otherwise : pattern.test(value);
  return (
    (method === undefined || isMatch(method, asked)) &&
    (url === undefined || isMatch(url, destination)) &&
    headers.every(([name, pattern]) => isMatch(pattern, fields.get(name)?.[0] ?? ''))
  );
}

/**
 * An absolute URL of HTTP, in the form it is dialled in, or undefined. User information is refused:
 * `http://app@evil/` has deceived many a pattern.
 */
export function parseDestination(
  written: string,
): (Destination & { readonly url: URL }) | undefined {
  // What `URL` would forgive, another reader of the same text may read as another host.
  if (!/^https?:\/\/[^\s/\\?#@]+(?:[/?#]|$)/i.test(written) || /[\0-\x20\\\x7f]/.test(written)) {
    return undefined;
  }
  let url: URL;
  try {
    url = new URL(written);
  } catch {
    return undefined;
  }
  if (url.username !== '' || url.password !== '' || url.hostname === '') return undefined;
  url.hash = '';
  return { url, href: url.href, written };
}

/**
 * What to put on the wire: as it was written where every reader understands the same by it, else what
 * the rules were asked about.
 */
export function urlForWire({ href, written }: Destination): string {
  return written.replace(/[<>"]/g, encodeURIComponent) === href ? written : href;
}
