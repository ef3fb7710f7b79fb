/** A body as it is shown: by its type, or by what it looks like. */
import type { CapturedOctets } from './captured-octets.ts';
import { decodeBody } from './decode-body.ts';
import { fieldOf } from './exchange.ts';
import { maskJson } from './json-text.ts';
import { showMultipart } from './multipart.ts';
import { decodeForm, maskText, type Masked, type Veil } from './secrets.ts';

export interface ShownField {
  readonly name: string;
  readonly value: Masked;
}

export interface ShownBody {
  readonly kind: 'none' | 'json' | 'form' | 'text' | 'image' | 'hex';
  /** As it was sent. */
  readonly octets: number;
  readonly type: string;
  readonly notes: readonly string[];
  readonly text?: Masked;
  readonly fields?: readonly ShownField[];
  /** A `data:` address. */
  readonly image?: string;
}

/** Characters of JSON that is indented; what is longer is shown as it is. */
const MAX_INDENTED = 256 * 1024;
/** Octets that are shown in hexadecimal. */
const MAX_HEX = 4096;
/** What browsers show, and what can do nothing. */
const IMAGES: ReadonlySet<string> = new Set([
  'image/avif',
  'image/bmp',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
]);
const TEXT =
  /^text\/|[/+](?:json|xml|yaml)$|^application\/(?:javascript|x-yaml|x-ndjson|graphql|sql|toml)$/u;
const FORM = 'application/x-www-form-urlencoded';

export function showBody(
  body: CapturedOctets,
  fields: readonly string[],
  veil: Veil,
  part: string,
): ShownBody {
  const contentType = fieldOf(fields, 'content-type') ?? '';
  const type = mediaTypeOf(contentType);
  const notes: string[] = [];
  const octets = body.length;
  if (octets === 0) return { kind: 'none', octets, type, notes };
  if (!body.isWhole) notes.push(`only the first ${inKib(body.kept)} of ${inKib(octets)} are kept`);
  const encoding = fieldOf(fields, 'content-encoding') ?? '';
  const decoded = decodeBody(body.octets(), encoding);
  if (decoded.problem !== undefined) notes.push(`shown as it was sent: ${decoded.problem}`);
  else if (encoding !== '') notes.push(`decoded from ${encoding}`);
  const about = { octets, type, notes };
  if (decoded.problem !== undefined)
    return { kind: 'hex', ...about, text: [hexOf(decoded.octets)] };
  if (IMAGES.has(type) && body.isWhole) {
    const image = `data:${type};base64,${Buffer.from(decoded.octets).toString('base64')}`;
    return { kind: 'image', ...about, image };
  }
  if (type === 'multipart/form-data') {
    const parts = showMultipart(decoded.octets, contentType, veil, part);
    if (parts !== undefined) return { kind: 'form', ...about, fields: parts };
  }
  const text = textOf(decoded.octets, contentType, TEXT.test(type) || type === FORM);
  if (text === undefined) return { kind: 'hex', ...about, text: [hexOf(decoded.octets)] };
  if (type === FORM) return { kind: 'form', ...about, fields: formFields(text, veil, part) };
  return { ...about, ...showText(text, type, veil, part) };
}

/** Without its parameters, in lower case. */
export function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}

/** The text of octets; undefined if they are none. */
export function textOf(
  octets: Uint8Array,
  contentType: string,
  isText: boolean,
): string | undefined {
  if (octets.includes(0)) return undefined;
  const charset = /;\s*charset="?([\w.:-]+)/iu.exec(contentType)?.[1] ?? 'utf-8';
  try {
    // What is cut off may end within a character; that is for a stream.
    return new TextDecoder(charset, { fatal: !isText }).decode(octets, { stream: !isText });
  } catch {
    return isText ? Buffer.from(octets).toString('utf8') : undefined;
  }
}

/** JSON that is cut off is known by its type alone. */
export function maskJsonOrText(
  text: string,
  veil: Veil,
  part: string,
  { isPretty, isJson }: { readonly isPretty: boolean; readonly isJson: boolean },
): { readonly kind: 'json' | 'text'; readonly text: Masked } {
  if (/^\s*[[{"]/u.test(text) && isValidJson(text)) {
    const mayIndent = isPretty && text.length <= MAX_INDENTED;
    return { kind: 'json', text: maskJson(veil, part, text, mayIndent) };
  }
  const masked = isJson ? maskJson(veil, part, text, false) : maskText(veil, part, text);
  return { kind: 'text', text: masked };
}

function showText(
  text: string,
  type: string,
  veil: Veil,
  part: string,
): { readonly kind: 'json' | 'text'; readonly text: Masked } {
  const isJson = /json/u.test(type);
  const isOther = type !== '' && type !== 'text/plain' && !isJson;
  if (isOther) return { kind: 'text', text: maskText(veil, part, text) };
  return maskJsonOrText(text, veil, part, { isPretty: true, isJson });
}

function isValidJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function formFields(text: string, veil: Veil, part: string): ShownField[] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = decodeForm(equals < 0 ? pair : pair.slice(0, equals));
      const value = equals < 0 ? '' : decodeForm(pair.slice(equals + 1));
      const isHidden = value !== '' && veil.isSecret(name);
      return { name, value: isHidden ? [veil.hide(part, value)] : maskText(veil, part, value) };
    });
}

/** Offset, octets, and what of them is ASCII. */
export function hexOf(octets: Uint8Array): string {
  const lines: string[] = [];
  const end = Math.min(octets.length, MAX_HEX);
  for (let at = 0; at < end; at += 16) {
    const row = Array.from(octets.subarray(at, Math.min(at + 16, end)));
    const hex = row.map((octet) => octet.toString(16).padStart(2, '0')).join(' ');
    const ascii = row.map((octet) =>
      octet > 31 && octet < 127 ? String.fromCharCode(octet) : '.',
    );
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${ascii.join('')}`);
  }
  if (end < octets.length) lines.push(`… and ${octets.length - end} octets more`);
  return lines.join('\n');
}

function inKib(octets: number): string {
  return octets < 1024 ? `${octets} octets` : `${Math.round(octets / 1024)} KiB`;
}
