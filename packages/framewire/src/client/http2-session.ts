/**
 * One HTTP/2 session and the WebSockets on it (RFC 8441). It lives as long as one of them does: the
 * last one closes it.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { HandshakeError } from '../errors.ts';
import { SESSION_WINDOW } from '../connection/http2-stream.ts';
import type { FieldRecord } from '../handshake/extended-connect.ts';
import { unlessExpired, type Deadline } from './deadline.ts';
import { take } from './dial.ts';
import { originOf, type Destination } from './url.ts';

/** Octets of a stream that the server may send ahead; 64 KiB, the default, are little for a long way. */
const STREAM_WINDOW = 256 * 1024;

/** Mebibytes that Node lets a session hold before it refuses streams; 10, its default, are soon full. */
const SESSION_MEMORY = 256;

export class Http2Session {
  readonly #session: ClientHttp2Session;
  #streams = 0;
  #isDraining = false;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    // Its streams tell of it, each for itself.
    session.on('error', () => {});
    session.on('goaway', () => this.drain());
  }

  /**
   * Resolves when the server's SETTINGS have arrived (RFC 8441 §3). Destroys the transport when it
   * rejects: with `HandshakeError`, or the deadline's reason.
   */
  static async open(
    duplex: Duplex,
    destination: Destination,
    deadline: Deadline,
  ): Promise<Http2Session> {
    const { connect } = await import('node:http2');
    if (duplex.destroyed) throw new HandshakeError('ERR_WS_NETWORK', 'it closed early');
    const session = connect(originOf(destination), {
      createConnection: () => duplex,
      maxSessionMemory: SESSION_MEMORY,
      // RFC 8441 has no use for pushes, and a server that pushes all the same breaks the protocol.
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
    });
    take(duplex);
    const shared = new Http2Session(session);
    try {
      await unlessExpired(settled(session), deadline);
    } catch (error) {
      session.destroy();
      throw error;
    }
    return shared;
  }

  /** The server's SETTINGS allow extended CONNECT (RFC 8441 §3). */
  get hasWebSockets(): boolean {
    return this.#session.remoteSettings.enableConnectProtocol === true;
  }

  /** Neither full (RFC 9113 §5.1.2) nor about to end. */
  get hasRoom(): boolean {
    if (this.#isDraining || this.#session.closed || this.#session.destroyed) return false;
    return this.#streams < (this.#session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  /** Keeps a place for a stream, that `request` takes. */
  reserve(): void {
    this.#streams++;
  }

  /** Throws Node's error when the session has ended meanwhile. */
  request(fields: FieldRecord): ClientHttp2Stream {
    try {
      const stream = this.#session.request(fields, { endStream: false });
      stream.once('close', () => this.#release(stream.rstCode));
      return stream;
    } catch (error) {
      this.#release(0);
      throw error;
    }
  }

  /** Takes no more; ends with the last of its streams (RFC 9113 §6.8). */
  drain(): void {
    this.#isDraining = true;
    if (this.#streams === 0) this.#session.close();
  }

  onClose(task: () => void): void {
    this.#session.once('close', task);
  }

  /** What a peer has not taken of a stream that was reset would keep the session for ever. */
  #release(rstCode: number): void {
    this.#streams--;
    if (this.#streams > 0) return;
    if (rstCode === 0) this.#session.close();
    else this.#session.destroy();
  }
}

function settled(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause?: Error): void => {
      const detail = cause?.message ?? 'the HTTP/2 session closed early';
      reject(new HandshakeError('ERR_WS_NETWORK', detail, cause && { cause }));
    };
    session.once('error', fail).once('close', fail);
    session.once('remoteSettings', () => {
      session.off('error', fail).off('close', fail);
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW);
      resolve();
    });
  });
}
