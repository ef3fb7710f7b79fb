/** What a relay has to tell Prometheus. */
import type {
  AgentEvent,
  RelayObserver,
  RequestEvent,
  TunnelRelay,
  WspRequestOutcome,
} from '@framewire/tunnel';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Names of tunnels that have series of their own; those that come later share one. */
const MOST_NAMES = 200;

/** For what is beyond them, and for requests that no tunnel was meant by. */
const OTHER = '_other';
const NONE = '_none';

/** Seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class RelayMetrics {
  readonly #registry = new Registry();
  readonly #names = new Set<string>();
  readonly #requests = this.#counter('requests_total', 'Requests that have ended.', [
    'name',
    'status',
    'error',
  ]);
  readonly #durations: Histogram<'name'>;
  readonly #received = this.#counter('received_octets_total', 'Octets of requests.', ['name']);
  readonly #sent = this.#counter('sent_octets_total', 'Octets of answers.', ['name']);
  readonly #streams = this.#counter('tcp_connections_total', 'Connections of raw TCP.', [
    'name',
    'error',
  ]);
  readonly #agents = this.#counter('agent_events_total', 'Agents that came, or did not.', [
    'kind',
    'error',
  ]);
  readonly #wsp = this.#counter('wsp_requests_total', 'Requests to /request of wsp.', [
    'status',
    'error',
  ]);

  constructor() {
    this.#durations = new Histogram({
      name: 'framewire_tunnel_request_duration_seconds',
      help: 'Until the end of the answer, upgraded connections excepted.',
      labelNames: ['name'],
      buckets: BUCKETS,
      registers: [this.#registry],
    });
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** What it counts. */
  get observer(): Required<RelayObserver> {
    return {
      onRequest: (event) => this.#onRequest(event),
      onAgent: ({ kind, error }) => this.#agents.inc({ kind, error: codeOf(error) }),
      onStream: ({ name, error }) =>
        this.#streams.inc({ name: this.#label(name), error: codeOf(error) }),
    };
  }

  onWspRequest({ status, error }: WspRequestOutcome): void {
    this.#wsp.inc({ status: classOf(status), error: codeOf(error) });
  }

  /** What is read from the relay when somebody asks. */
  watch(relay: TunnelRelay): void {
    const registers = [this.#registry];
    const label = (name: string): string => this.#label(name);
    void new Gauge({
      name: 'framewire_tunnel_agents',
      help: 'Connections of agents.',
      labelNames: ['name'],
      registers,
      collect(): void {
        this.reset();
        for (const [name, { connections }] of relay.tunnels) {
          this.inc({ name: label(name) }, connections);
        }
      },
    });
    void new Gauge({
      name: 'framewire_tunnel_active_streams',
      help: 'Requests, upgraded connections and connections of raw TCP that are open.',
      registers,
      collect(): void {
        this.set(relay.activeRequests);
      },
    });
    void new Gauge({
      name: 'framewire_tunnel_draining',
      help: 'Whether the relay is about to end.',
      registers,
      collect(): void {
        this.set(relay.isDraining ? 1 : 0);
      },
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #onRequest({ name: asked = '', agent, isUpgrade, outcome }: RequestEvent): void {
    const { status, error, requestOctets, answerOctets, timings } = outcome;
    // Whoever asks for names that are none must not fill the memory.
    const isServed = agent !== undefined || this.#names.has(asked);
    const name = isServed ? this.#label(asked) : NONE;
    this.#requests.inc({ name, status: classOf(status), error: codeOf(error) });
    this.#received.inc({ name }, requestOctets);
    this.#sent.inc({ name }, answerOctets);
    if (!isUpgrade) this.#durations.observe({ name }, timings.ended / 1000);
  }

  #label(name: string | undefined): string {
    if (name === undefined) return NONE;
    if (this.#names.has(name)) return name;
    if (this.#names.size >= MOST_NAMES) return OTHER;
    this.#names.add(name);
    return name;
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    const registers = [this.#registry];
    return new Counter({ name: `framewire_tunnel_${name}`, help, labelNames, registers });
  }
}

/** `2xx`; `none` where nothing was answered. */
function classOf(status: number | undefined): string {
  return status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
}

/** The codes of a table, and one for all that is in none. */
function codeOf(error: Error | undefined): string {
  if (error === undefined) return '';
  const { code } = error as AgentEvent['error'] & { readonly code?: unknown };
  return typeof code === 'string' && /^ERR_(?:TUNNEL|WS)_[A-Z_0-9]+$/u.test(code) ? code : 'other';
}
