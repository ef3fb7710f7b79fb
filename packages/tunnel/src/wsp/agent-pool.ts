/** The connections of an agent to one relay: as many idle ones as it wants, and no more than it may. */
import { connect, type Connection, type Timer } from 'framewire';
import { TunnelError } from '../errors.ts';
import { tell } from '../tell.ts';
import { AgentExchange } from './agent-exchange.ts';
import type { AgentSettings } from './agent-options.ts';
import { latin1Of } from './fields.ts';
import { WspPeer } from './peer.ts';
import {
  AGENT_FAILED,
  decodeRequestHead,
  encodeGreeting,
  encodeResponseHead,
  type RequestHead,
} from './wire.ts';

/** Milliseconds a connection has to last before the relay counts as one that wants us. */
const STABLE = 5_000;

interface Member {
  readonly peer: WspPeer;
  readonly openedAt: number;
  exchange: AgentExchange | undefined;
  served: number;
}

export interface WspAgentPoolStatus {
  readonly target: string;
  readonly idle: number;
  readonly busy: number;
  readonly connecting: number;
}

export class AgentPool {
  readonly #target: string;
  readonly #settings: AgentSettings;
  readonly #onChange: () => void;
  readonly #members = new Set<Member>();
  readonly #abort = new AbortController();
  #connecting = 0;
  /** Failures in a row, and the wait that the last one asks for. */
  #failures = 0;
  #wait: Timer | undefined;
  /** After a failure one dial finds out for all. */
  #isProbing = false;
  #isClosing = false;

  constructor(target: string, settings: AgentSettings, onChange: () => void) {
    this.#target = target;
    this.#settings = settings;
    this.#onChange = onChange;
  }

  get status(): WspAgentPoolStatus {
    const busy = this.#busy;
    const idle = this.#members.size - busy;
    return { target: this.#target, idle, busy, connecting: this.#connecting };
  }

  get isGone(): boolean {
    return this.#members.size === 0 && this.#connecting === 0;
  }

  /** Dials what is missing. Those that are being dialled are not missing. */
  fill(): void {
    if (this.#isClosing || this.#wait !== undefined) return;
    const { poolIdleSize, poolMaxSize } = this.#settings;
    const total = this.#members.size + this.#connecting;
    const missing = poolIdleSize - (total - this.#busy);
    const wanted = Math.min(Math.max(missing, total === 0 ? 1 : 0), poolMaxSize - total);
    const dials = this.#isProbing ? Math.min(wanted, 1 - this.#connecting) : wanted;
    for (let index = 0; index < dials; index++) void this.#dial();
  }

  /** No new requests: idle connections close, the others when they are done. */
  close(): void {
    this.#isClosing = true;
    this.#wait?.cancel();
    this.#abort.abort(new TunnelError('ERR_TUNNEL_DRAINING'));
    for (const { peer, exchange } of this.#members) {
      if (exchange === undefined) peer.close(1000, '');
    }
    this.#onChange();
  }

  abort(): void {
    for (const { peer } of this.#members) peer.fail(new TunnelError('ERR_TUNNEL_DRAINING'));
  }

  get #busy(): number {
    let count = 0;
    for (const { exchange } of this.#members) if (exchange !== undefined) count++;
    return count;
  }

  async #dial(): Promise<void> {
    const { bodyIdleTimeout, clock } = this.#settings;
    this.#connecting++;
    try {
      const connection = await connect(this.#target, {
        ...this.#settings.connect,
        headers: await this.#headers(),
        clock,
        // Sent by the pool itself: a Go relay that is busy answers none.
        heartbeat: false,
        perMessageDeflate: false,
        sendTimeout: bodyIdleTimeout,
        signal: this.#abort.signal,
      });
      this.#connecting--;
      this.#isProbing = false;
      void this.#serve(connection);
      this.fill();
    } catch (error) {
      this.#connecting--;
      if (!this.#isClosing) this.#report('refused', error as Error);
      this.#backOff();
    }
    this.#onChange();
  }

  /** X-SECRET-KEY is sent always, as Go's agent does, and may be empty. */
  async #headers(): Promise<[string, string][]> {
    const { connect, secretKey } = this.#settings;
    const { headers = {} } = connect;
    const given = typeof headers === 'function' ? await headers() : headers;
    const pairs = Symbol.iterator in given ? [...given] : Object.entries(given);
    return [...(pairs as [string, string][]), ['X-SECRET-KEY', latin1Of(secretKey)]];
  }

  async #serve(connection: Connection<undefined>): Promise<void> {
    const { id, poolIdleSize, clock } = this.#settings;
    const peer = new WspPeer(connection, this.#settings);
    const member: Member = { peer, openedAt: clock.now(), exchange: undefined, served: 0 };
    this.#members.add(member);
    this.#report('open', undefined);
    const ended = peer.closed.then((error) => this.#remove(member, error));
    try {
      if (this.#isClosing) throw new TunnelError('ERR_TUNNEL_DRAINING');
      await peer.sendText(encodeGreeting({ id, size: poolIdleSize }));
      let goesOn = true;
      while (goesOn && !this.#isClosing) goesOn = await this.#serveOne(member);
      peer.close(1000, '');
    } catch (error) {
      // The end of an idle connection is no failure of ours.
      if (peer.isOpen || member.exchange !== undefined) peer.fail(peer.reasonFor(error));
    }
    await ended;
  }

  /** Whether there was a request: false after a clean end. */
  async #serveOne(member: Member): Promise<boolean> {
    const { peer } = member;
    const { clock, onRequest } = this.#settings;
    if ((await peer.next()) === undefined) return false;
    peer.isBusy = true;
    const startedAt = clock.now();
    const exchange = new AgentExchange(peer, this.#settings);
    member.exchange = exchange;
    this.fill();
    this.#onChange();
    const head = await this.#readRequest(peer);
    const { method, url } = head;
    try {
      await exchange.run(head);
      member.served++;
      this.#failures = 0;
      member.exchange = undefined;
      peer.isBusy = false;
    } finally {
      const { status, error, requestOctets, responseOctets } = exchange;
      const outcome = { method, url, status, error, requestOctets, responseOctets };
      tell(onRequest, { ...outcome, milliseconds: clock.now() - startedAt });
    }
    this.#onChange();
    return true;
  }

  /** What is no request is answered, as Go's agent does, and ends the connection. */
  async #readRequest(peer: WspPeer): Promise<RequestHead> {
    const { clock, maxHeadSize, bodyIdleTimeout } = this.#settings;
    const timer = clock.setTimer(bodyIdleTimeout, () => {
      peer.fail(new TunnelError('ERR_TUNNEL_IDLE_TIMEOUT'));
    });
    const text = await peer.readHead(maxHeadSize).finally(() => timer.cancel());
    const head = decodeRequestHead(text);
    if (!(head instanceof TunnelError)) return head;
    const octets = Buffer.from(`Unable to deserialize json http request : ${head.message}\n`);
    const answer = { statusCode: AGENT_FAILED, fields: new Map(), contentLength: octets.length };
    await peer.sendText(encodeResponseHead(answer));
    await peer.sendBody(octets);
    throw head;
  }

  #remove(member: Member, error: TunnelError | undefined): void {
    this.#members.delete(member);
    member.exchange?.abort();
    this.#report('closed', error);
    const isShort = this.#settings.clock.now() - member.openedAt < STABLE && member.served === 0;
    const isLost = this.#members.size === 0 && error === undefined;
    if (!isShort) this.#failures = 0;
    // Agents that lost a relay together must not come back together.
    if (isShort || isLost) this.#backOff();
    else this.fill();
    this.#onChange();
  }

  #backOff(): void {
    if (this.#isClosing || this.#wait !== undefined) return;
    const { minDelay, maxDelay, clock } = this.#settings;
    this.#isProbing = true;
    const most = Math.min(maxDelay, minDelay * 2 ** Math.min(this.#failures++, 30));
    const delay = (most * (1 + Math.random())) / 2;
    this.#wait = clock.setTimer(delay, () => {
      this.#wait = undefined;
      this.fill();
    });
    // Between two dials nothing else keeps the process alive.
    this.#wait.ref?.();
  }

  #report(state: 'open' | 'closed' | 'refused', error: Error | undefined): void {
    tell(this.#settings.onConnection, { target: this.#target, state, error });
  }
}
