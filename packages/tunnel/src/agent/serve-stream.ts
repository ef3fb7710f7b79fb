/** What an agent does with a stream of the relay: it reads what the stream is for, and joins it to that. */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { TunnelError } from '../errors.ts';
import { readPreamble, type Preamble } from '../preamble.ts';
import { ERROR_HEADER } from '../registration.ts';
import { splice } from '../http/splice.ts';
import { dialTarget, type AddressTarget, type DialTargetOptions } from './target.ts';

export interface StreamServing {
  /** Takes streams of HTTP: it parses them, for rules, the inspector or a handler. */
  readonly server: http.Server | undefined;
  /** Where octets go as they are; undefined for a handler. */
  readonly target: AddressTarget | undefined;
  readonly dialling: DialTargetOptions;
  /** Milliseconds for the target to be connected. */
  readonly connectTimeout: number;
  /** Told when the target could not be reached; it does not throw. */
  readonly onTargetError: (error: TunnelError) => void;
}

export function serveStream(stream: Duplex, serving: StreamServing): void {
  stream.on('error', () => {});
  readPreamble(stream, (preamble) => {
    if (preamble instanceof TunnelError) stream.destroy(preamble);
    else serve(stream, preamble, serving);
  });
}

function serve(stream: Duplex, { kind }: Preamble, serving: StreamServing): void {
  const { server, target } = serving;
  if (kind === 'http' && server !== undefined) {
    server.emit('connection', stream);
    return;
  }
  if (target?.kind !== kind) {
    const error = new TunnelError('ERR_TUNNEL_FORBIDDEN', `there is no target for ${kind}`);
    refuse(stream, kind, error);
    return;
  }
  join(stream, kind, target, serving);
}

/** The octets wait in the stream until the target is there. */
function join(
  stream: Duplex,
  kind: Preamble['kind'],
  target: AddressTarget,
  { dialling, connectTimeout, onTargetError }: StreamServing,
): void {
  const far = dialTarget(target, dialling, true);
  const ready = target.isSecure ? 'secureConnect' : 'connect';
  const timer = setTimeout(() => {
    far.destroy(new TunnelError('ERR_TUNNEL_CONNECT_TIMEOUT', target.url));
  }, connectTimeout);
  const failed = (error: Error): void => {
    settle();
    far.on('error', () => {}).destroy();
    const told = toTunnelError(error, target);
    refuse(stream, kind, told);
    onTargetError(told);
  };
  const abandoned = (): void => {
    settle();
    far.on('error', () => {}).destroy();
  };
  const connected = (): void => {
    settle();
    splice(stream, far, { onDone: () => {} });
  };
  const settle = (): void => {
    clearTimeout(timer);
    far.off('error', failed).off(ready, connected);
    stream.off('close', abandoned);
  };
  far.on('error', failed).on(ready, connected);
  stream.on('close', abandoned);
}

export function toTunnelError(error: Error, target: AddressTarget): TunnelError {
  if (TunnelError.isInstance(error)) return error;
  const detail = `${target.url}: ${error.message}`;
  return new TunnelError('ERR_TUNNEL_TARGET_UNREACHABLE', detail, { cause: error });
}

/** To a caller of HTTP it is told, without what is only for this side; any other stream breaks off. */
function refuse(stream: Duplex, kind: Preamble['kind'], error: TunnelError): void {
  if (kind !== 'http' || stream.destroyed) {
    stream.destroy(error);
    return;
  }
  const body = `${new TunnelError(error.code).message}\n`;
  const head = [
    `HTTP/1.1 ${error.status} ${http.STATUS_CODES[error.status] ?? ''}`,
    `${ERROR_HEADER}: ${error.code}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  // What the caller still sends is read away, or the answer might not get through.
  stream.resume();
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
