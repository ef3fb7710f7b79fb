/** RFC 6455 §5.5.2–§5.5.3 — Pings that the application sent, and the Pongs that answer them. */
import { addAbortListener } from 'node:events';
import { ConnectionClosedError, type CloseInfo } from '../errors.ts';

interface PendingPing {
  readonly payload: Uint8Array;
  readonly sentAt: number;
  settle(error: Error | undefined, at: number): void;
}

export class Pings {
  #pending: PendingPing[] = [];
  #count = 0;

  /** A payload unlike that of any other Ping of this connection. */
  nextPayload(): Uint8Array {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, ++this.#count);
    return payload;
  }

  /** Resolves with the milliseconds until the Pong; the signal only ends the waiting. */
  wait(payload: Uint8Array, sentAt: number, signal: AbortSignal | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      const ping: PendingPing = {
        payload,
        sentAt,
        settle(error, at) {
          listener?.[Symbol.dispose]();
          if (error === undefined) resolve(at - sentAt);
          else reject(error);
        },
      };
      const listener =
        signal === undefined
          ? undefined
          : addAbortListener(signal, () => {
              this.#pending = this.#pending.filter((other) => other !== ping);
              reject(signal.reason);
            });
      this.#pending.push(ping);
    });
  }

  /** §5.5.3: a Pong may answer the latest of several Pings, and so answers those before it too. */
  onPong(octets: Uint8Array, start: number, end: number, at: number): void {
    const found = this.#pending.findIndex((ping) => isSame(ping.payload, octets, start, end));
    for (const ping of this.#pending.splice(0, found + 1)) ping.settle(undefined, at);
  }

  finish(info: CloseInfo): void {
    for (const ping of this.#pending.splice(0)) ping.settle(new ConnectionClosedError(info), 0);
  }
}

function isSame(payload: Uint8Array, octets: Uint8Array, start: number, end: number): boolean {
  if (payload.length !== end - start) return false;
  return payload.every((octet, i) => octet === octets[start + i]);
}
