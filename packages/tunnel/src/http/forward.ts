/** What forwarding one request takes and tells, whatever becomes of it. */
import { type Clock, systemClock } from 'framewire';
import { invalidArgument, TUNNEL_ERROR_CODES, TunnelError } from '../errors.ts';
import { ERROR_HEADER } from '../registration.ts';
import type { ConnectionPool } from './client/connection-pool.ts';
import type { Fields } from './hop-by-hop.ts';

/** How to reach whoever serves. */
export interface Upstream {
  readonly connections: ConnectionPool;
  /** For whom a connection is wanted. Default ''. */
  readonly name?: string;
  /** Default that of the request. */
  readonly method?: string | undefined;
  /** The request target, with its query. Default that of the request. */
  readonly path?: string;
  /**
   * Names and values in turn, complete: with Host and with the framing, as `prepareFields` makes
   * them. Default `prepareFields` of the request.
   */
  readonly headers?: readonly string[];
}

/**
 * Each above 0; `Infinity` is no limit. A timeout is a 504 until the head of the answer is out, then
 * an abort.
 */
export interface ForwardLimits {
  /** Milliseconds until there is a connection; none pass where one is reused. Default 10 000. */
  readonly connectTimeout: number;
  /**
   * Milliseconds until the head of the answer, from the last octets of the request that were passed
   * on, or the last of up to 20 interim responses. Where it is the caller who sends nothing it is a
   * 408. Default 60 000.
   */
  readonly firstByteTimeout: number;
  /**
   * Milliseconds without an octet passed on in either direction, once there is a head; of upgraded
   * connections too. Default 300 000.
   */
  readonly idleTimeout: number;
  /**
   * Octets of the content of a request. More is a 413: before anything is asked if Content-Length
   * says so. Default `Infinity`.
   */
  readonly maxBodySize: number;
}

export const DEFAULT_FORWARD_LIMITS: ForwardLimits = Object.freeze({
  connectTimeout: 10_000,
  firstByteTimeout: 60_000,
  idleTimeout: 300_000,
  maxBodySize: Infinity,
});

/** What an answer has before its content. */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, without those of one hop; may be changed in place. */
  readonly fields: Fields;
}

/**
 * Called on the way. What they throw is a warning of the process, once per request, and changes
 * nothing. Chunks are not to be changed or kept.
 */
export interface ForwardHooks {
  /** Not called for interim responses. */
  readonly onAnswer?: (head: AnswerHead) => void;
  readonly onRequestChunk?: (chunk: Uint8Array) => void;
  readonly onAnswerChunk?: (chunk: Uint8Array) => void;
  /** Names and values in turn, as they came. Not called where there are none. */
  readonly onAnswerTrailers?: (trailers: readonly string[]) => void;
}

export interface ForwardOptions {
  readonly limits?: ForwardLimits;
  readonly hooks?: ForwardHooks;
  readonly clock?: Clock;
}

export interface ForwardOutcome {
  /** What the caller was answered with; undefined if it was nothing. */
  readonly status: number | undefined;
  /** Undefined if the answer was passed on as a whole, and is not that of an agent which says an error. */
  readonly error: TunnelError | undefined;
  /** Octets of the content that were passed on. */
  readonly requestOctets: number;
  readonly answerOctets: number;
  /** Milliseconds since the beginning; undefined for what did not happen. */
  readonly timings: {
    readonly connected: number | undefined;
    readonly answered: number | undefined;
    readonly ended: number;
  };
  /** Whether the request was sent a second time, as the connection it was given had died. */
  readonly hasRetried: boolean;
}

/** Of a request that was answered here, and asked of nobody. */
export function refusedOutcome(error: TunnelError): ForwardOutcome {
  return {
    status: error.status,
    error,
    requestOctets: 0,
    answerOctets: 0,
    timings: { connected: undefined, answered: undefined, ended: 0 },
    hasRetried: false,
  };
}

/** The options with nothing left out. */
export interface Forwarding {
  readonly limits: ForwardLimits;
  readonly hooks: ForwardHooks;
  readonly clock: Clock;
}

const NO_HOOKS: ForwardHooks = Object.freeze({});

/** Throws as `requireLimits`, which costs nothing where it is done before. */
export function resolveForwarding({ limits, hooks, clock }: ForwardOptions): Forwarding {
  return {
    limits: limits === undefined ? DEFAULT_FORWARD_LIMITS : requireLimits(limits),
    hooks: hooks === undefined ? NO_HOOKS : guarded(hooks),
    clock: clock ?? systemClock,
  };
}

const GOOD_LIMITS = new WeakSet<ForwardLimits>([DEFAULT_FORWARD_LIMITS]);

/** The limits, which are looked at once. A TypeError names the one that is not above 0. */
export function requireLimits(limits: ForwardLimits): ForwardLimits {
  if (GOOD_LIMITS.has(limits)) return limits;
  const { connectTimeout, firstByteTimeout, idleTimeout, maxBodySize } = limits;
  const all = { connectTimeout, firstByteTimeout, idleTimeout, maxBodySize };
  for (const [name, value] of Object.entries(all)) {
    const isAbove = typeof value === 'number' && value > 0;
    if (!isAbove) throw invalidArgument(`${name} must be a number above 0, got ${String(value)}`);
  }
  GOOD_LIMITS.add(limits);
  return limits;
}

/** Hooks that do not throw, for one request. */
function guarded(hooks: ForwardHooks): ForwardHooks {
  let hasWarned = false;
  const guard =
    <Values extends unknown[]>(hook: (...values: Values) => void) =>
    (...values: Values): void => {
      try {
        hook(...values);
      } catch (mistake) {
        if (hasWarned) return;
        hasWarned = true;
        process.emitWarning(mistake instanceof Error ? mistake : String(mistake));
      }
    };
  return {
    onAnswer: guard((head: AnswerHead) => hooks.onAnswer?.(head)),
    onRequestChunk: guard((chunk: Uint8Array) => hooks.onRequestChunk?.(chunk)),
    onAnswerChunk: guard((chunk: Uint8Array) => hooks.onAnswerChunk?.(chunk)),
    onAnswerTrailers: guard((trailers: readonly string[]) => hooks.onAnswerTrailers?.(trailers)),
  };
}

/** What an agent answers in place of its target, so that the relay knows it too. */
function saidError(status: number, fields: Fields): TunnelError | undefined {
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index]!.toLowerCase() !== ERROR_HEADER.toLowerCase()) continue;
    const code = TUNNEL_ERROR_CODES.find((known) => known === fields[index + 1]);
    const error = code && new TunnelError(code, 'as the agent says');
    return error?.status === status ? error : undefined;
  }
  return undefined;
}

/** What is counted on the way. */
export class Account {
  readonly #clock: Clock;
  readonly #start: number;
  status: number | undefined;
  error: TunnelError | undefined;
  requestOctets = 0;
  answerOctets = 0;
  hasRetried = false;
  #connected: number | undefined;
  #answered: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#start = clock.now();
  }

  connected(): void {
    this.#connected ??= this.#clock.now() - this.#start;
  }

  /** `fields` are those of an answer that came from elsewhere. */
  answered(status: number, fields: Fields = []): void {
    this.status = status;
    if (status >= 400) this.error ??= saidError(status, fields);
    this.#answered = this.#clock.now() - this.#start;
  }

  close(): ForwardOutcome {
    const { status, error, requestOctets, answerOctets, hasRetried } = this;
    const timings = {
      connected: this.#connected,
      answered: this.#answered,
      ended: this.#clock.now() - this.#start,
    };
    return { status, error, requestOctets, answerOctets, timings, hasRetried };
  }
}
