/** CPU time per message that one of many receives. */
import type { Plan } from './plan.ts';
import type { BroadcastScenario } from './scenarios.ts';
import type { Result } from './turns.ts';
import { costOf, underLoad, type CostRound } from './under-load.ts';

export function measureBroadcast(
  scenario: BroadcastScenario,
  plan: Plan,
): Promise<Result<CostRound>[]> {
  const { size, window, receivers } = scenario;
  const messages = { kind: 'binary', size, window, deflate: undefined } as const;
  const workload = { pattern: 'broadcast', ...messages } as const;
  return underLoad({ scenario, task: 'broadcast', workload }, plan, async (turn) => {
    await turn.load.call('open', { port: turn.port, connections: receivers, raw: false });
    return costOf(turn, plan);
  });
}
