/**
 * CPU time of a client per message that it sends and gets back. The server is the same for all, and on
 * the core that is the load's elsewhere.
 */
import type { Child } from './child.ts';
import type { ClientOperations } from './operations.ts';
import { contendersOf, startClient, startEcho, type Plan } from './plan.ts';
import type { ClientScenario } from './scenarios.ts';
import { inTurns, type Player, type Result } from './turns.ts';
import type { CostRound } from './under-load.ts';

export async function measureClient(
  scenario: ClientScenario,
  plan: Plan,
): Promise<Result<CostRound>[]> {
  const server = startEcho(plan);
  const clients: Child<ClientOperations>[] = [];
  try {
    const port = await server.call('start', { task: 'echo', style: 'handler', deflate: undefined });
    const players = contendersOf(scenario, plan).map((contender): Player<CostRound> => {
      const client = startClient(contender, plan);
      clients.push(client);
      return {
        contender,
        start: async () => {},
        play: (warmup) => playRound(scenario, { client, port, warmup }, plan),
      };
    });
    return await inTurns(scenario.name, players, plan);
  } finally {
    for (const child of [server, ...clients]) await child.end();
  }
}

interface Turn {
  readonly client: Child<ClientOperations>;
  readonly port: number;
  /** Milliseconds. */
  readonly warmup: number;
}

async function playRound(
  { size, window, connections }: ClientScenario,
  { client, port, warmup }: Turn,
  plan: Plan,
): Promise<CostRound> {
  await client.call('open', { port, connections, kind: 'binary', size, window });
  const before = await client.call('run', { milliseconds: warmup, messages: 0 });
  const sample = await client.call('run', { milliseconds: plan.duration, messages: 1 });
  await client.call('close');
  const verified = before.verified + sample.verified;
  if (verified === 0) throw new Error('no message was compared with what was sent');
  return { ...sample, verified, cost: sample.usage };
}
