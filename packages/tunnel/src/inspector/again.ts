/** Sending a recorded request once more, as it was or as somebody has edited it. */
import http from 'node:http';
import { duplexPair, type Duplex } from 'node:stream';
import type { OnlookedServer } from '../agent/onlooker.ts';
import { fieldOf, type Exchange } from './exchange.ts';
import { flatten, maskField, maskForm, maskTarget, type Veil } from './secrets.ts';
import { mediaTypeOf, maskJsonOrText, textOf } from './show-body.ts';

/** A request as it is to be sent. */
export interface Sending {
  readonly method: string;
  readonly target: string;
  /** Names and values in turn, with Host, without the framing. */
  readonly fields: readonly string[];
  readonly body: Uint8Array;
}

/** A request as text, for editing; `body` is undefined where it is no text, and stays as it was. */
export interface Draft {
  readonly method: string;
  readonly target: string;
  /** A field in each line. */
  readonly headers: string;
  readonly body: string | undefined;
}

/** RFC 9110 §7.6.1, the framing, and what waits for an answer nobody needs. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function sendingOf({ method, target, fields, requestBody }: Exchange): Sending {
  return { method, target, fields: endToEnd(fields), body: requestBody.octets() };
}

/** What is hidden is written as `mark` says. */
export function draftOf(exchange: Exchange, veil: Veil, mark: (hidden: string) => string): Draft {
  const { method, target } = exchange;
  const fields = endToEnd(exchange.fields);
  const lines: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = maskField(veil, 'header', name, fields[index + 1]!);
    lines.push(`${name}: ${flatten(value, mark)}`);
  }
  const body = editableBody(exchange, veil, mark);
  return {
    method,
    target: flatten(maskTarget(veil, 'path', target), mark),
    headers: lines.join('\n'),
    body,
  };
}

/** The draft as it was edited. `reveal` puts what was hidden into a text. May throw. */
export function editedSending(
  draft: Draft,
  exchange: Exchange,
  reveal: (text: string) => string,
): Sending {
  const fields = draft.headers
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const colon = line.indexOf(':');
      if (colon < 1) throw new SyntaxError(`This is no header: ${line}`);
      return [line.slice(0, colon).trim(), reveal(line.slice(colon + 1).trim())];
    });
  const body =
    draft.body === undefined ? exchange.requestBody.octets() : Buffer.from(reveal(draft.body));
  const { method, target } = draft;
  return { method: method.trim(), target: reveal(target.trim()), fields: endToEnd(fields), body };
}

/** `onSent` is told which connection it goes through, before the server has it. */
export function sendAgain(
  { method, target, fields, body }: Sending,
  server: OnlookedServer,
  signal: AbortSignal,
  onSent: (connection: Duplex) => void,
): Promise<void> {
  const [near, far] = connectionPair();
  const needsLength = body.length > 0 || !['GET', 'HEAD', 'DELETE', 'OPTIONS'].includes(method);
  const framing = needsLength ? ['Content-Length', String(body.length)] : [];
  return new Promise((resolve, reject) => {
    const request = http.request({
      createConnection: () => near,
      method,
      path: target,
      headers: [...fields, ...framing, 'Connection', 'close'],
      maxHeaderSize: 128 * 1024,
      signal,
    });
    // The inspector sees the answer where it sees all of them.
    request.on('response', (answer) => answer.on('error', () => {}).resume());
    request.on('error', reject);
    request.on('close', () => {
      near.destroy();
      resolve();
    });
    onSent(far);
    server.accept(far);
    request.end(body);
  });
}

/** What takes away one side takes away the other; an end alone is passed on. */
function connectionPair(): [Duplex, Duplex] {
  const [near, far] = duplexPair();
  for (const [side, other] of [
    [near, far],
    [far, near],
  ] as const) {
    side.on('error', () => {});
    side.on('close', () => {
      if (!side.writableFinished || other === far) other.destroy();
    });
  }
  return [near, far];
}

function endToEnd(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index]!;
    if (!LEFT_OUT.has(name.toLowerCase())) kept.push(name, fields[index + 1]!);
  }
  return kept;
}

function editableBody(
  { fields, requestBody }: Exchange,
  veil: Veil,
  mark: (hidden: string) => string,
): string | undefined {
  if (requestBody.length === 0) return '';
  if (fieldOf(fields, 'content-encoding') !== undefined) return undefined;
  const type = fieldOf(fields, 'content-type') ?? '';
  const text = textOf(requestBody.octets(), '', false);
  // What would not come back as it was is not edited as text.
  if (text === undefined || !Buffer.from(text).equals(requestBody.octets())) return undefined;
  const media = mediaTypeOf(type);
  if (media.startsWith('multipart/')) return undefined;
  if (media === 'application/x-www-form-urlencoded') {
    return flatten(maskForm(veil, 'body', text), mark);
  }
  const how = { isPretty: false, isJson: /json/u.test(media) };
  return flatten(maskJsonOrText(text, veil, 'body', how).text, mark);
}
