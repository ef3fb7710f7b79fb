/**
 * Every error the library can report, as one table: the stable code, the close code or HTTP status it
 * leads to, the section it comes from, and the sentence. A class says what the caller can do about it.
 *
 * Caller mistakes are plain `TypeError`s and `RangeError`s with the code `ERR_WS_INVALID_ARGUMENT`
 * (or `ERR_WS_INVALID_URL`); an aborted operation rejects with its signal's reason untouched.
 */

/** The peer broke a rule of the protocol. */
export type ProtocolErrorCode =
  | 'ERR_WS_RESERVED_BITS'
  | 'ERR_WS_RESERVED_OPCODE'
  | 'ERR_WS_MASK_REQUIRED'
  | 'ERR_WS_MASK_FORBIDDEN'
  | 'ERR_WS_CONTROL_FRAGMENTED'
  | 'ERR_WS_CONTROL_TOO_LONG'
  | 'ERR_WS_UNEXPECTED_CONTINUATION'
  | 'ERR_WS_EXPECTED_CONTINUATION'
  | 'ERR_WS_LENGTH_NOT_MINIMAL'
  | 'ERR_WS_LENGTH_OUT_OF_RANGE'
  | 'ERR_WS_CLOSE_PAYLOAD'
  | 'ERR_WS_CLOSE_CODE'
  | 'ERR_WS_INVALID_UTF8'
  | 'ERR_WS_COMPRESSED_CONTROL'
  | 'ERR_WS_COMPRESSED_CONTINUATION'
  | 'ERR_WS_INFLATE'
  | 'ERR_WS_TRUNCATED'
  | 'ERR_WS_INVALID_VALUE';

/** A bound of ours was exceeded, by the peer or by this side's own sending. */
export type LimitErrorCode =
  'ERR_WS_MESSAGE_TOO_BIG' | 'ERR_WS_TOO_MANY_FRAGMENTS' | 'ERR_WS_SEND_BUFFER_FULL';

/** The opening handshake failed. */
export type HandshakeErrorCode =
  | 'ERR_WS_HEAD_MALFORMED'
  | 'ERR_WS_HEAD_TOO_LARGE'
  | 'ERR_WS_HTTP_VERSION'
  | 'ERR_WS_METHOD'
  | 'ERR_WS_HOST'
  | 'ERR_WS_REQUEST_BODY'
  | 'ERR_WS_CONNECTION'
  | 'ERR_WS_UPGRADE'
  | 'ERR_WS_EXTENDED_CONNECT'
  | 'ERR_WS_VERSION'
  | 'ERR_WS_KEY'
  | 'ERR_WS_ORIGIN'
  | 'ERR_WS_PATH'
  | 'ERR_WS_SUBPROTOCOL'
  | 'ERR_WS_EXTENSION'
  | 'ERR_WS_STATUS'
  | 'ERR_WS_REDIRECT'
  | 'ERR_WS_HTTP2'
  | 'ERR_WS_ACCEPT'
  | 'ERR_WS_REFUSED'
  | 'ERR_WS_SHUTTING_DOWN'
  | 'ERR_WS_TOO_MANY_CONNECTIONS'
  | 'ERR_WS_NETWORK'
  | 'ERR_WS_PROXY';

/** Something took longer than it may. */
export type TimeoutErrorCode =
  | 'ERR_WS_OPENING_TIMEOUT'
  | 'ERR_WS_CLOSING_TIMEOUT'
  | 'ERR_WS_PONG_TIMEOUT'
  | 'ERR_WS_SEND_TIMEOUT';

/** The caller's mistakes and the end of a connection. */
export type UsageErrorCode =
  | 'ERR_WS_CLOSED'
  | 'ERR_WS_TERMINATED'
  | 'ERR_WS_CONCURRENT_READ'
  | 'ERR_WS_MESSAGE_DROPPED'
  | 'ERR_WS_CONCURRENT_MESSAGE'
  | 'ERR_WS_ALREADY_UPGRADED'
  | 'ERR_WS_INVALID_ARGUMENT'
  | 'ERR_WS_INVALID_URL';

export type ErrorCode =
  ProtocolErrorCode | LimitErrorCode | HandshakeErrorCode | TimeoutErrorCode | UsageErrorCode;

interface Row {
  /** The close code the failing endpoint sends (RFC 6455 §7.4.1). */
  readonly closeCode?: number;
  /** The HTTP status a server answers the opening handshake with. */
  readonly status?: number;
  readonly section: string;
  readonly text: string;
}

const ROWS: Readonly<Record<ErrorCode, Row>> = {
  ERR_WS_RESERVED_BITS: {
    closeCode: 1002,
    section: 'RFC 6455 §5.2',
    text: 'a reserved bit is set but no extension gives it a meaning',
  },
  ERR_WS_RESERVED_OPCODE: {
    closeCode: 1002,
    section: 'RFC 6455 §5.2',
    text: 'a frame has a reserved opcode',
  },
  ERR_WS_MASK_REQUIRED: {
    closeCode: 1002,
    section: 'RFC 6455 §5.1',
    text: 'a frame from a client is not masked',
  },
  ERR_WS_MASK_FORBIDDEN: {
    closeCode: 1002,
    section: 'RFC 6455 §5.1',
    text: 'a frame from a server is masked',
  },
  ERR_WS_CONTROL_FRAGMENTED: {
    closeCode: 1002,
    section: 'RFC 6455 §5.5',
    text: 'a control frame is fragmented',
  },
  ERR_WS_CONTROL_TOO_LONG: {
    closeCode: 1002,
    section: 'RFC 6455 §5.5',
    text: 'a control frame has a payload of more than 125 octets',
  },
  ERR_WS_UNEXPECTED_CONTINUATION: {
    closeCode: 1002,
    section: 'RFC 6455 §5.4',
    text: 'a continuation frame without a message to continue',
  },
  ERR_WS_EXPECTED_CONTINUATION: {
    closeCode: 1002,
    section: 'RFC 6455 §5.4',
    text: 'a new message begins before the last one is complete',
  },
  ERR_WS_LENGTH_NOT_MINIMAL: {
    closeCode: 1002,
    section: 'RFC 6455 §5.2',
    text: 'a payload length is not encoded in the fewest octets',
  },
  ERR_WS_LENGTH_OUT_OF_RANGE: {
    closeCode: 1002,
    section: 'RFC 6455 §5.2',
    text: 'the most significant bit of a 64-bit payload length is set',
  },
  ERR_WS_CLOSE_PAYLOAD: {
    closeCode: 1002,
    section: 'RFC 6455 §5.5.1',
    text: 'a Close frame has a payload of one octet',
  },
  ERR_WS_CLOSE_CODE: {
    closeCode: 1002,
    section: 'RFC 6455 §7.4',
    text: 'a Close frame has a code that must not be sent',
  },
  ERR_WS_INVALID_UTF8: {
    closeCode: 1007,
    section: 'RFC 6455 §8.1',
    text: 'text is not valid UTF-8',
  },
  ERR_WS_COMPRESSED_CONTROL: {
    closeCode: 1002,
    section: 'RFC 7692 §6',
    text: 'a control frame has the bit of a compressed message',
  },
  ERR_WS_COMPRESSED_CONTINUATION: {
    closeCode: 1002,
    section: 'RFC 7692 §6',
    text: 'a frame that continues a message has the bit of a compressed message',
  },
  ERR_WS_INFLATE: {
    closeCode: 1007,
    section: 'RFC 7692 §7.2.2',
    text: 'a message cannot be inflated',
  },
  ERR_WS_TRUNCATED: {
    section: 'RFC 6455 §7.1.5',
    text: 'the transport ended without a closing handshake',
  },
  ERR_WS_INVALID_VALUE: {
    closeCode: 1007,
    section: 'RFC 6455 §7.4.1',
    text: 'a message is not a value of the codec',
  },
  ERR_WS_MESSAGE_TOO_BIG: {
    closeCode: 1009,
    section: 'RFC 6455 §7.4.1',
    text: 'a message is too big',
  },
  ERR_WS_TOO_MANY_FRAGMENTS: {
    closeCode: 1008,
    section: 'RFC 6455 §10.4',
    text: 'a message has too many small fragments',
  },
  ERR_WS_SEND_BUFFER_FULL: {
    section: 'RFC 6455 §10.4',
    text: 'the peer reads more slowly than this side sends',
  },
  ERR_WS_HEAD_MALFORMED: {
    status: 400,
    section: 'RFC 9112 §2.2',
    text: 'the HTTP head is malformed',
  },
  ERR_WS_HEAD_TOO_LARGE: {
    status: 431,
    section: 'RFC 6585 §5',
    text: 'the HTTP head is too large',
  },
  ERR_WS_HTTP_VERSION: {
    status: 505,
    section: 'RFC 6455 §4.2.1',
    text: 'the HTTP version is not 1.1',
  },
  ERR_WS_METHOD: { status: 405, section: 'RFC 6455 §4.2.1', text: 'the method is not GET' },
  ERR_WS_HOST: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    text: 'the Host header is missing or malformed',
  },
  ERR_WS_REQUEST_BODY: {
    status: 400,
    section: 'RFC 9112 §6.3',
    text: 'an opening handshake has no body',
  },
  ERR_WS_CONNECTION: {
    status: 400,
    section: 'RFC 6455 §4.1',
    text: 'the Connection header does not contain "Upgrade"',
  },
  ERR_WS_UPGRADE: {
    status: 426,
    section: 'RFC 6455 §4.1',
    text: 'the Upgrade header is not "websocket"',
  },
  ERR_WS_EXTENDED_CONNECT: {
    status: 400,
    section: 'RFC 8441 §4',
    text: 'the request is no extended CONNECT for a WebSocket',
  },
  ERR_WS_VERSION: {
    status: 426,
    section: 'RFC 6455 §4.4',
    text: 'the Sec-WebSocket-Version is not 13',
  },
  ERR_WS_KEY: {
    status: 400,
    section: 'RFC 6455 §4.2.1',
    text: 'the Sec-WebSocket-Key is not 16 octets in base64',
  },
  ERR_WS_ORIGIN: { status: 403, section: 'RFC 6455 §10.2', text: 'the Origin is not allowed' },
  ERR_WS_PATH: { status: 404, section: 'RFC 6455 §4.2.2', text: 'no WebSocket at this path' },
  ERR_WS_SUBPROTOCOL: {
    status: 400,
    section: 'RFC 6455 §4.1',
    text: 'the Sec-WebSocket-Protocol header does not fit',
  },
  ERR_WS_EXTENSION: {
    status: 400,
    section: 'RFC 6455 §9.1',
    text: 'the Sec-WebSocket-Extensions header does not fit',
  },
  ERR_WS_STATUS: {
    section: 'RFC 6455 §4.1',
    text: 'the server refused the opening handshake',
  },
  ERR_WS_REDIRECT: {
    section: 'RFC 9110 §15.4',
    text: 'the server redirects to where the client does not follow',
  },
  ERR_WS_HTTP2: {
    section: 'RFC 8441 §3',
    text: 'the server has no WebSockets over HTTP/2',
  },
  ERR_WS_ACCEPT: {
    section: 'RFC 6455 §4.1',
    text: 'the Sec-WebSocket-Accept header does not answer the key that was sent',
  },
  ERR_WS_REFUSED: {
    status: 403,
    section: 'RFC 6455 §4.2.2',
    text: 'the application refused the opening handshake',
  },
  ERR_WS_SHUTTING_DOWN: {
    status: 503,
    section: 'RFC 9110 §15.6.4',
    text: 'the server is shutting down',
  },
  ERR_WS_TOO_MANY_CONNECTIONS: {
    status: 503,
    section: 'RFC 9110 §15.6.4',
    text: 'the server has as many connections as it may',
  },
  ERR_WS_NETWORK: {
    section: 'RFC 6455 §4.1',
    text: 'the transport failed during the opening handshake',
  },
  ERR_WS_PROXY: { section: 'RFC 9110 §9.3.6', text: 'the proxy did not open a tunnel' },
  ERR_WS_OPENING_TIMEOUT: {
    status: 408,
    section: 'RFC 6455 §4.1',
    text: 'the opening handshake took too long',
  },
  ERR_WS_CLOSING_TIMEOUT: {
    section: 'RFC 6455 §7.1.1',
    text: 'the peer did not finish the closing handshake in time',
  },
  ERR_WS_PONG_TIMEOUT: {
    closeCode: 1011,
    section: 'RFC 6455 §5.5.2',
    text: 'the peer gave no sign of life after a Ping',
  },
  ERR_WS_SEND_TIMEOUT: {
    section: 'RFC 6455 §10.4',
    text: 'the peer did not read what was sent',
  },
  ERR_WS_CLOSED: { section: 'RFC 6455 §7.1.4', text: 'the connection is closed' },
  ERR_WS_TERMINATED: {
    section: 'RFC 6455 §7.1.7',
    text: 'this side ended the transport without a closing handshake',
  },
  ERR_WS_CONCURRENT_READ: {
    section: 'RFC 6455 §6.2',
    text: 'the connection is being read already',
  },
  ERR_WS_MESSAGE_DROPPED: {
    section: 'RFC 6455 §6.2',
    text: 'the rest of the message was dropped when the next one was asked for',
  },
  ERR_WS_CONCURRENT_MESSAGE: {
    section: 'RFC 6455 §5.4',
    text: 'the fragments of another message are being sent',
  },
  ERR_WS_ALREADY_UPGRADED: {
    section: 'RFC 6455 §4.2.2',
    text: 'the opening handshake of this socket was answered already',
  },
  ERR_WS_INVALID_ARGUMENT: { section: 'the API', text: 'an argument is not valid' },
  ERR_WS_INVALID_URL: { section: 'RFC 6455 §3', text: 'not a WebSocket URL' },
};

/** The codes of the table, for those who list or test them. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(ROWS) as ErrorCode[];

/** The HTTP status a server answers with when its opening handshake fails with `code`. */
export function statusOf(code: HandshakeErrorCode | 'ERR_WS_OPENING_TIMEOUT'): number {
  return ROWS[code].status ?? 400;
}

/** The reason a Close gives for an error of ours: the rule, never what the application said. */
export function reasonFor(error: Error): string {
  const code = error instanceof FramewireError ? error.code : undefined;
  return code === undefined ? '' : ROWS[code].text;
}

function sentence(code: ErrorCode, detail: string): string {
  const { text, section } = ROWS[code];
  return `${text}${detail === '' ? '' : `: ${detail}`} (${section})`;
}

const BRAND = Symbol.for('framewire.error');

/** What all errors of the library share, across several copies of the library in one process. */
export abstract class FramewireError extends Error {
  readonly code: ErrorCode;
  /** Where the rule stands, such as `RFC 6455 §5.2`. */
  readonly section: string;

  protected constructor(name: string, code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(sentence(code, detail), options);
    this.code = code;
    this.section = ROWS[code].section;
    // Not enumerable, so that a printed error shows what happened and nothing else.
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true });
    Object.defineProperty(this, BRAND, { value: name });
  }

  /** True for an error of this class, also for one made by another copy of the library. */
  static isInstance<T>(this: abstract new (...args: never[]) => T, value: unknown): value is T {
    const brand: unknown = typeof value === 'object' && value && Reflect.get(value, BRAND);
    return brand === this.name || (this.name === FramewireError.name && typeof brand === 'string');
  }
}

/** The peer broke a rule. Never thrown while receiving: it fails the connection and is told there. */
export class ProtocolError extends FramewireError {
  declare readonly code: ProtocolErrorCode;
  /** The close code sent to the peer, 1006 when none could be. */
  readonly closeCode: number;

  constructor(code: ProtocolErrorCode, detail: string, options?: ErrorOptions) {
    super('ProtocolError', code, detail, options);
    this.closeCode = ROWS[code].closeCode ?? 1006;
  }
}

/** A bound was exceeded. */
export class LimitError extends FramewireError {
  declare readonly code: LimitErrorCode;
  readonly closeCode: number;
  /** The option that sets the bound. */
  readonly option: string;
  readonly limit: number;
  /** What was asked for or announced, in the unit of the option. */
  readonly actual: number;

  constructor(code: LimitErrorCode, option: string, limit: number, actual: number) {
    super('LimitError', code, `${actual} where ${option} is ${limit}`);
    this.closeCode = ROWS[code].closeCode ?? 1006;
    this.option = option;
    this.limit = limit;
    this.actual = actual;
  }
}

export interface HandshakeErrorDetails extends ErrorOptions {
  readonly status?: number | undefined;
  readonly headers?: ReadonlyMap<string, string> | undefined;
  readonly body?: Uint8Array | undefined;
  readonly url?: string | undefined;
  readonly proxy?: string | undefined;
  readonly socksReply?: number | undefined;
}

/** The opening handshake failed. For a client, with what the server, or the proxy, answered. */
export class HandshakeError extends FramewireError {
  declare readonly code: HandshakeErrorCode;
  /** On a server the status it answered with; on a client the status it received, if any. */
  readonly status?: number | undefined;
  /** The response's headers by lower-case name. */
  readonly headers?: ReadonlyMap<string, string> | undefined;
  /** The first octets of the response's body, 4 096 at most. */
  readonly body?: Uint8Array | undefined;
  readonly url?: string | undefined;
  /** The URL of the proxy that refused, failed, or could not be reached; without credentials. */
  readonly proxy?: string | undefined;
  /** What a SOCKS proxy replied instead of opening a tunnel (RFC 1928 §6), such as 5, refused. */
  readonly socksReply?: number | undefined;

  constructor(code: HandshakeErrorCode, detail: string, details: HandshakeErrorDetails = {}) {
    super(
      'HandshakeError',
      code,
      detail,
      'cause' in details ? { cause: details.cause } : undefined,
    );
    this.status = details.status;
    this.headers = details.headers;
    this.body = details.body;
    this.url = details.url;
    this.proxy = details.proxy;
    this.socksReply = details.socksReply;
  }
}

/** Something took too long. `name` is "TimeoutError", as DOM's is. */
export class TimeoutError extends FramewireError {
  declare readonly code: TimeoutErrorCode;
  readonly closeCode: number;
  readonly milliseconds: number;

  constructor(code: TimeoutErrorCode, milliseconds: number) {
    super('TimeoutError', code, `${milliseconds} ms`);
    this.closeCode = ROWS[code].closeCode ?? 1006;
    this.milliseconds = milliseconds;
  }
}

/** How a connection ended: what was received, what was sent, who began, and why. */
export interface CloseInfo {
  /** The code of the peer's Close; 1005 if it had none; 1006 if no Close arrived (§7.1.5). */
  readonly code: number;
  /** The reason of the peer's Close, or the empty string. */
  readonly reason: string;
  /** Both sides sent a Close and neither failed (§7.1.4). */
  readonly wasClean: boolean;
  /** Who sent Close first; `network` when the transport ended without one. */
  readonly initiator: 'client' | 'server' | 'network';
  /** The Close that arrived. */
  readonly received?: CloseFrame;
  /** The Close that this side sent. */
  readonly sent?: CloseFrame;
  /** What made the connection fail, when it failed: the answer to "why 1006?". */
  readonly error?: Error;
}

/** What a Close frame says; 1005 stands for a Close without a code (§7.1.5). */
export interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/** The connection has ended, or is ending, and cannot do what was asked of it. */
export class ConnectionClosedError extends FramewireError {
  declare readonly code: 'ERR_WS_CLOSED';
  readonly info: CloseInfo;

  constructor(info: CloseInfo) {
    super('ConnectionClosedError', 'ERR_WS_CLOSED', describeClose(info), { cause: info.error });
    this.info = info;
  }
}

function describeClose({ code, reason, initiator, error }: CloseInfo): string {
  const who = initiator === 'network' ? 'no Close was exchanged' : `the ${initiator} began`;
  const why = reason === '' ? '' : ` ${JSON.stringify(reason)}`;
  return `${code}${why}, ${who}${error === undefined ? '' : `; ${error.message}`}`;
}

/** A call that does not fit the state of the object it is made on. */
export function misuse(code: UsageErrorCode, detail: string, options?: ErrorOptions): Error {
  return withCode(new Error(sentence(code, detail), options), code);
}

/** A caller's mistake about a type, with the library's code on it. */
export function invalidArgument(detail: string): TypeError {
  return withCode(new TypeError(detail), 'ERR_WS_INVALID_ARGUMENT');
}

/** A caller's mistake about a range, with the library's code on it. */
export function outOfRange(detail: string): RangeError {
  return withCode(new RangeError(detail), 'ERR_WS_INVALID_ARGUMENT');
}

/** A URL that no WebSocket can have (RFC 6455 §3). */
export function invalidUrl(detail: string, options?: ErrorOptions): TypeError {
  return withCode(
    new TypeError(sentence('ERR_WS_INVALID_URL', detail), options),
    'ERR_WS_INVALID_URL',
  );
}

function withCode<E extends Error>(error: E, code: ErrorCode): E & { readonly code: ErrorCode } {
  return Object.assign(error, { code });
}
