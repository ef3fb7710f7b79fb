/** CPU time of a client and of its server, per message or per connection that is opened. */
import { selfSigned } from './certificate.ts';
import type { Content, Extent, Sample } from './operations.ts';
import { Pair } from './pair.ts';
import { contendersOf, type Plan } from './plan.ts';
import type { PairCostScenario } from './scenarios.ts';
import { inTurns, type Player, type Result } from './turns.ts';
import type { CostRound } from './under-load.ts';

/** Handshakes before it is measured: so much code runs for each that all of it is compiled late. */
const WARM = 1000;

/** What the connection says that stays open while others come and go: nothing. */
const SILENCE: Content = { kind: 'binary', size: 20, window: 1 };

/** Connections stay open for all rounds: with TLS, opening them takes longer than a round. */
export async function measurePair(
  scenario: PairCostScenario,
  plan: Plan,
): Promise<Result<CostRound>[]> {
  const certificate = selfSigned();
  const pairs: Pair[] = [];
  const players = contendersOf(scenario, plan).map((contender): Player<CostRound> => {
    const pair = new Pair(contender, certificate, plan);
    pairs.push(pair);
    return {
      contender,
      async start() {
        await pair.start();
        if (scenario.measure === 'pair-handshake') return pair.open(1, SILENCE);
        const { size, window, connections } = scenario;
        await pair.open(connections, { kind: 'binary', size, window });
      },
      play: (warmup) => playRound(scenario, pair, warmup, plan),
    };
  });
  try {
    return await inTurns(scenario.name, players, plan);
  } finally {
    for (const pair of pairs) await pair.end();
  }
}

async function playRound(
  scenario: PairCostScenario,
  { server, client }: Pair,
  warmup: number,
  plan: Plan,
): Promise<CostRound> {
  const run = (extent: Extent): Promise<Sample> => {
    if (scenario.measure === 'pair-echo') return client.call('run', extent);
    return client.call('turnOver', { ...extent, atOnce: scenario.atOnce });
  };
  const least = scenario.measure === 'pair-handshake' ? WARM : 0;
  const warm = await run({ milliseconds: warmup, messages: least });
  const before = await server.call('usage');
  const sample = await run({ milliseconds: plan.duration, messages: 1 });
  const after = await server.call('usage');
  const verified = warm.verified + sample.verified;
  if (verified === 0) throw new Error('no message was compared with what was sent');
  const cost = { user: after.user - before.user, system: after.system - before.system };
  return { ...sample, verified, cost };
}
