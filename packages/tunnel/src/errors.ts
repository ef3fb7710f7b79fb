/**
 * Every error of the tunnel, as one table: the stable code, the HTTP status a caller gets for it, and
 * the sentence. What is wrong in a configuration is a `TypeError` with `ERR_TUNNEL_INVALID_ARGUMENT`.
 */

export type TunnelErrorCode =
  // What a caller of the relay gets.
  | 'ERR_TUNNEL_BAD_REQUEST'
  | 'ERR_TUNNEL_UNAUTHORIZED'
  | 'ERR_TUNNEL_FORBIDDEN'
  | 'ERR_TUNNEL_NO_ROUTE'
  | 'ERR_TUNNEL_REQUEST_TIMEOUT'
  | 'ERR_TUNNEL_BODY_TOO_LARGE'
  | 'ERR_TUNNEL_RATE_LIMITED'
  | 'ERR_TUNNEL_HEAD_TOO_LARGE'
  | 'ERR_TUNNEL_CALLER_GONE'
  | 'ERR_TUNNEL_BAD_RESPONSE'
  | 'ERR_TUNNEL_TARGET_UNREACHABLE'
  | 'ERR_TUNNEL_ABORTED'
  | 'ERR_TUNNEL_NO_AGENT'
  | 'ERR_TUNNEL_BUSY'
  | 'ERR_TUNNEL_DRAINING'
  | 'ERR_TUNNEL_CONNECT_TIMEOUT'
  | 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT'
  | 'ERR_TUNNEL_IDLE_TIMEOUT'
  // What ends a session or one of its streams.
  | 'ERR_TUNNEL_FRAME'
  | 'ERR_TUNNEL_FLOW_CONTROL'
  | 'ERR_TUNNEL_PREAMBLE'
  | 'ERR_TUNNEL_STREAM_RESET'
  | 'ERR_TUNNEL_SESSION_CLOSED'
  | 'ERR_TUNNEL_TOO_MANY_STREAMS'
  | 'ERR_TUNNEL_PING_TIMEOUT'
  // What an agent is refused with.
  | 'ERR_TUNNEL_BAD_TOKEN'
  | 'ERR_TUNNEL_BAD_CERTIFICATE'
  | 'ERR_TUNNEL_NAME_TAKEN'
  | 'ERR_TUNNEL_NAME_NOT_ALLOWED'
  // The words of wsp.
  | 'ERR_TUNNEL_WSP_WIRE'
  | 'ERR_TUNNEL_INVALID_ARGUMENT';

interface Row {
  /** Of HTTP, for whoever asked; absent where nobody did. */
  readonly status?: number;
  readonly text: string;
}

const ROWS: Readonly<Record<TunnelErrorCode, Row>> = {
  ERR_TUNNEL_BAD_REQUEST: { status: 400, text: 'the request is not valid' },
  ERR_TUNNEL_UNAUTHORIZED: { status: 401, text: 'this name asks who you are' },
  ERR_TUNNEL_FORBIDDEN: { status: 403, text: 'this is not allowed' },
  ERR_TUNNEL_NO_ROUTE: { status: 404, text: 'no tunnel has this name' },
  ERR_TUNNEL_REQUEST_TIMEOUT: { status: 408, text: 'the request took too long to come' },
  ERR_TUNNEL_BODY_TOO_LARGE: { status: 413, text: 'the body is too large' },
  ERR_TUNNEL_RATE_LIMITED: { status: 429, text: 'too many requests' },
  ERR_TUNNEL_HEAD_TOO_LARGE: { status: 431, text: 'the headers are too large' },
  ERR_TUNNEL_CALLER_GONE: { status: 499, text: 'the caller went away' },
  ERR_TUNNEL_BAD_RESPONSE: { status: 502, text: 'the target answered what is no HTTP' },
  ERR_TUNNEL_TARGET_UNREACHABLE: { status: 502, text: 'the target cannot be reached' },
  ERR_TUNNEL_ABORTED: { status: 502, text: 'the target or its agent broke off' },
  ERR_TUNNEL_NO_AGENT: { status: 503, text: 'no agent serves this name at the moment' },
  ERR_TUNNEL_BUSY: { status: 503, text: 'all agents of this name are busy' },
  ERR_TUNNEL_DRAINING: { status: 503, text: 'this side is about to end' },
  ERR_TUNNEL_CONNECT_TIMEOUT: { status: 504, text: 'the target took too long to connect' },
  ERR_TUNNEL_FIRST_BYTE_TIMEOUT: { status: 504, text: 'the target took too long to answer' },
  ERR_TUNNEL_IDLE_TIMEOUT: { status: 504, text: 'nothing came for too long' },
  ERR_TUNNEL_FRAME: { text: 'the other side sent a frame that is none' },
  ERR_TUNNEL_FLOW_CONTROL: { text: 'the other side sent more than it may' },
  ERR_TUNNEL_PREAMBLE: { text: 'a stream does not say what it is' },
  ERR_TUNNEL_STREAM_RESET: { text: 'the other side broke the stream off' },
  ERR_TUNNEL_SESSION_CLOSED: { text: 'the session has ended' },
  ERR_TUNNEL_TOO_MANY_STREAMS: { text: 'the session has as many streams as it may' },
  ERR_TUNNEL_PING_TIMEOUT: { text: 'the other side gave no sign of life' },
  ERR_TUNNEL_BAD_TOKEN: { status: 401, text: 'the token is not known, or has expired' },
  ERR_TUNNEL_BAD_CERTIFICATE: { status: 403, text: 'no certificate that is trusted was shown' },
  ERR_TUNNEL_NAME_TAKEN: { status: 409, text: 'another agent holds the name' },
  ERR_TUNNEL_NAME_NOT_ALLOWED: { status: 403, text: 'the token does not allow the name' },
  ERR_TUNNEL_WSP_WIRE: { text: 'the other side does not speak the protocol of wsp' },
  ERR_TUNNEL_INVALID_ARGUMENT: { text: 'an argument is not valid' },
};

/** The codes of the table, for those who list or test them. */
export const TUNNEL_ERROR_CODES: readonly TunnelErrorCode[] = Object.keys(
  ROWS,
) as TunnelErrorCode[];

const BRAND = Symbol.for('framewire.tunnel.error');

export class TunnelError extends Error {
  readonly code: TunnelErrorCode;
  /** What a caller is answered with; 502 where the code has nothing of its own. */
  readonly status: number;

  /** Without a word of a secret: it is logged. */
  constructor(code: TunnelErrorCode, detail: string = '', options?: ErrorOptions) {
    super(`${ROWS[code].text}${detail === '' ? '' : `: ${detail}`}`, options);
    this.code = code;
    this.status = ROWS[code].status ?? 502;
    Object.defineProperty(this, 'name', { value: 'TunnelError', configurable: true });
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for an error of any copy of the package. */
  static isInstance(value: unknown): value is TunnelError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** A caller's mistake, with the package's code on it. */
export function invalidArgument(detail: string): TypeError {
  return Object.assign(new TypeError(detail), { code: 'ERR_TUNNEL_INVALID_ARGUMENT' as const });
}
