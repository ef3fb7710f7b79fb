/** Memory per idle connection: each time in a server of its own, that has served nobody else. */
import { setTimeout } from 'node:timers/promises';
import { CONTENDERS } from './contenders.ts';
import type { DeflateSettings, Memory, Workload } from './operations.ts';
import { describeError, startLoad, startServer, variantsOf, type Plan } from './plan.ts';
import type { MemoryScenario, MemoryVariant } from './scenarios.ts';
import { interleaved, type Result } from './turns.ts';

/** Octets per connection, round by round. */
export interface MemoryResult extends Result<Memory> {
  readonly label: string;
}

/** What the first of so many parts of the connections takes is that of the program, and not counted. */
export const WARMUP_PART = 5;

/** Rounds beyond this tell nothing new: little of it is chance. */
const MOST_ROUNDS = 3;

/** Milliseconds after a message until its connection counts as idle: some let go of what they do not need. */
export const QUIET = 5000;

/** The size of the one message that is exchanged. */
const MESSAGE_SIZE = 1024;

/** What Chromium and Firefox offer. */
const BROWSER_OFFER = 'permessage-deflate; client_max_window_bits';

export function memoryRounds({ rounds }: Plan): number {
  return Math.min(rounds, MOST_ROUNDS);
}

interface Runner {
  readonly variant: MemoryVariant;
  readonly rounds: Memory[];
  error: string | undefined;
}

export async function measureMemory(scenario: MemoryScenario, plan: Plan): Promise<MemoryResult[]> {
  const rounds = memoryRounds(plan);
  const runners = variantsOf(scenario, plan).map((variant): Runner => {
    return { variant, rounds: [], error: undefined };
  });
  for (let round = 0; round < rounds; round++) {
    for (const runner of interleaved(runners, round)) {
      const { contender, label } = runner.variant;
      plan.progress.step(`${scenario.name} ${round + 1}/${rounds} ${contender} ${label}`.trim());
      if (runner.error !== undefined) continue;
      try {
        runner.rounds.push(await playRound(scenario, runner.variant, plan));
      } catch (error) {
        runner.error = describeError(error);
      }
    }
  }
  return runners.map(({ variant: { contender, label }, rounds, error }) => {
    return { contender, label, rounds, error };
  });
}

async function playRound(
  scenario: MemoryScenario,
  { contender, deflate }: MemoryVariant,
  plan: Plan,
): Promise<Memory> {
  const server = startServer(contender, plan);
  const load = startLoad(plan);
  const { raw = false, style } = CONTENDERS[contender];
  try {
    const port = await server.call('start', { task: 'echo', style, deflate });
    await load.call('prepare', workload(deflate));
    const add = async (connections: number): Promise<Memory> => {
      const { extensions } = await load.call('open', { port, connections, raw });
      if ((extensions !== '') !== (deflate !== undefined)) {
        throw new Error(`the server agreed on "${extensions}"`);
      }
      if (scenario.exchanges) {
        const { verified } = await load.call('exchange');
        if (verified !== connections)
          throw new Error(`${connections - verified} messages went astray`);
        await setTimeout(QUIET);
      }
      return server.call('memory');
    };
    const total = plan.connections ?? scenario.connections;
    const first = Math.ceil(total / WARMUP_PART);
    const before = await add(first);
    const after = await add(total - first);
    return perConnection(before, after, total - first);
  } finally {
    await load.end();
    await server.end();
  }
}

/** By how much it has grown for each of them. */
export function perConnection(before: Memory, after: Memory, connections: number): Memory {
  return {
    rss: (after.rss - before.rss) / connections,
    heapUsed: (after.heapUsed - before.heapUsed) / connections,
    external: (after.external - before.external) / connections,
  };
}

function workload(deflate: DeflateSettings | undefined): Workload {
  const messages = { pattern: 'echo', kind: 'json', size: MESSAGE_SIZE, window: 1 } as const;
  if (deflate === undefined) return { ...messages, deflate };
  // A message without context can be read whatever was agreed.
  const client = { offer: BROWSER_OFFER, keepsContext: false, level: 6 };
  return { ...messages, deflate: client };
}
