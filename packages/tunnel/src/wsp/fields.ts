/** Header fields as wsp writes them: names in Go's spelling, each with a list of values. */
import { Buffer, isUtf8 } from 'node:buffer';
import { FIELD_NAME } from '../http/client/field-syntax.ts';
import { HOP_BY_HOP } from '../http/hop-by-hop.ts';

/** By canonical name, such as `Content-Type`. Values are text, as JSON has them. */
export type Fields = ReadonlyMap<string, readonly string[]>;

/** `Trailer` goes with the trailers that wsp cannot carry. */
const NOT_CARRIED: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'trailer']);

/** RFC 9110 §5.5: what would end a line, or hide from whoever reads it, is no part of a value. */
const FORBIDDEN_IN_VALUE = /[\0-\x08\x0a-\x1f\x7f]/;

/** RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return FIELD_NAME.test(text);
}

export function isFieldValue(text: string): boolean {
  return !FORBIDDEN_IN_VALUE.test(text);
}

/** Names that were spelt before, as the same ones come with every request; so many at most. */
const spelt = new Map<string, string>();
const MOST_SPELT = 500;
const LONGEST_SPELT = 64;

/** Go's spelling: `content-type` and `CONTENT-TYPE` are `Content-Type`. */
export function canonicalName(name: string): string {
  const known = spelt.get(name);
  if (known !== undefined) return known;
  if (!isToken(name)) return name;
  const canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (first) => first.toUpperCase());
  if (spelt.size < MOST_SPELT && name.length <= LONGEST_SPELT) spelt.set(name, canonical);
  return canonical;
}

/** From Node's `rawHeaders`; what HTTP/2 puts in front with a colon is none. */
export function fieldsOf(rawHeaders: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = canonicalName(rawHeaders[index] ?? '');
    if (!isToken(name)) continue;
    const values = fields.get(name);
    const value = textOf(rawHeaders[index + 1] ?? '');
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}

/** For Node: pairs in one list, so that repeated fields stay repeated. */
export function rawHeadersOf(fields: Fields): string[] {
  const raw: string[] = [];
  for (const [name, values] of fields) {
    for (const value of values) raw.push(name, latin1Of(value));
  }
  return raw;
}

/**
 * Without what is meant for the next hop only: the fields of RFC 9110 §7.6.1, those that Connection
 * names, and `others`, which are in lower case.
 */
export function withoutHopByHop(
  fields: Fields,
  others: ReadonlySet<string>,
): Map<string, string[]> {
  const named = new Set(
    [...valuesOf(fields, 'Connection').join(',').split(',')].map((name) =>
      name.trim().toLowerCase(),
    ),
  );
  const kept = new Map<string, string[]>();
  for (const [name, values] of fields) {
    const lower = name.toLowerCase();
    if (NOT_CARRIED.has(lower) || named.has(lower) || others.has(lower)) continue;
    kept.set(name, [...values]);
  }
  return kept;
}

export function valuesOf(fields: Fields, name: string): readonly string[] {
  return fields.get(name) ?? [];
}

/** The one length that Content-Length tells; -1 where there is none, undefined where it is not one. */
export function contentLengthOf(fields: Fields): number | undefined {
  const values = valuesOf(fields, 'Content-Length').flatMap((value) => value.split(','));
  if (values.length === 0) return -1;
  const [first = ''] = values.map((value) => value.trim());
  // RFC 9110 §8.6: the same number several times is that number.
  if (values.some((value) => value.trim() !== first) || !/^\d{1,15}$/.test(first)) return undefined;
  return Number(first);
}

/**
 * Node gives the octets of a value as latin1. JSON has text: UTF-8 is told as what it says, as Go does,
 * and other octets as the characters of latin1, where Go would put U+FFFD.
 */
function textOf(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const octets = Buffer.from(value, 'latin1');
  return isUtf8(octets) ? octets.toString('utf8') : value;
}

/** The octets of UTF-8, one for each character: what Node writes as they are. */
export function latin1Of(text: string): string {
  return /[^\0-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}
