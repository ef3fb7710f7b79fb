/** CPU time per connection that is opened and closed again. */
import type { Plan } from './plan.ts';
import type { HandshakeScenario } from './scenarios.ts';
import type { Result } from './turns.ts';
import { costOf, underLoad, type CostRound } from './under-load.ts';

/** Handshakes before it is measured: so much code runs for each that all of it is compiled late. */
const WARM = 5000;

export function measureHandshake(
  scenario: HandshakeScenario,
  plan: Plan,
): Promise<Result<CostRound>[]> {
  const workload = { pattern: 'handshakes', window: scenario.atOnce } as const;
  return underLoad({ scenario, task: 'echo', workload }, plan, async (turn) => {
    await turn.load.call('open', { port: turn.port, connections: 0, raw: false });
    return costOf(turn, plan, WARM);
  });
}
