/** One connection of an agent, as the relay sees it: what it serves, and how it is asked. */
import http from 'node:http';
import type { Duplex } from 'node:stream';
import type { MuxSession } from '../mux/session.ts';
import { encodePreamble, type Preamble } from '../preamble.ts';
import type { Claim } from './registry.ts';

/** Streams of HTTP that are kept for the next request. */
const MOST_KEPT = 64;

export class AgentSession {
  readonly claim: Claim;
  readonly since: Date = new Date();
  readonly remoteAddress: string | undefined;
  readonly mux: MuxSession;
  /** Streams to its target, as if they were sockets. */
  readonly requests: http.Agent;
  /** Requests, and other streams, that it serves at the moment. */
  active = 0;
  /** Of the token it was let in with. */
  readonly tokenHash: string | undefined;
  readonly #maxStreams: number;

  constructor(
    claim: Claim,
    mux: MuxSession,
    remoteAddress: string | undefined,
    maxStreams: number,
    tokenHash: string | undefined,
  ) {
    this.claim = claim;
    this.mux = mux;
    this.remoteAddress = remoteAddress;
    this.#maxStreams = maxStreams;
    this.tokenHash = tokenHash;
    this.requests = new http.Agent({ keepAlive: true, maxFreeSockets: MOST_KEPT });
    this.requests.createConnection = ({ host }: { readonly host?: string }) =>
      this.open({ kind: 'http', name: host ?? '' });
  }

  get isDraining(): boolean {
    return this.mux.isDraining;
  }

  get isFull(): boolean {
    return this.active >= this.#maxStreams;
  }

  /** Throws a `TunnelError` when there is none to be had. */
  open(preamble: Preamble): Duplex {
    const stream = this.mux.open();
    stream.write(encodePreamble(preamble));
    return stream;
  }

  /** Ends the streams that only wait for another request; `destroy` of an agent would end all. */
  dropIdle(): void {
    // Of those that are busy now none is kept either.
    this.requests.maxFreeSockets = 0;
    for (const sockets of Object.values(this.requests.freeSockets)) {
      for (const socket of [...(sockets ?? [])]) socket.destroy();
    }
  }

  /** The agent is to go elsewhere. It is asked for streams until it says that it has. */
  drain(): void {
    this.mux.goAway();
  }
}
