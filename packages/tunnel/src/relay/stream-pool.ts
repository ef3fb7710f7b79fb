/** Streams of a session, kept for the next request: what `node:http` asks for connections. */
import type http from 'node:http';
import type { Duplex } from 'node:stream';

/** Streams that are kept for each name. */
const MOST_KEPT = 64;

/**
 * An `http.Agent` does the same for connections of any kind and to any host, and copies what it knows of
 * one several times for each request.
 */
export class StreamPool {
  // What a request reads of its agent.
  readonly protocol: string = 'http:';
  readonly defaultPort: number = 80;
  readonly keepAlive: boolean = true;
  readonly maxSockets: number = Infinity;
  readonly #open: (name: string) => Duplex;
  readonly #idle = new Map<string, Duplex[]>();
  #mostKept = MOST_KEPT;

  /** Whatever `open` throws is thrown by whoever makes the request. */
  constructor(open: (name: string) => Duplex) {
    this.#open = open;
  }

  /** As `http.request` wants its agent. */
  get agent(): http.Agent {
    return this as unknown as http.Agent;
  }

  /** Called by `http.request`, whose `host` is the name. The stream that was used last is first. */
  addRequest(request: http.ClientRequest, { host = '' }: { readonly host?: string }): void {
    const stream = this.#idle.get(host)?.pop();
    request.reusedSocket = stream !== undefined;
    const socket = stream ?? this.#begin(host);
    request.onSocket(socket as Parameters<typeof request.onSocket>[0]);
  }

  /** Ends the streams that only wait for another request, and keeps no others. */
  dropIdle(): void {
    this.#mostKept = 0;
    const idle = [...this.#idle.values()].flat();
    this.#idle.clear();
    for (const stream of idle) stream.destroy();
  }

  #begin(name: string): Duplex {
    const stream = this.#open(name);
    const onFree = (): void => {
      const idle = this.#idle.get(name) ?? [];
      if (idle.length >= this.#mostKept || !isUsable(stream)) stream.destroy();
      else if (idle.push(stream) === 1) this.#idle.set(name, idle);
    };
    // The target has ended it, which is the end of a request only while there is one.
    const onEnd = (): void => {
      if (this.#take(name, stream)) stream.destroy();
    };
    const onClose = (): void => void this.#take(name, stream);
    // Node says so of one that was upgraded.
    const onRemove = (): void => {
      stream.off('free', onFree).off('end', onEnd).off('close', onClose);
      stream.off('agentRemove', onRemove);
    };
    stream.on('free', onFree).on('end', onEnd).on('close', onClose);
    return stream.on('agentRemove', onRemove);
  }

  /** Takes a stream that waits for a request; false for one that does not. */
  #take(name: string, stream: Duplex): boolean {
    const idle = this.#idle.get(name);
    const index = idle?.indexOf(stream) ?? -1;
    if (idle === undefined || index < 0) return false;
    idle.splice(index, 1);
    return true;
  }
}

function isUsable(stream: Duplex): boolean {
  return !stream.destroyed && stream.writable && !stream.readableEnded;
}
