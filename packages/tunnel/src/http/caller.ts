/** The side of whoever asked: what HTTP/1.1 and HTTP/2 do differently there. */
import {
  validateHeaderValue,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Fields } from './hop-by-hop.ts';

/** Of either version: what is used of them has the same names in both. */
export type CallerRequest = IncomingMessage | Http2ServerRequest;
export type CallerResponse = ServerResponse | Http2ServerResponse;

/** RST_STREAM without a fault (RFC 9113 §8.1): the rest of the request is not wanted. */
const NO_ERROR = 0;

export function streamOf(response: ServerResponse): ServerHttp2Stream | undefined {
  const { stream } = response as ServerResponse & { readonly stream?: ServerHttp2Stream };
  return stream;
}

/** HTTP/2 tells the end of a request that was reset, too. */
export function isReset(response: ServerResponse): boolean {
  const stream = streamOf(response);
  return stream !== undefined && (stream.aborted || stream.rstCode !== 0 || stream.destroyed);
}

/** Whether Node puts the content into chunks, or HTTP/2 into frames: where trailers can follow. */
export function goesOnInChunks(
  { method, httpVersionMajor, httpVersionMinor }: IncomingMessage,
  status: number,
  length: number | undefined,
): boolean {
  if (method === 'HEAD' || status === 204 || status === 304 || length !== undefined) return false;
  return httpVersionMajor === 2 || httpVersionMinor > 0;
}

/**
 * Nothing leaves until the first octets of the content, or `flushHeaders`. Returns what Node has
 * against it: a target can say what passes for HTTP on its way in and not on its way out.
 */
export function sendHead(
  response: ServerResponse,
  status: number,
  reason: string,
  fields: Fields,
): Error | undefined {
  try {
    if (streamOf(response) === undefined) response.writeHead(status, reason, fields);
    else response.writeHead(status, toRecord(fields));
    return undefined;
  } catch (error) {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    return error as Error;
  }
}

/** Sends the head if it is still here: in latin1, where `flushHeaders` would write it in UTF-8. */
export function flushHead(response: ServerResponse): void {
  if (streamOf(response) === undefined) response.write('', 'latin1');
  else response.flushHeaders();
}

/** Trailers come just before the end. */
export function sendTrailers(
  response: ServerResponse,
  pairs: [string, string][],
  isHttp2: boolean,
): void {
  if (pairs.length === 0) return;
  try {
    response.addTrailers(isHttp2 ? toRecord(pairs.flat()) : pairs);
  } catch {
    // RFC 9110 §6.5.1: trailers may be dropped on the way.
  }
}

/** Ends the answer so that it cannot be taken for a complete one. */
export function breakOff(request: IncomingMessage, response: ServerResponse): void {
  const stream = streamOf(response);
  if (stream !== undefined) {
    // Without an error Node would send END_STREAM first.
    stream.destroy(new Error('the answer broke off'));
    return;
  }
  const { socket } = response;
  // RFC 9112 §8: where the end of the connection may end the content, a FIN would be an end.
  if (request.httpVersionMinor === 0 && socket !== null) reset(socket);
  else response.destroy();
}

/** Destroys the stream, with a RST where it is one of TCP. */
export function reset(duplex: Duplex): void {
  if (duplex.destroyed) return;
  // A socket of TLS or of a path has no such method that works.
  const isTcp = duplex instanceof Socket && !('encrypted' in duplex) && 'remotePort' in duplex;
  if (isTcp && duplex.remotePort !== undefined) duplex.resetAndDestroy();
  else duplex.destroy();
}

/** Ends the connection, or the stream, of a caller that goes on with a request long answered. */
export function dismiss(request: IncomingMessage, response: ServerResponse): void {
  const stream = streamOf(response);
  if (stream === undefined) request.socket.destroy();
  else stream.close(NO_ERROR);
}

/** A head in octets (latin1), for where no `ServerResponse` writes it. */
export function rawHead(status: number, reason: string, fields: Fields): string {
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    const value = fields[index + 1]!;
    validateHeaderValue(name, value);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}

/** RFC 9110 §5.3: repeated fields in one list, but for Set-Cookie, which is none. */
export function toRecord(fields: Fields): OutgoingHttpHeaders {
  const record: Record<string, string | string[]> = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!.toLowerCase();
    const value = fields[index + 1]!;
    // RFC 9113 §8.2.2: what a connection of HTTP/1.1 is told.
    if (name === 'upgrade' || name === 'connection') continue;
    const earlier = record[name];
    if (name === 'set-cookie') record[name] = [earlier ?? [], value].flat();
    else record[name] = earlier === undefined ? value : `${earlier as string}, ${value}`;
  }
  return record;
}
