/** How long a message takes to come back, one at a time on each connection. */
import { CONTENDERS } from './contenders.ts';
import type { RoundTrips } from './operations.ts';
import type { Plan } from './plan.ts';
import type { LatencyScenario } from './scenarios.ts';
import type { Result } from './turns.ts';
import { costOf, underLoad, type CostRound } from './under-load.ts';

export interface LatencyRound extends CostRound {
  readonly roundTrips: RoundTrips;
}

export function measureLatency(
  scenario: LatencyScenario,
  plan: Plan,
): Promise<Result<LatencyRound>[]> {
  const { size, connections } = scenario;
  const messages = { kind: 'binary', size, window: 1, deflate: undefined } as const;
  const workload = { pattern: 'round-trips', ...messages } as const;
  return underLoad({ scenario, task: 'echo', workload }, plan, async (turn) => {
    const { raw = false } = CONTENDERS[turn.contender];
    await turn.load.call('open', { port: turn.port, connections, raw });
    const { roundTrips, ...round } = await costOf(turn, plan);
    if (roundTrips === undefined) throw new Error('no message was timed');
    return { ...round, roundTrips };
  });
}
