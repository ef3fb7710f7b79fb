/** One connection of an agent, as the relay sees it: what it serves, and how it is asked. */
import type { Duplex } from 'node:stream';
import type { Clock } from 'framewire';
import { ConnectionPool } from '../http/client/connection-pool.ts';
import type { MuxSession } from '../mux/session.ts';
import { encodePreamble, type Preamble } from '../preamble.ts';
import type { Claim } from './registry.ts';

/** Streams that wait for requests: they are some of those that the session may have. */
const MOST_IDLE = 64;

export interface AgentSessionOptions {
  readonly claim: Claim;
  readonly mux: MuxSession;
  /** Requests, and other streams, at a time. */
  readonly maxStreams: number;
  /** In lower case, of the token it was let in with; undefined where none was asked for. */
  readonly tokenHash: string | undefined;
  readonly clock: Clock;
}

export class AgentSession {
  readonly claim: Claim;
  readonly since: Date = new Date();
  readonly mux: MuxSession;
  readonly tokenHash: string | undefined;
  /** Streams to its target, in which requests are asked. */
  readonly connections: ConnectionPool;
  /** Requests, and other streams, that it serves at the moment. */
  active = 0;
  /** Which request, of all, it was asked last. */
  askedAt = 0;
  readonly #maxStreams: number;

  constructor({ claim, mux, maxStreams, tokenHash, clock }: AgentSessionOptions) {
    this.claim = claim;
    this.mux = mux;
    this.tokenHash = tokenHash;
    this.#maxStreams = maxStreams;
    this.connections = new ConnectionPool({
      open: (name) => this.open({ kind: 'http', name }),
      clock,
      mostIdle: MOST_IDLE,
    });
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

  /** The agent is to go elsewhere. It is asked for streams until it says that it has. */
  drain(): void {
    this.mux.goAway();
  }
}
