/**
 * RFC 9110 §5 and RFC 6455 §9.1 — what stands in header fields: tokens, lists, extensions.
 *
 * Everything here is one pass over its input, and no name a peer chose is looked up on an object.
 */
import { invalidArgument } from '../errors.ts';

/** Lower-case names to values; a repeated field is joined with ", " (RFC 9110 §5.3). */
export type HeaderMap = ReadonlyMap<string, string>;

/** Headers a caller gives: a record, a Map, a `Headers`, or any list of pairs. */
export type HeadersLike = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

/** One element of Sec-WebSocket-Extensions (RFC 6455 §9.1). */
export interface ExtensionElement {
  name: string;
  parameters: ExtensionParameter[];
}

export interface ExtensionParameter {
  name: string;
  /** Unquoted and unescaped; undefined for a parameter without "=". */
  value: string | undefined;
}

/** RFC 9110 §5.6.2 — 1 for each of the ASCII characters that a token may hold. */
const TOKEN_CHARACTERS = new Uint8Array(128);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN_CHARACTERS[character.charCodeAt(0)] = 1;
}

const HTAB = 0x09;
const SP = 0x20;
const DEL = 0x7f;

/** RFC 9110 §5.6.2 — one or more token characters. */
export function isToken(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (TOKEN_CHARACTERS[text.charCodeAt(index)] !== 1) return false;
  }
  return text !== '';
}

/** RFC 9110 §5.5 — what a field value may hold: no control but HTAB, and nothing beyond latin1. */
export function isFieldValue(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DEL || code > 0xff || (code < SP && code !== HTAB)) return false;
  }
  return true;
}

/**
 * RFC 9110 §5.6.3 — the text between two places, without the SP and HTAB around it. Unlike `trim()`,
 * leaves U+00A0 alone.
 */
export function trimSpace(text: string, from: number = 0, to: number = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}

/** Adds a field to a map, joining it to an earlier one of the same name (RFC 9110 §5.3). */
export function addField(headers: Map<string, string>, name: string, value: string): void {
  const key = name.toLowerCase();
  const earlier = headers.get(key);
  headers.set(key, earlier === undefined ? value : `${earlier}, ${value}`);
}

/** The headers of Node's `rawHeaders`, a flat list of name, value, name, value. */
export function headersFromRaw(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    addField(headers, raw[index]!, raw[index + 1]!);
  }
  return headers;
}

/**
 * The headers a caller gives, as pairs that may be written into a head. Names keep their case.
 * Throws a TypeError that names the header if a name is not a token or a value holds CR, LF, NUL,
 * another control than HTAB, or a character beyond latin1 (RFC 9110 §5.5).
 */
export function headerEntries(headers: HeadersLike | undefined): [string, string][] {
  if (headers === undefined) return [];
  if (typeof headers !== 'object' || headers === null) {
    throw invalidArgument('headers are neither an object nor a list of pairs');
  }
  const entries: Iterable<unknown> = Symbol.iterator in headers ? headers : Object.entries(headers);
  return Array.from(entries, checkedEntry);
}

function checkedEntry(entry: unknown): [string, string] {
  if (!Array.isArray(entry) || entry.length !== 2) {
    throw invalidArgument('a header is not a pair of name and value');
  }
  const [name, value] = entry as unknown[];
  if (typeof name !== 'string' || !isToken(name)) {
    throw invalidArgument(`the header name ${quote(String(name))} is not a token`);
  }
  if (typeof value !== 'string') {
    throw invalidArgument(`the value of the header ${name} is not a string`);
  }
  if (!isFieldValue(value)) {
    throw invalidArgument(`the value of the header ${name} has a forbidden character`);
  }
  return [name, value];
}

/** For an error's sentence: a value in quotes, escaped, and cut where it gets long. */
export function quote(value: string | undefined): string {
  if (value === undefined) return 'missing';
  return JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value);
}

/** ASCII case-insensitive equality with a token. */
export function equalsToken(text: string, token: string): boolean {
  // Beyond ASCII there are characters whose lower case is ASCII, such as the Kelvin sign.
  return isToken(text) && text.toLowerCase() === token.toLowerCase();
}

/** A test for the fields of a name. */
export function isNamed(name: string): (field: readonly [string, string]) => boolean {
  return ([other]) => equalsToken(other, name);
}

/**
 * RFC 9110 §5.6.1 — a list of tokens, read strictly: undefined if an element is empty or no token.
 * A sender must not generate empty elements, and those that do are probing parsers.
 */
export function parseTokenList(value: string): string[] | undefined {
  const elements = value.split(',').map((element) => trimSpace(element));
  return elements.every(isToken) ? elements : undefined;
}

/**
 * Whether a list has an element, ASCII case-insensitively. Lenient about the other elements, as
 * proxies put many things into `Connection` and `Upgrade` (RFC 9110 §5.6.1.2).
 */
export function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  if (!value.includes(',')) return equalsToken(trimSpace(value), token);
  return value.split(',').some((element) => equalsToken(trimSpace(element), token));
}

/**
 * RFC 6455 §9.1 — the value of Sec-WebSocket-Extensions, in its order; undefined if malformed.
 * Spaces may stand between any two parts, as the grammar is RFC 2616's with implied *LWS.
 */
export function parseExtensions(value: string): ExtensionElement[] | undefined {
  const scanner = new Scanner(value);
  const extensions: ExtensionElement[] = [];
  do {
    const extension = readExtension(scanner);
    if (extension === undefined) return undefined;
    extensions.push(extension);
  } while (scanner.take(','));
  return scanner.atEnd() ? extensions : undefined;
}

function readExtension(scanner: Scanner): ExtensionElement | undefined {
  const name = scanner.token();
  if (name === undefined) return undefined;
  const parameters: ExtensionParameter[] = [];
  while (scanner.take(';')) {
    const parameter = readParameter(scanner);
    if (parameter === undefined) return undefined;
    parameters.push(parameter);
  }
  return { name, parameters };
}

function readParameter(scanner: Scanner): ExtensionParameter | undefined {
  const name = scanner.token();
  if (name === undefined) return undefined;
  if (!scanner.take('=')) return { name, value: undefined };
  const value = scanner.take('"') ? scanner.quotedRest() : scanner.token();
  // §9.1: what a quoted-string holds must be a token once it is unescaped.
  return value === undefined || !isToken(value) ? undefined : { name, value };
}

/** Walks once over a header's value; it never goes back. */
class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skipSpace();
    return this.#position === this.#text.length;
  }

  /** Steps over a character if it is the next that is no space. */
  take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#position] !== character) return false;
    this.#position++;
    return true;
  }

  token(): string | undefined {
    this.#skipSpace();
    const start = this.#position;
    while (TOKEN_CHARACTERS[this.#text.charCodeAt(this.#position)] === 1) this.#position++;
    return start === this.#position ? undefined : this.#text.slice(start, this.#position);
  }

  /** The rest of a quoted-string after its first quote; undefined if it is not closed. */
  quotedRest(): string | undefined {
    let value = '';
    while (this.#position < this.#text.length) {
      const character = this.#next();
      if (character === '"') return value;
      value += character === '\\' ? this.#next() : character;
    }
    return undefined;
  }

  #next(): string {
    return this.#text.charAt(this.#position++);
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#position))) this.#position++;
  }
}
