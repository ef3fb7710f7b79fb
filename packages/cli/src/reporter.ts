/** What a connection has to tell, to a person or to a program. */
import {
  HandshakeError,
  type CloseInfo,
  type Connection,
  type ConnectionEnd,
  type Message,
} from 'framewire';
import { describeError } from './describe-error.ts';
import type { ExitCode } from './exit-codes.ts';
import { countOctets, hexDump } from './hex.ts';
import { httpVersionOf } from './http-version.ts';
import { sanitize, sanitizeLine } from './sanitize.ts';
import type { Screen } from './terminal.ts';

export interface Reporter {
  /** Nothing is connected yet: where to, or where at. */
  waiting(text: string): void;
  /** `number` counts from 1 where one connection may follow another. */
  opened(connection: Connection, number?: number): void;
  /** Resolves when there is room for more, so that a slow reader slows the peer down. */
  message(message: Message): Promise<void>;
  control(kind: 'ping' | 'pong', payload: Uint8Array): void;
  /** The Pong to a Ping that was asked for. */
  roundTrip(milliseconds: number): void;
  closed(info: CloseInfo): void;
  /** It ended, or could not be opened, and will be opened again. */
  gone(end: ConnectionEnd): void;
  /** An answer to what was typed. */
  note(text: string): void;
  mistake(text: string): void;
  failed(error: unknown, exitCode: ExitCode): void;
}

export interface TextReporterOptions {
  readonly showPingPong: boolean;
  /** Compression was asked for, so that it is told what came of it. */
  readonly compression: boolean;
  /** The same for HTTP/2. */
  readonly http2: boolean;
  /** What can be done, told when a connection opens. */
  readonly hint: string | undefined;
}

/** For people: messages in one colour, everything else dimmed or on stderr. */
export class TextReporter implements Reporter {
  readonly #screen: Screen;
  readonly #options: TextReporterOptions;

  constructor(screen: Screen, options: TextReporterOptions) {
    this.#screen = screen;
    this.#options = options;
  }

  waiting(text: string): void {
    this.#screen.status(text);
  }

  opened(connection: Connection, number: number = 1): void {
    const { role, url, protocol } = connection;
    const connected = number === 1 ? 'connected' : 'connected again';
    const who = role === 'client' ? `${connected} to ${url}` : `${addressOf(connection)} connected`;
    const agreed = protocol === '' ? '' : `, subprotocol ${protocol}`;
    const { hint, compression, http2 } = this.#options;
    const version = http2 ? ` over HTTP/${httpVersionOf(connection)}` : '';
    const line =
      who + version + agreed + (compression ? `, ${describeCompression(connection)}` : '');
    const help = hint === undefined || number > 1 ? '' : ` (${hint})`;
    this.#screen.status(`${sanitizeLine(line)}${help}`);
  }

  message(message: Message): Promise<void> {
    const isText = typeof message === 'string';
    if (!this.#screen.isTerminal) return this.#screen.result(isText ? message : hexDump(message));
    const text = isText
      ? sanitize(message)
      : `binary, ${countOctets(message.length)}\n${hexDump(message)}`;
    // Lines after the first are indented, so that none of them can pose as a line of ours.
    const lines = `< ${text.replaceAll('\n', '\n  ')}`;
    return this.#screen.result(this.#screen.paint('cyan', lines));
  }

  control(kind: 'ping' | 'pong', payload: Uint8Array): void {
    if (!this.#options.showPingPong) return;
    this.#screen.status(`< ${kind}${describePayload(payload)}`);
  }

  roundTrip(milliseconds: number): void {
    this.#screen.status(`pong after ${formatMilliseconds(milliseconds)}`);
  }

  closed(info: CloseInfo): void {
    if (info.error === undefined) this.#screen.status(`closed ${describeClose(info)}`);
    else this.#screen.error(describeFailure(info.error));
  }

  gone(end: ConnectionEnd): void {
    this.#screen.warning(describeGone(end));
  }

  note(text: string): void {
    this.#screen.status(text);
  }

  mistake(text: string): void {
    this.#screen.warning(text);
  }

  failed(error: unknown): void {
    this.#screen.error(describeError(error));
  }
}

/** For programs: one JSON object for each event, a line each, on stdout. */
export class JsonReporter implements Reporter {
  readonly #screen: Screen;
  readonly #now: () => Date;

  constructor(screen: Screen, now: () => Date = () => new Date()) {
    this.#screen = screen;
    this.#now = now;
  }

  waiting(text: string): void {
    this.#screen.status(text);
  }

  opened(connection: Connection, number?: number): void {
    const { url, protocol, extensions, responseHeaders, remoteAddress, remotePort } = connection;
    const httpVersion = httpVersionOf(connection);
    const headers = responseHeaders && Object.fromEntries(responseHeaders);
    const agreed = { httpVersion, protocol, extensions };
    void this.#event('open', { number, url, ...agreed, remoteAddress, remotePort, headers });
  }

  message(message: Message): Promise<void> {
    if (typeof message === 'string') return this.#event('message', { type: 'text', text: message });
    const base64 = Buffer.from(message).toString('base64');
    return this.#event('message', { type: 'binary', size: message.length, base64 });
  }

  control(kind: 'ping' | 'pong', payload: Uint8Array): void {
    void this.#event(kind, { base64: Buffer.from(payload).toString('base64') });
  }

  /** The Pong itself is an event already. */
  roundTrip(milliseconds: number): void {
    this.#screen.status(`pong after ${formatMilliseconds(milliseconds)}`);
  }

  closed({ code, reason, wasClean, initiator, error }: CloseInfo): void {
    void this.#event('close', { code, reason, wasClean, initiator, error: error && flat(error) });
    if (error !== undefined) this.#screen.error(describeFailure(error));
  }

  gone(end: ConnectionEnd): void {
    const { phase, info, failures, delay } = end;
    const error = reasonOf(end);
    const { code, reason, wasClean, initiator } = info ?? {};
    const close = { code, reason, wasClean, initiator, error: error && flat(error) };
    void this.#event('gone', { phase, ...close, failures, delay });
    this.#screen.warning(describeGone(end));
  }

  note(text: string): void {
    this.#screen.status(text);
  }

  mistake(text: string): void {
    this.#screen.warning(text);
  }

  failed(error: unknown, exitCode: ExitCode): void {
    void this.#event('error', { ...flat(error), exitCode });
    this.#screen.error(describeError(error));
  }

  #event(event: string, fields: object): Promise<void> {
    return this.#screen.result(jsonLine({ event, time: this.#now().toISOString(), ...fields }));
  }
}

/** JSON that is harmless on a terminal too: JSON itself leaves DEL and the C1 controls as they are. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(
    /[\u{7f}-\u{9f}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function flat(error: unknown): object {
  const known = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in known ? known.code : undefined;
  const status = error instanceof HandshakeError ? error.status : undefined;
  return { code, message: known.message, status };
}

/** How a connection ended that did not fail: `by the server: 1000 "bye"`. */
export function describeClose({ code, reason, initiator }: CloseInfo): string {
  const by = initiator === 'network' ? 'by the network' : `by the ${initiator}`;
  const number = code === 1005 ? 'without a code' : String(code);
  const why = reason === '' ? '' : ` ${quote(reason)}`;
  return `${by}: ${number}${why}`;
}

/** `gone: closed by the server: 1001 "restart"; again in 1.2 s`. */
function describeGone(end: ConnectionEnd): string {
  const { info, delay } = end;
  const error = reasonOf(end);
  const what = error === undefined ? info && `closed ${describeClose(info)}` : describeError(error);
  const prefix = info === undefined ? '' : 'gone: ';
  return `${prefix}${what}; again in ${(delay / 1000).toFixed(1)} s`;
}

/** Why there is no connection; undefined where the Close says it. */
function reasonOf({ info, error }: ConnectionEnd): Error | undefined {
  return info === undefined ? error : info.error;
}

function describeCompression({ role, extensions }: Connection): string {
  if (extensions !== '') return extensions;
  return role === 'client' ? 'without compression: the server declined' : 'without compression';
}

/** As text where it is some, in hexadecimal where it is not. */
function describePayload(payload: Uint8Array): string {
  if (payload.length === 0) return '';
  const text = Buffer.from(payload).toString('utf8');
  const isText = /^[^\p{C}\ufffd]*$/u.test(text);
  return ` ${isText ? quote(text) : Buffer.from(payload).toString('hex')}`;
}

function quote(text: string): string {
  return `"${sanitizeLine(text)}"`;
}

function describeFailure(error: Error): string {
  return `the connection failed: ${describeError(error)}`;
}

export function addressOf({ remoteAddress, remotePort }: Connection): string {
  if (remoteAddress === undefined) return 'a local peer';
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return `${host}:${remotePort ?? '?'}`;
}

export function formatMilliseconds(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(2)} ms` : `${milliseconds.toFixed(0)} ms`;
}
