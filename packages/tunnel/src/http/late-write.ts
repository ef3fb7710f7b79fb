/** Uploads to whoever may answer before they are complete, and be gone. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Has what is written to a socket in this turn leave once what has arrived in it was read. Node takes a
 * socket away with the first write that fails, read or not: an answer to half an upload, such as a 413 of
 * a server that closes right after it, would be lost most of the time (RFC 9112 §9.6). What arrives and
 * fails between the reading and the writing still is, as it is for every client of Node.
 */
export function holdWrites(duplex: Duplex | null): void {
  if (!(duplex instanceof Socket) || duplex.writableCorked > 0) return;
  duplex.cork();
  setImmediate(() => duplex.uncork());
}
