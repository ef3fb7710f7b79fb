/** The processes between a caller and a target. */
import { Child } from '../child.ts';
import { CONTENDERS, type ContenderName } from '../contenders.ts';
import type { Usage } from '../operations.ts';
import type { Plan } from '../plan.ts';
import { pathOf } from './content.ts';
import type {
  AgentOperations,
  CallerOperations,
  CallerSettings,
  RelayOperations,
  TargetOperations,
} from './operations.ts';

/** Who asks and who is asked in the end: the same for all contenders. */
export class Ends {
  readonly target: Child<TargetOperations>;
  readonly caller: Child<CallerOperations>;
  /** Of the target. */
  port = 0;

  constructor({ cores }: Plan) {
    this.target = new Child({ name: 'tunnel/target', core: cores?.server });
    this.caller = new Child({ name: 'tunnel/caller', core: cores?.load });
  }

  async start(): Promise<void> {
    this.port = await this.target.call('start');
  }

  async end(): Promise<void> {
    await this.caller.end();
    await this.target.end();
  }
}

/** Microseconds of each process; nothing where there is none of it. */
export interface PathUsage {
  readonly relay: number;
  readonly agent: number;
  readonly target: number;
}

/** One way from the caller to the target; neighbours on it are on different cores. */
export class Way {
  readonly #contender: ContenderName;
  readonly #ends: Ends;
  readonly #relay: Child<RelayOperations> | undefined;
  readonly #agent: Child<AgentOperations> | undefined;
  #port = 0;
  /** It has been asked for a while. */
  isWarm = false;

  constructor(contender: ContenderName, ends: Ends, { cores }: Plan) {
    this.#contender = contender;
    this.#ends = ends;
    if (CONTENDERS[contender].tunnel === undefined) return;
    this.#relay = new Child({ name: 'tunnel/relay', core: cores?.server });
    this.#agent = new Child({ name: 'tunnel/agent', core: cores?.load });
  }

  async start(): Promise<void> {
    const target = this.#ends.port;
    this.#port = target;
    const style = CONTENDERS[this.#contender].tunnel;
    if (style === undefined || this.#relay === undefined) return;
    this.#port = await this.#relay.call('start', style);
    await this.#agent?.call('start', { style, relay: this.#port, target });
  }

  /** What a caller has to know for answers with so many octets. */
  settings(size: number, connections: number): CallerSettings {
    const path = pathOf(size);
    const isWsp = CONTENDERS[this.#contender].tunnel === 'wsp';
    const destination = `http://127.0.0.1:${this.#ends.port}${path}`;
    return {
      port: this.#port,
      path: isWsp ? '/request' : path,
      headers: isWsp ? [['X-PROXY-DESTINATION', destination]] : [],
      size,
      connections,
    };
  }

  async usage(): Promise<PathUsage> {
    const [relay, agent, target] = await Promise.all([
      this.#relay?.call('usage'),
      this.#agent?.call('usage'),
      this.#ends.target.call('usage'),
    ]);
    return { relay: total(relay), agent: total(agent), target: total(target) };
  }

  async end(): Promise<void> {
    await this.#agent?.end();
    await this.#relay?.end();
  }
}

export function total(usage: Usage | undefined): number {
  return usage === undefined ? 0 : usage.user + usage.system;
}
