/** Readers of option values: what they return is right, and what they throw says what would be. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { messageOf } from './error-message.ts';
import { UsageError } from './usage-error.ts';

export function parsePort(text: string): number {
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

/** A reader of whole numbers within these bounds. */
export function parseCount(most: number, least: number = 1): (text: string) => number {
  return (text) => {
    const count = /^\d{1,9}$/u.test(text) ? Number(text) : NaN;
    if (count >= least && count <= most) return count;
    throw new InvalidArgumentError(`It is a number from ${least} to ${most}.`);
  };
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 2 ** 10],
  ['m', 2 ** 20],
  ['g', 2 ** 30],
]);

/** `65536`, `64k`, `16M`, `1G`. */
export function parseSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})([kmg]?)$/iu.exec(text) ?? [];
  const size = Number(digits) * (UNITS.get(unit.toLowerCase()) ?? NaN);
  if (size > 0 && Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError(
    'A size is a number of octets above 0, such as 65536, 64k or 16M.',
  );
}

/** Milliseconds, from seconds. */
export function parseSeconds(text: string): number {
  const milliseconds = /^\d{1,6}(?:\.\d{1,3})?$/u.test(text) ? Math.round(Number(text) * 1000) : 0;
  if (milliseconds > 0) return milliseconds;
  throw new InvalidArgumentError('A time is a number of seconds above 0, such as 2 or 0.5.');
}

/** Milliseconds, from seconds; -1 is for ever. */
export function parseWait(text: string): number {
  if (text === '-1') return Infinity;
  if (/^\d{1,6}(?:\.\d{1,3})?$/u.test(text)) return Math.round(Number(text) * 1000);
  throw new InvalidArgumentError('A wait is a number of seconds, or -1 for ever.');
}

/** Adds `name: value` to what earlier options gave. */
export function collectHeader(
  text: string,
  headers: readonly (readonly [string, string])[] = [],
): (readonly [string, string])[] {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0)).trim();
  if (name === '') throw new InvalidArgumentError('A header is written "name: value".');
  return [...headers, [name, text.slice(colon + 1).trim()]];
}

export function collect(text: string, values: readonly string[] = []): string[] {
  return [...values, text];
}

/** The version of the protocol there is (RFC 6455 §4.1); the option is there for scripts that set it. */
export function parseProtocolVersion(text: string): number {
  if (text === '13') return 13;
  throw new InvalidArgumentError('The protocol version is 13, there is no other since RFC 6455.');
}

/** `user:password`, as the value of an Authorization header (RFC 7617). */
export function parseCredentials(text: string): string {
  if (text.indexOf(':') > 0) return `Basic ${Buffer.from(text).toString('base64')}`;
  throw new InvalidArgumentError('Credentials are written user:password.');
}

export function parsePath(text: string): string {
  if (/^\/[^\s?#]*$/u.test(text)) return text;
  throw new InvalidArgumentError('A path begins with a slash and has no query.');
}

/** The content of a file that an option names. */
export function readOptionFile(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UsageError(`${option}: cannot read the file: ${messageOf(cause)}`, { cause });
  }
}
