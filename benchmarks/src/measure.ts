/** One scenario, by whatever means it needs. */
import { measureBroadcast } from './measure-broadcast.ts';
import { measureClient } from './measure-client.ts';
import { measureEcho } from './measure-echo.ts';
import { measureHandshake } from './measure-handshake.ts';
import { measureLatency, type LatencyRound } from './measure-latency.ts';
import { measureMemory, type MemoryResult } from './measure-memory.ts';
import { measurePair } from './measure-pair.ts';
import { measurePairMemory, type PairMemory } from './measure-pair-memory.ts';
import { measureTunnel, type TunnelRound } from './measure-tunnel.ts';
import type { Plan } from './plan.ts';
import type {
  CostScenario,
  LatencyScenario,
  MemoryScenario,
  PairCostScenario,
  PairMemoryScenario,
  Scenario,
  TunnelScenario,
} from './scenarios.ts';
import type { Result } from './turns.ts';
import type { CostRound } from './under-load.ts';

interface Measured<Figure extends string, S extends Scenario, R> {
  /** What the results are about. */
  readonly figure: Figure;
  readonly scenario: S;
  readonly results: readonly R[];
}

export type CostOutcome = Measured<'cpu', CostScenario, Result<CostRound>>;
export type LatencyOutcome = Measured<'latency', LatencyScenario, Result<LatencyRound>>;
export type MemoryOutcome = Measured<'memory', MemoryScenario, MemoryResult>;
export type PairOutcome = Measured<'pair-cpu', PairCostScenario, Result<CostRound>>;
export type PairMemoryOutcome = Measured<'pair-memory', PairMemoryScenario, Result<PairMemory>>;
export type TunnelOutcome = Measured<'tunnel', TunnelScenario, Result<TunnelRound>>;
export type Outcome =
  CostOutcome | LatencyOutcome | MemoryOutcome | PairOutcome | PairMemoryOutcome | TunnelOutcome;

export async function measure(scenario: Scenario, plan: Plan): Promise<Outcome> {
  switch (scenario.measure) {
    case 'echo':
      return { figure: 'cpu', scenario, results: await measureEcho(scenario, plan) };
    case 'handshake':
      return { figure: 'cpu', scenario, results: await measureHandshake(scenario, plan) };
    case 'broadcast':
      return { figure: 'cpu', scenario, results: await measureBroadcast(scenario, plan) };
    case 'client':
      return { figure: 'cpu', scenario, results: await measureClient(scenario, plan) };
    case 'latency':
      return { figure: 'latency', scenario, results: await measureLatency(scenario, plan) };
    case 'memory':
      return { figure: 'memory', scenario, results: await measureMemory(scenario, plan) };
    case 'pair-echo':
    case 'pair-handshake':
      return { figure: 'pair-cpu', scenario, results: await measurePair(scenario, plan) };
    case 'pair-memory':
      return { figure: 'pair-memory', scenario, results: await measurePairMemory(scenario, plan) };
    case 'tunnel':
      return { figure: 'tunnel', scenario, results: await measureTunnel(scenario, plan) };
  }
}
