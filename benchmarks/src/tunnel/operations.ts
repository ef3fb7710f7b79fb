/** What the processes of a tunnel are asked for. */
import type { Extent, Sample, Usage } from '../operations.ts';

/** How requests get from the relay to the agent. */
export type TunnelStyle = 'native' | 'native-reading' | 'wsp' | 'per-request';

export interface TargetOperations {
  /** Begins to serve on a port of 127.0.0.1. */
  start(): Promise<number>;
  usage(): Usage;
}

export interface RelayOperations {
  /** Begins to serve callers and agents on a port of 127.0.0.1. */
  start(style: TunnelStyle): Promise<number>;
  usage(): Usage;
}

export interface AgentSettings {
  readonly style: TunnelStyle;
  readonly relay: number;
  readonly target: number;
}

export interface AgentOperations {
  /** Resolves when the relay can ask it. */
  start(settings: AgentSettings): Promise<void>;
  usage(): Usage;
}

export interface CallerSettings {
  /** Of the relay, or of the target itself. */
  readonly port: number;
  readonly path: string;
  /** Beside Host, which is where it connects to. */
  readonly headers: readonly (readonly [string, string])[];
  /** Octets of the answer. */
  readonly size: number;
  /** Connections, with one request at a time on each. */
  readonly connections: number;
}

export interface CallerOperations {
  open(settings: CallerSettings): Promise<void>;
  /** Asks again and again; `messages` are the answers. */
  run(extent: Extent): Promise<Sample>;
  /** Ends all connections. */
  close(): void;
}
