/** Servers in turn under the same load: all are up, one is loaded. */
import type { Child } from './child.ts';
import { CONTENDERS, type ContenderName } from './contenders.ts';
import type {
  DeflateSettings,
  LoadOperations,
  Sample,
  ServerOperations,
  Task,
  Usage,
  Workload,
} from './operations.ts';
import { contendersOf, startLoad, startServer, type Plan } from './plan.ts';
import type { ContestScenario } from './scenarios.ts';
import { inTurns, type Player, type Result } from './turns.ts';

/** What a round costs whoever is measured. */
export interface CostRound extends Sample {
  readonly cost: Usage;
}

/** A server whose turn it is. */
export interface Turn {
  readonly contender: ContenderName;
  readonly server: Child<ServerOperations>;
  readonly port: number;
  readonly load: Child<LoadOperations>;
  /** Milliseconds before it is measured. */
  readonly warmup: number;
}

export interface Trial {
  readonly scenario: ContestScenario;
  readonly task: Task;
  readonly deflate?: DeflateSettings | undefined;
  readonly workload: Workload;
}

export async function underLoad<Round>(
  { scenario, task, deflate, workload }: Trial,
  plan: Plan,
  play: (turn: Turn) => Promise<Round>,
): Promise<Result<Round>[]> {
  const load = startLoad(plan);
  const servers: Child<ServerOperations>[] = [];
  const players = contendersOf(scenario, plan).map((contender): Player<Round> => {
    const server = startServer(contender, plan);
    servers.push(server);
    const { style } = CONTENDERS[contender];
    let port = 0;
    return {
      contender,
      async start() {
        port = await server.call('start', { task, style, deflate });
      },
      async play(warmup) {
        try {
          return await play({ contender, server, port, load, warmup });
        } finally {
          await load.call('close');
        }
      },
    };
  });
  try {
    await load.call('prepare', workload);
    return await inTurns(scenario.name, players, plan);
  } finally {
    for (const child of [load, ...servers]) await child.end();
  }
}

/**
 * Warms up, with so many messages at least, and measures. Nothing is on its way when the server's time
 * is read: it is that of exactly these messages.
 */
export async function costOf(turn: Turn, plan: Plan, least = 0): Promise<CostRound> {
  const { server, load, warmup } = turn;
  const warm = await load.call('run', { milliseconds: warmup, messages: least });
  const before = await server.call('usage');
  const sample = await load.call('run', { milliseconds: plan.duration, messages: 1 });
  const after = await server.call('usage');
  const verified = warm.verified + sample.verified;
  if (verified === 0) throw new Error('no message was compared with what was sent');
  const cost = { user: after.user - before.user, system: after.system - before.system };
  return { ...sample, verified, cost };
}

/** Microseconds of whoever makes the load. */
export function clientPerMessage({ usage, messages }: CostRound): number {
  return (usage.user + usage.system) / messages;
}

/** Microseconds. */
export function cpuPerMessage({ cost, messages }: CostRound): number {
  return (cost.user + cost.system) / messages;
}
