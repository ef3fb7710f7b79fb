/** One scenario, by whatever means it needs. */
import { measureBroadcast } from './measure-broadcast.ts';
import { measureClient } from './measure-client.ts';
import { measureEcho } from './measure-echo.ts';
import { measureHandshake } from './measure-handshake.ts';
import { measureLatency, type LatencyRound } from './measure-latency.ts';
import { measureMemory, type MemoryResult } from './measure-memory.ts';
import type { Plan } from './plan.ts';
import type { CostScenario, LatencyScenario, MemoryScenario, Scenario } from './scenarios.ts';
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
export type Outcome = CostOutcome | LatencyOutcome | MemoryOutcome;

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
  }
}
