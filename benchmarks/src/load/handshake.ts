/** A connection that is opened (RFC 6455 §4.1) and closed (§7.1.1), and says nothing in between. */
import { connect, type Socket } from 'node:net';
import { HOST, openingRequest, readOpening } from './opening.ts';

/** A Close with 1000, masked with zeros; and what it is answered with, whatever the reason. */
const CLOSE = Buffer.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8);
const CLOSED = Buffer.of(0x03, 0xe8);

/** What all sockets read into, one after the other: nobody keeps it. */
const chunk = Buffer.allocUnsafeSlow(64 * 1024);

export class Handshake {
  readonly #socket: Socket;
  #answer = '';
  #isOpen = false;
  #octets = 0;
  /** Undefined once both Close frames were exchanged. */
  #error: Error | undefined = new Error('the server ended the connection without a Close');

  constructor(port: number, onDone: (error: Error | undefined, octets: number) => void) {
    const onread = {
      buffer: chunk,
      callback: (length: number): boolean => {
        this.#onRead(length);
        return true;
      },
    };
    this.#socket = connect({ host: HOST, port, noDelay: true, onread });
    this.#socket.on('connect', () => this.#socket.write(openingRequest(port, '/', undefined)));
    this.#socket.on('error', (error) => (this.#error = error));
    // The server ends the TCP connection (§7.1.1), and the socket answers by itself.
    this.#socket.on('close', () => onDone(this.#error, this.#octets));
  }

  cancel(): void {
    this.#socket.removeAllListeners('close').destroy();
  }

  #onRead(length: number): void {
    this.#octets += length;
    try {
      if (this.#isOpen) this.#readClose(chunk.subarray(0, length));
      else this.#readOpening(chunk.toString('latin1', 0, length));
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #readOpening(text: string): void {
    this.#answer += text;
    if (readOpening(this.#answer) === undefined) return;
    this.#isOpen = true;
    this.#socket.write(CLOSE);
  }

  /** Nobody divides so short a frame. */
  #readClose(frame: Buffer): void {
    if (frame[0] !== CLOSE[0] || !frame.subarray(2, 4).equals(CLOSED)) {
      throw new Error('the server does not answer the Close');
    }
    this.#error = undefined;
  }
}
