/** What a line means that was typed, piped in or given with --execute. */
import { parseHex } from './hex.ts';

export type TypedLine =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary'; readonly octets: Uint8Array }
  | { readonly kind: 'ping'; readonly payload: string | undefined }
  | { readonly kind: 'pong'; readonly payload: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly text: string };

export interface LineSyntax {
  /** Lines that begin with a slash are commands. */
  readonly slash?: boolean | undefined;
  /** Lines are octets in hexadecimal. */
  readonly binary?: boolean | undefined;
}

export const SLASH_HELP: string = [
  '/ping [text]           send a Ping and show how long its Pong takes',
  '/pong [text]           send a Pong nobody asked for',
  '/close [code [reason]] close the connection, with 1000 unless told otherwise',
  '/help                  show this list',
  '//text                 send /text as a message',
].join('\n');

export function parseLine(line: string, syntax: LineSyntax): TypedLine {
  if (syntax.slash === true && line.startsWith('/')) {
    if (!line.startsWith('//')) return parseCommand(line);
    return parseMessage(line.slice(1), syntax);
  }
  return parseMessage(line, syntax);
}

function parseMessage(line: string, { binary }: LineSyntax): TypedLine {
  if (binary !== true) return { kind: 'text', text: line };
  const octets = parseHex(line);
  if (octets !== undefined) return { kind: 'binary', octets };
  return { kind: 'mistake', text: 'not octets in hexadecimal, such as "48 65 6c"' };
}

function parseCommand(line: string): TypedLine {
  const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? [];
  switch (name) {
    case 'ping':
      return parseControl({ kind: 'ping', payload: rest === '' ? undefined : rest }, rest);
    case 'pong':
      return parseControl({ kind: 'pong', payload: rest }, rest);
    case 'close':
      return parseClose(rest);
    case 'help':
      return { kind: 'help' };
    default:
      return { kind: 'mistake', text: `no command /${name}: /help lists them, // sends a slash` };
  }
}

/** RFC 6455 §5.5: a control frame has 125 octets at most. */
function parseControl(command: TypedLine, payload: string): TypedLine {
  if (Buffer.byteLength(payload) <= 125) return command;
  return { kind: 'mistake', text: 'a Ping or Pong has 125 octets at most' };
}

function parseClose(rest: string): TypedLine {
  const [, digits = '', reason = ''] = /^(\d*)\s*(.*)$/su.exec(rest) ?? [];
  if (digits === '' && reason !== '') {
    return { kind: 'mistake', text: 'a reason needs a code before it: /close 1000 goodbye' };
  }
  return { kind: 'close', code: digits === '' ? 1000 : Number(digits), reason };
}
