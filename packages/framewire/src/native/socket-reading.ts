/**
 * Reads sockets into one buffer that all of them share, instead of a new one of 64 KiB for each read.
 *
 * Node documents this for sockets that a program makes itself (`onread` of `net.connect`), not for
 * those that a server accepts or an HTTP parser had before. This module is the only one that relies
 * on how Node does it: three properties of a socket under symbols that it describes as `kBuffer`,
 * `kBufferCb` and `kBufferGen`, and `useUserBuffer` of its handle. All are the same in Node 20 to 26.
 * Pausing, the end, errors and timeouts stay Node's own. Where anything is missing, sockets are read
 * by their documented 'data' events.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { readBuffer } from './masking.ts';

/**
 * Octets from the start of `buffer`, lent for the duration of the call. Returns where the next ones are
 * to be read into, if not into the shared buffer again.
 */
export type OnRead = (this: Socket, length: number, buffer: Uint8Array) => Uint8Array | undefined;

/** Has a socket read into the shared buffer from now on; whether that is possible. */
export type ReadShared = (socket: Socket) => boolean;

interface Handle {
  useUserBuffer?(buffer: Uint8Array): void;
}

interface Symbols {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/** For all sockets whose octets go to the same function: no socket owns anything. */
export function sharedReader(onRead: OnRead): ReadShared {
  const symbols = process.env['FRAMEWIRE_DOCUMENTED_API'] === '1' ? undefined : findSymbols();
  if (symbols === undefined) return () => false;
  let wanted: Uint8Array | undefined;
  // Node asks for the next buffer right after the call …
  const callback = function (this: Socket, length: number, buffer: Uint8Array): void {
    wanted = onRead.call(this, length, buffer);
  };
  // … and when a socket that dials tries its next address: that must not get what is another's.
  const generator = (): Uint8Array => {
    const next = wanted ?? readBuffer;
    wanted = undefined;
    return next;
  };
  return (socket) => {
    const properties = socket as unknown as Record<symbol, unknown>;
    const { _handle: handle } = socket as unknown as { readonly _handle: Handle | null };
    // What TLS decrypts does not come from the handle of a socket.
    const isPlain = Object.getPrototypeOf(socket) === Socket.prototype;
    const isTaken = properties[symbols.buffer] !== null || socket.readableLength > 0;
    if (!isPlain || isTaken || typeof handle?.useUserBuffer !== 'function') return false;
    handle.useUserBuffer(readBuffer);
    properties[symbols.buffer] = readBuffer;
    properties[symbols.callback] = callback;
    properties[symbols.generator] = generator;
    return true;
  };
}

function findSymbols(): Symbols | undefined {
  // An option of `net.connect`, which hands it on.
  const options = { onread: { buffer: new Uint8Array(1), callback: () => true } };
  const socket = new Socket(options as SocketConstructorOpts);
  const own = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, generator] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    own.find(({ description }) => description === name),
  );
  if (buffer === undefined || callback === undefined || generator === undefined) return undefined;
  return { buffer, callback, generator };
}
