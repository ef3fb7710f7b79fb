/** A TunnelError as an answer of HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from 'framewire';
import { TunnelError } from '../errors.ts';
import { breakOff, rawHead, sendHead, type CallerRequest, type CallerResponse } from './caller.ts';
import { discardRest } from './discard.ts';
import type { Fields } from './hop-by-hop.ts';

export interface AnswerErrorOptions {
  /** Further fields, such as WWW-Authenticate: names and values in turn. Default none. */
  readonly fields?: readonly string[];
  /** Seconds for Retry-After, rounded up. Default none. */
  readonly retryAfter?: number | undefined;
  /** Counts the time for which the rest of an upload is read. Default that of the system. */
  readonly clock?: Clock;
}

/**
 * Answers with the status of the error, and its code and sentence in JSON or as text, whichever the
 * caller asks for. The detail of the message is for logs: it may name what is behind the tunnel.
 * If an answer has begun, it is broken off instead.
 */
export function answerError(
  callerRequest: CallerRequest,
  callerResponse: CallerResponse,
  error: TunnelError,
  options: AnswerErrorOptions = {},
): void {
  const request = callerRequest as IncomingMessage;
  const response = callerResponse as ServerResponse;
  if (response.headersSent) {
    breakOff(request, response);
    return;
  }
  const { fields, body } = compose(request, error, options);
  sendHead(response, error.status, reasonOf(error), fields);
  response.end(request.method === 'HEAD' ? undefined : body);
  discardRest(request, response, options.clock ?? systemClock);
}

/** The same on the socket of an upgrade, which closes afterwards. */
export function answerUpgradeError(
  request: IncomingMessage,
  socket: Duplex,
  error: TunnelError,
  options: AnswerErrorOptions = {},
): void {
  const { fields, body } = compose(request, error, options);
  fields.push('Connection', 'close');
  socket.on('error', () => {});
  socket.end(rawHead(error.status, reasonOf(error), fields) + body, 'latin1', () => {
    socket.destroy();
  });
}

function reasonOf({ status }: TunnelError): string {
  return STATUS_CODES[status] ?? 'Error';
}

function compose(
  request: IncomingMessage,
  { code }: TunnelError,
  { fields = [], retryAfter }: AnswerErrorOptions,
): { readonly fields: Fields; readonly body: string } {
  const { message } = new TunnelError(code);
  const isJson = wantsJson(request.headers.accept);
  const body = isJson ? JSON.stringify({ error: { code, message } }) : `${message} (${code})\n`;
  const all = [
    'Content-Type',
    isJson ? 'application/json' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'Vary',
    'Accept',
    'X-Content-Type-Options',
    'nosniff',
    ...fields,
  ];
  if (retryAfter !== undefined) all.push('Retry-After', String(Math.max(1, Math.ceil(retryAfter))));
  return { fields: all, body };
}

/** RFC 9110 §12.5.1, as far as it tells programs from people. */
function wantsJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept
    .toLowerCase()
    .split(',')
    .some((range) => /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/.test(range) && !isNone(range));
}

function isNone(range: string): boolean {
  return /;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(range);
}
