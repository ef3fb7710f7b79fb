/** Which agents serve which names, and which of them is asked next. */
import { TunnelError } from '../errors.ts';
import type { AgentSession } from './agent-session.ts';

/** Who wants to serve. */
export interface Claim {
  /** What it calls itself, the same on all its connections: whoever knows it is taken for it. */
  readonly agent: string;
  /** Its token's id; of one that needs no token what it calls itself. */
  readonly owner: string;
  readonly names: readonly string[];
  readonly exclusive: boolean;
  /** The Host that its target is told; undefined for that of the caller. */
  readonly host: string | undefined;
}

/** Milliseconds for which a name without an agent is one that will be back, rather than unknown. */
const MEMORY = 10 * 60_000;

/** Names that are remembered so. */
const MOST_REMEMBERED = 10_000;

export class Registry {
  readonly #sessions = new Map<string, Set<AgentSession>>();
  /** When the last agent of a name went, oldest first. */
  readonly #gone = new Map<string, number>();
  readonly #owners = new Map<string, number>();
  #size = 0;
  /** Counts the requests: who was asked last has the highest. */
  #turn = 0;

  get names(): IterableIterator<string> {
    return this.#sessions.keys();
  }

  sessionsOf(name: string): ReadonlySet<AgentSession> {
    return this.#sessions.get(name) ?? NONE;
  }

  /** All sessions, each once. */
  get sessions(): ReadonlySet<AgentSession> {
    return new Set([...this.#sessions.values()].flatMap((sessions) => [...sessions]));
  }

  /** Why the names cannot be had: they are another's, or one of its agents wants them alone. */
  refusal(claim: Claim): TunnelError | undefined {
    for (const name of claim.names) {
      for (const other of this.sessionsOf(name)) {
        if (!mayShare(claim, other.claim)) return new TunnelError('ERR_TUNNEL_NAME_TAKEN', name);
      }
    }
    return undefined;
  }

  /** Sessions of all, and of one owner. */
  count(owner?: string): number {
    return owner === undefined ? this.#size : (this.#owners.get(owner) ?? 0);
  }

  add(session: AgentSession): void {
    const { owner } = session.claim;
    this.#size++;
    this.#owners.set(owner, this.count(owner) + 1);
    for (const name of session.claim.names) {
      const sessions = this.#sessions.get(name) ?? new Set();
      sessions.add(session);
      this.#sessions.set(name, sessions);
      this.#gone.delete(name);
    }
  }

  /** Of a session that was added, once. */
  remove(session: AgentSession, now: number): void {
    const { owner } = session.claim;
    const left = this.count(owner) - 1;
    this.#size--;
    if (left > 0) this.#owners.set(owner, left);
    else this.#owners.delete(owner);
    for (const name of session.claim.names) {
      const sessions = this.#sessions.get(name);
      if (sessions?.delete(session) !== true || sessions.size > 0) continue;
      this.#sessions.delete(name);
      this.#gone.set(name, now);
      const [oldest] = this.#gone.keys();
      if (this.#gone.size > MOST_REMEMBERED && oldest !== undefined) this.#gone.delete(oldest);
    }
  }

  /** The least busy agent; of several, the one that has waited longest. */
  pick(name: string, now: number): AgentSession | TunnelError {
    let best: AgentSession | undefined;
    let isFull = false;
    const sessions = this.#sessions.get(name);
    if (sessions === undefined) return this.#missing(name, now);
    for (const session of sessions) {
      isFull ||= !session.isDraining && session.isFull;
      if (session.isDraining || session.isFull) continue;
      if (best === undefined || isBefore(session, best)) best = session;
    }
    if (best === undefined) {
      return new TunnelError(isFull ? 'ERR_TUNNEL_BUSY' : 'ERR_TUNNEL_DRAINING', name);
    }
    best.askedAt = ++this.#turn;
    return best;
  }

  #missing(name: string, now: number): TunnelError {
    const since = this.#gone.get(name);
    const isKnown = since !== undefined && now - since < MEMORY;
    return new TunnelError(isKnown ? 'ERR_TUNNEL_NO_AGENT' : 'ERR_TUNNEL_NO_ROUTE', name);
  }
}

function isBefore(one: AgentSession, other: AgentSession): boolean {
  if (one.active !== other.active) return one.active < other.active;
  return one.askedAt < other.askedAt;
}

/** Connections of one agent do not exclude each other. */
function mayShare(one: Claim, other: Claim): boolean {
  if (one.owner !== other.owner) return false;
  return one.agent === other.agent || !(one.exclusive || other.exclusive);
}

const NONE: ReadonlySet<AgentSession> = new Set();
