/** What a stream of `node:http2` does otherwise than a socket, for one that carries a WebSocket. */
import type { Http2Stream } from 'node:http2';
import { Socket } from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';

/**
 * Octets that the peer may send ahead on all streams of a session together. Node gives back what has
 * arrived, read or not, so that one stream cannot use it up; 64 KiB, its default, are little for many.
 */
export const SESSION_WINDOW: number = 4 * 1024 * 1024;

export function isHttp2Stream(duplex: Duplex): duplex is Http2Stream {
  return 'rstCode' in duplex && 'session' in duplex;
}

/** The socket below; several streams may share one. Undefined once it is gone, and for other streams. */
export function socketOf(duplex: Duplex): Socket | undefined {
  if (duplex instanceof Socket) return duplex;
  const session = isHttp2Stream(duplex) ? duplex.session : undefined;
  if (session === undefined || session.destroyed) return undefined;
  return session.socket;
}

/** RFC 9113 §7, by their numbers. Loading `node:http2` for its constants is left to those who use it. */
const ERROR_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;

export const REFUSED_STREAM: number = ERROR_CODES.indexOf('REFUSED_STREAM');
export const HTTP_1_1_REQUIRED: number = ERROR_CODES.indexOf('HTTP_1_1_REQUIRED');

/**
 * RST_STREAM with CANCEL, which is to a stream what RST is to TCP (RFC 8441 §5). `destroy` makes that of
 * an abort alone; without an error it, and `close` always, end the stream in order before.
 */
export function reset(stream: Http2Stream): void {
  addAbortSignal(AbortSignal.abort(), stream);
}

/**
 * Why a stream is over that ended before this side had ended it: Node reports as an error what has
 * another code than CANCEL and NO_ERROR, and these as an end.
 */
export function resetError(stream: Http2Stream): Error | undefined {
  if (!stream.aborted) return undefined;
  const { rstCode } = stream;
  const name = ERROR_CODES[rstCode] ?? String(rstCode);
  const error = new Error(`the HTTP/2 stream was reset with ${name}`);
  return Object.assign(error, { code: 'ERR_HTTP2_STREAM_ERROR' });
}
