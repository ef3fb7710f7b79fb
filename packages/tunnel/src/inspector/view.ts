/** An exchange as the page is told of it: without a secret, but with what to ask for each. */
import { plainAddress } from '../http/forwarded.ts';
import { fieldOf, type Exchange } from './exchange.ts';
import {
  flatten,
  maskField,
  maskTarget,
  maskText,
  Veil,
  type IsSecretName,
  type Masked,
} from './secrets.ts';
import {
  mediaTypeOf,
  hexOf,
  maskJsonOrText,
  showBody,
  textOf,
  type ShownBody,
} from './show-body.ts';
import type { LoggedMessage, WebSocketLog } from './websocket-log.ts';

/** `open` is an upgraded connection that goes on. */
export type ExchangeState = 'pending' | 'open' | 'done' | 'failed';

/** A row of the list. */
export interface Summary {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly caller: string;
  readonly state: ExchangeState;
  readonly status: number | undefined;
  readonly reason: string;
  readonly error: { readonly code: string; readonly text: string } | undefined;
  readonly isUpgrade: boolean;
  readonly replayOf: number | undefined;
  readonly type: string;
  readonly requestOctets: number;
  readonly answerOctets: number;
  readonly connected: number | undefined;
  readonly answered: number | undefined;
  readonly ended: number | undefined;
}

export interface ShownHeader {
  readonly name: string;
  readonly value: Masked;
}

export interface ShownMessage extends Omit<LoggedMessage, 'content'> {
  readonly text: Masked;
}

export interface Detail extends Summary {
  readonly target: Masked;
  readonly server: string;
  readonly httpVersion: string;
  readonly hasRetried: boolean;
  /** Why it cannot be replayed. */
  readonly noReplay: string | undefined;
  readonly query: readonly ShownHeader[];
  readonly request: ShownPart;
  readonly answer: ShownPart | undefined;
  readonly messages: readonly ShownMessage[] | undefined;
  readonly messagesDropped: number;
}

export interface ShownPart {
  readonly headers: readonly ShownHeader[];
  readonly trailers: readonly ShownHeader[];
  readonly body: ShownBody;
}

export function summaryOf(exchange: Exchange, isSecret: IsSecretName): Summary {
  const { id, at, method, fields, answer, outcome, isUpgrade, replayOf } = exchange;
  const veil = new Veil(isSecret);
  const error = outcome?.error;
  return {
    id,
    at,
    method,
    path: flatten(maskTarget(veil, 'path', exchange.target)),
    host: fieldOf(fields, 'x-forwarded-host') ?? fieldOf(fields, 'host') ?? '',
    caller: callerOf(exchange),
    state: stateOf(exchange),
    status: outcome?.status ?? answer?.status,
    reason: answer?.reason ?? '',
    error: error && { code: error.code, text: flatten(maskText(veil, 'error', error.message)) },
    isUpgrade,
    replayOf,
    type: mediaTypeOf(fieldOf(answer?.fields ?? [], 'content-type') ?? ''),
    requestOctets: outcome?.requestOctets ?? exchange.requestBody.length,
    answerOctets: outcome?.answerOctets ?? exchange.answerBody.length,
    connected: outcome?.timings.connected,
    answered: outcome?.timings.answered ?? exchange.answeredAt,
    ended: outcome?.timings.ended,
  };
}

export function detailOf(exchange: Exchange, isSecret: IsSecretName, veil: Veil): Detail {
  const { fields, answer, webSocket, outcome } = exchange;
  const request = {
    headers: headersOf(fields, veil, 'request.headers'),
    trailers: headersOf(exchange.requestTrailers, veil, 'request.trailers'),
    body: showBody(exchange.requestBody, fields, veil, 'request.body'),
  };
  return {
    ...summaryOf(exchange, isSecret),
    target: maskTarget(veil, 'path', exchange.target),
    server: exchange.server.target,
    httpVersion: exchange.httpVersion,
    hasRetried: outcome?.hasRetried ?? false,
    noReplay: noReplayOf(exchange),
    query: queryOf(exchange.target, veil),
    request,
    answer: answer && {
      headers: headersOf(answer.fields, veil, 'answer.headers'),
      trailers: headersOf(exchange.answerTrailers, veil, 'answer.trailers'),
      body: showBody(exchange.answerBody, answer.fields, veil, 'answer.body'),
    },
    messages: webSocket && messagesOf(webSocket, veil),
    messagesDropped: webSocket?.dropped ?? 0,
  };
}

/** Why an exchange cannot be sent again; undefined if it can. */
export function noReplayOf({ isUpgrade, requestBody, outcome }: Exchange): string | undefined {
  if (isUpgrade) return 'An upgraded connection cannot be sent again.';
  if (!requestBody.isWhole) {
    return `Only ${requestBody.kept} of the ${requestBody.length} octets of its body are kept.`;
  }
  // What is still on its way may have a body that is not complete.
  return outcome === undefined ? 'It is still on its way.' : undefined;
}

function stateOf(exchange: Exchange): ExchangeState {
  if (exchange.outcome !== undefined) return exchange.outcome.error ? 'failed' : 'done';
  return exchange.isUpgraded ? 'open' : 'pending';
}

function callerOf({ fields }: Exchange): string {
  const addresses = fieldOf(fields, 'x-forwarded-for') ?? '';
  return plainAddress(addresses.split(',', 1)[0]!.trim()) ?? '';
}

function headersOf(fields: readonly string[], veil: Veil, part: string): ShownHeader[] {
  const headers: ShownHeader[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index]!;
    headers.push({ name, value: maskField(veil, part, name, fields[index + 1]!) });
  }
  return headers;
}

function queryOf(target: string, veil: Veil): ShownHeader[] {
  const mark = target.indexOf('?');
  if (mark < 0) return [];
  return [...new URLSearchParams(target.slice(mark + 1))].map(([name, value]) => {
    const isHidden = value !== '' && veil.isSecret(name);
    return { name, value: isHidden ? [veil.hide('query', value)] : maskText(veil, 'query', value) };
  });
}

function messagesOf({ messages, dropped }: WebSocketLog, veil: Veil): ShownMessage[] {
  return messages.map((message, index) => {
    const { side, at, type, octets, isCompressed, isWhole } = message;
    const about = { side, at, type, octets, isCompressed, isWhole };
    // By its number among all, so that it stays the same when others go.
    return { ...about, text: messageText(message, veil, `message.${dropped + index}`) };
  });
}

function messageText({ type, content }: LoggedMessage, veil: Veil, part: string): Masked {
  if (content === undefined) return ['compressed, and not to be read'];
  if (type === 'close') return [closeText(content)];
  const text = type === 'binary' ? undefined : textOf(content, '', type === 'text');
  if (text === undefined) return [hexOf(content.subarray(0, 256))];
  return maskJsonOrText(text, veil, part, { isPretty: false, isJson: false }).text;
}

/** RFC 6455 §5.5.1 */
function closeText(content: Uint8Array): string {
  if (content.length < 2) return 'no code';
  const code = (content[0]! << 8) | content[1]!;
  return `${code} ${Buffer.from(content.subarray(2)).toString('utf8')}`.trim();
}
