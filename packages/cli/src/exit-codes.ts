/** What the process ends with, so that scripts can tell a refusal from a broken network. */
import {
  HandshakeError,
  ProtocolError,
  TimeoutError,
  type CloseInfo,
  type HandshakeErrorCode,
} from 'framewire';
import { TunnelError, type TunnelErrorCode } from '@framewire/tunnel';
import { UsageError } from './usage-error.ts';

export const ExitCode = {
  ok: 0,
  error: 1,
  usage: 2,
  handshakeRefused: 3,
  protocolViolation: 4,
  timeout: 5,
  closedByPeer: 6,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const EXIT_CODES_HELP: string = `
Exit codes:
  0  ok
  1  error, such as a host that cannot be reached or a connection that broke
  2  the command line cannot be used as it was written
  3  the server, or a proxy, refused the opening handshake
  4  the peer broke the protocol
  5  something took longer than it may
  6  the peer closed with a code other than 1000, 1001 or none`;

/** Close codes of a peer that has nothing to complain about (RFC 6455 §7.4.1). */
const CONTENT: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Opening handshakes that failed because the server said no, or did not agree. */
const REFUSALS: ReadonlySet<HandshakeErrorCode> = new Set([
  'ERR_WS_STATUS',
  'ERR_WS_REDIRECT',
  'ERR_WS_HTTP2',
  'ERR_WS_SUBPROTOCOL',
] as const);

/** What a relay refuses an agent with. */
const TUNNEL_REFUSALS: ReadonlySet<TunnelErrorCode> = new Set([
  'ERR_TUNNEL_BAD_TOKEN',
  'ERR_TUNNEL_BAD_CERTIFICATE',
  'ERR_TUNNEL_NAME_TAKEN',
  'ERR_TUNNEL_NAME_NOT_ALLOWED',
  'ERR_TUNNEL_BAD_REQUEST',
] as const);

/** Codes of plain errors that report a mistake of the caller. */
const USAGE: ReadonlySet<unknown> = new Set([
  ...['ERR_WS_INVALID_URL', 'ERR_WS_INVALID_ARGUMENT', 'ERR_TUNNEL_INVALID_ARGUMENT'],
]);

/** The exit code for what ended a command before, or instead of, a Close. */
export function exitCodeOfError(error: unknown): ExitCode {
  if (error instanceof TimeoutError) return ExitCode.timeout;
  if (error instanceof HandshakeError) return exitCodeOfHandshake(error);
  if (error instanceof ProtocolError) {
    // RFC 6455 §7.1.5: an end without a Close is how a broken network looks like.
    return error.code === 'ERR_WS_TRUNCATED' ? ExitCode.error : ExitCode.protocolViolation;
  }
  if (TunnelError.isInstance(error) && TUNNEL_REFUSALS.has(error.code)) {
    return ExitCode.handshakeRefused;
  }
  if (error instanceof UsageError) return ExitCode.usage;
  return error instanceof Error && 'code' in error && USAGE.has(error.code)
    ? ExitCode.usage
    : ExitCode.error;
}

function exitCodeOfHandshake({ code, status, cause }: HandshakeError): ExitCode {
  if (code === 'ERR_WS_NETWORK') return ExitCode.error;
  if (code === 'ERR_WS_PROXY') {
    if (status !== undefined) return ExitCode.handshakeRefused;
    // What came instead of an answer, where something came.
    return cause instanceof HandshakeError ? exitCodeOfHandshake(cause) : ExitCode.error;
  }
  return REFUSALS.has(code) ? ExitCode.handshakeRefused : ExitCode.protocolViolation;
}

/** The exit code for a connection that was open: only the peer's own words count as its complaint. */
export function exitCodeOfClose(info: CloseInfo, role: 'client' | 'server'): ExitCode {
  if (info.error !== undefined) return exitCodeOfError(info.error);
  if (info.initiator === role) return ExitCode.ok;
  if (info.initiator === 'network') return ExitCode.error;
  return CONTENT.has(info.code) ? ExitCode.ok : ExitCode.closedByPeer;
}
