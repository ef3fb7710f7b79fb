/**
 * One HTTP/2 session and the WebSockets on it (RFC 8441). It lives as long as one of them does: the
 * last one closes it.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../connection/clock.ts';
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

/** How long its socket may outlive a session, if the stream is the last of it. */
export interface Farewell {
  readonly clock: Clock;
  /** Milliseconds; then the socket is destroyed. */
  readonly closeTimeout: number;
}

export class Http2Session {
  readonly #session: ClientHttp2Session;
  /** What the session is spoken on. */
  readonly #duplex: Duplex;
  #streams = 0;
  #isDraining = false;

  private constructor(session: ClientHttp2Session, duplex: Duplex) {
    this.#session = session;
    this.#duplex = duplex;
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
    const shared = new Http2Session(session, duplex);
    try {
      await unlessExpired(settled(session), deadline);
    } catch (error) {
      shared.discard();
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
  request(fields: FieldRecord, farewell: Farewell): ClientHttp2Stream {
    try {
      const stream = this.#session.request(fields, { endStream: false });
      stream.once('close', () => this.#release(stream.rstCode, farewell));
      return stream;
    } catch (error) {
      this.#release(0, farewell);
      throw error;
    }
  }

  /** Takes no more; ends with the last of its streams (RFC 9113 §6.8). */
  drain(): void {
    this.#isDraining = true;
  }

  /** Ends at once, and the socket with it: of a session that has no stream. */
  discard(): void {
    this.#session.destroy();
    this.#duplex.destroy();
  }

  onClose(task: () => void): void {
    this.#session.once('close', task);
  }

  #release(rstCode: number, { clock, closeTimeout }: Farewell): void {
    this.#streams--;
    if (this.#streams > 0) return;
    // What a peer has not taken of a stream that was reset would keep the session for ever.
    if (rstCode === 0) this.#session.close();
    else this.#session.destroy();
    if (this.#duplex.closed) return;
    // Node waits for the peer to take what was written and to end its side, however long that takes.
    const timer = clock.setTimer(closeTimeout, () => this.discard());
    this.#duplex.once('close', () => timer.cancel());
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
