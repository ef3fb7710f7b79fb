/** RFC 7578 — the fields of `multipart/form-data`, files by their name and size. */
import type { ShownField } from './show-body.ts';
import { maskText, type Veil } from './secrets.ts';

/** Fields that are shown; more are counted. */
const MAX_FIELDS = 200;

/** Undefined if the octets are not what the type says. */
export function showMultipart(
  octets: Uint8Array,
  contentType: string,
  veil: Veil,
  part: string,
): ShownField[] | undefined {
  const boundary = /boundary=(?:"([^"]+)"|([^\s;]+))/iu.exec(contentType);
  const delimiter = `--${boundary?.[1] ?? boundary?.[2] ?? ''}`;
  // Latin-1 keeps every octet as one character.
  const text = Buffer.from(octets).toString('latin1');
  if (delimiter === '--' || !text.startsWith(delimiter)) return undefined;
  const pieces = text.slice(delimiter.length).split(`\r\n${delimiter}`);
  const fields = pieces
    .slice(0, MAX_FIELDS)
    .filter((piece) => piece.startsWith('\r\n'))
    .map((piece) => showPart(piece, veil, part));
  if (pieces.length > MAX_FIELDS) {
    fields.push({ name: '…', value: [`${pieces.length - MAX_FIELDS} more`] });
  }
  return fields;
}

function showPart(piece: string, veil: Veil, part: string): ShownField {
  const end = piece.indexOf('\r\n\r\n');
  const head = end < 0 ? piece : piece.slice(0, end);
  const content = end < 0 ? '' : piece.slice(end + 4);
  const name = toUtf8(/\bname="([^"]*)"/iu.exec(head)?.[1] ?? '');
  const file = /\bfilename="([^"]*)"/iu.exec(head)?.[1];
  if (file !== undefined) {
    return { name, value: [`file ${toUtf8(file) || 'without a name'}, ${content.length} octets`] };
  }
  const value = toUtf8(content);
  const isHidden = value !== '' && veil.isSecret(name);
  return { name, value: isHidden ? [veil.hide(part, value)] : maskText(veil, part, value) };
}

function toUtf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}
