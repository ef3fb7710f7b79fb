/** Memory per idle connection of a client and of its server: new processes each time. */
import { selfSigned } from './certificate.ts';
import type { ContenderName } from './contenders.ts';
import { memoryRounds, perConnection, WARMUP_PART } from './measure-memory.ts';
import type { Certificate, Content, Memory } from './operations.ts';
import { Pair } from './pair.ts';
import { contendersOf, type Plan } from './plan.ts';
import type { PairMemoryScenario } from './scenarios.ts';
import { inTurns, type Result } from './turns.ts';

/** Octets per connection. */
export interface PairMemory {
  readonly client: Memory;
  readonly server: Memory;
}

/** The one message that is exchanged. */
const CONTENT: Content = { kind: 'binary', size: 1024, window: 1 };

export function measurePairMemory(
  scenario: PairMemoryScenario,
  plan: Plan,
): Promise<Result<PairMemory>[]> {
  const certificate = selfSigned();
  const players = contendersOf(scenario, plan).map((contender) => ({
    contender,
    start: async () => {},
    play: () => playRound(scenario, contender, certificate, plan),
  }));
  return inTurns(scenario.name, players, { ...plan, rounds: memoryRounds(plan) });
}

async function playRound(
  scenario: PairMemoryScenario,
  contender: ContenderName,
  certificate: Certificate,
  plan: Plan,
): Promise<PairMemory> {
  const pair = new Pair(contender, certificate, plan);
  const { server, client } = pair;
  const add = async (connections: number): Promise<PairMemory> => {
    await pair.open(connections, CONTENT);
    if (scenario.exchanges) {
      const { messages } = await client.call('exchange');
      if (messages !== connections)
        throw new Error(`${connections - messages} messages went astray`);
    }
    return { client: await client.call('memory'), server: await server.call('memory') };
  };
  try {
    await pair.start();
    const total = plan.connections ?? scenario.connections;
    const first = Math.ceil(total / WARMUP_PART);
    const before = await add(first);
    const after = await add(total - first);
    return {
      client: perConnection(before.client, after.client, total - first),
      server: perConnection(before.server, after.server, total - first),
    };
  } finally {
    await pair.end();
  }
}
