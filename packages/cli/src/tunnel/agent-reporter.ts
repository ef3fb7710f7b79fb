/** How an agent fares, as entries of its log: each change once, however many connections it has. */
import type { Tunnel, TunnelError, TunnelStatus, WspConnectionEvent } from '@framewire/tunnel';
import type { ConnectionEnd } from 'framewire';
import { describeError } from '../describe-error.ts';
import { sanitizeLine } from '../sanitize.ts';
import { describeTime, withoutUser } from './describe.ts';
import type { Log } from './log.ts';

/** Milliseconds for which a target that is down is not told of again. */
const QUIET = 5_000;

export class AgentReporter {
  readonly #log: Log;
  readonly #now: () => number;
  #isOnline = false;
  /** Attempts in a row that were told of. */
  #failures = 0;
  #targetTold = -Infinity;

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** What `onStatus` is told. */
  status(status: TunnelStatus, end: ConnectionEnd | undefined, tunnel: Tunnel | undefined): void {
    if (status === 'online' && end === undefined) this.online(tunnel);
    else if (status === 'reconnecting' && end !== undefined) this.#reconnecting(end);
  }

  /** There may be more than one connection: only the first is news. */
  online(tunnel: Tunnel | undefined): void {
    if (this.#isOnline || tunnel === undefined) return;
    this.#isOnline = true;
    this.#failures = 0;
    const urls = tunnel.urls.map(({ href }) => href);
    const where = urls.length === 0 ? 'the relay names no address' : urls.join(' ');
    const text = sanitizeLine(`online: ${where}`);
    this.#log.write({ event: 'online', fields: { urls }, text, format: 'green' });
  }

  targetDown(error: TunnelError, target: string): void {
    const now = this.#now();
    if (now - this.#targetTold < QUIET) return;
    this.#targetTold = now;
    const cause = error.cause instanceof Error ? describeError(error.cause) : error.message;
    const text = `the target ${sanitizeLine(target)} cannot be reached: ${cause}; callers get ${error.status} until it is there`;
    const fields = { target, error: error.code, status: error.status };
    this.#log.write({ level: 'warn', event: 'target-down', fields, text });
  }

  wspConnection({ target: url, state, error }: WspConnectionEvent): void {
    const target = withoutUser(url);
    const why = error === undefined ? '' : `: ${describeError(error)}`;
    const text = sanitizeLine(`${target} ${state}${why}`);
    const level = state === 'refused' || error !== undefined ? 'warn' : 'info';
    this.#log.write({ level, event: `connection-${state}`, fields: { relay: target }, text });
  }

  #reconnecting(end: ConnectionEnd): void {
    // An end that is final is told when the tunnel has ended.
    if (end.isFinal || (!this.#isOnline && end.failures <= this.#failures)) return;
    this.#isOnline = false;
    this.#failures = end.failures;
    const { failures, delay } = end;
    const reason = describeEnd(end);
    const text = `reconnecting: ${reason}; again in ${describeTime(delay)}`;
    const fields = { reason, failures, delay: Math.round(delay) };
    this.#log.write({ level: 'warn', event: 'reconnecting', fields, text });
  }
}

function describeEnd({ info, error }: ConnectionEnd): string {
  if (error !== undefined && info === undefined) return describeError(error);
  if (info === undefined) return 'the connection is lost';
  if (info.error !== undefined) return describeError(info.error);
  const reason = info.reason === '' ? '' : ` "${sanitizeLine(info.reason)}"`;
  return `the relay closed with ${info.code}${reason}`;
}
