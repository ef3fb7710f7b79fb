/** Requests through tunnels and without: how long they take, and the CPU time of each process. */
import type { RoundTrips, Sample } from './operations.ts';
import { contendersOf, type Plan } from './plan.ts';
import type { TunnelScenario } from './scenarios.ts';
import { Ends, Way, type PathUsage } from './tunnel/rig.ts';
import { inTurns, type Player, type Result } from './turns.ts';

export interface TunnelRound extends Sample {
  readonly roundTrips: RoundTrips;
  readonly cost: PathUsage;
}

const WARM = { requests: 5000, size: 12, concurrency: 32 };

/** A megabyte: what throughput is said in. */
const MB = 1e6;

export async function measureTunnel(
  scenario: TunnelScenario,
  plan: Plan,
): Promise<Result<TunnelRound>[]> {
  const ends = new Ends(plan);
  const ways: Way[] = [];
  try {
    await ends.start();
    const players = contendersOf(scenario, plan).map((contender): Player<TunnelRound> => {
      const way = new Way(contender, ends, plan);
      ways.push(way);
      return {
        contender,
        start: () => way.start(),
        play: (warmup) => playRound(scenario, way, ends, warmup, plan),
      };
    });
    return await inTurns(scenario.name, players, plan);
  } finally {
    for (const way of ways) await way.end();
    await ends.end();
  }
}

/** Once, and whatever the scenario: so much code runs for a request that all of it is compiled late. */
async function warmUp(way: Way, caller: Ends['caller']): Promise<void> {
  if (way.isWarm) return;
  way.isWarm = true;
  await caller.call('open', way.settings(WARM.size, WARM.concurrency));
  await caller.call('run', { milliseconds: 100, messages: WARM.requests });
  await caller.call('close');
}

async function playRound(
  { size, concurrency }: TunnelScenario,
  way: Way,
  { caller }: Ends,
  warmup: number,
  plan: Plan,
): Promise<TunnelRound> {
  try {
    await warmUp(way, caller);
    await caller.call('open', way.settings(size, concurrency));
    await caller.call('run', { milliseconds: warmup, messages: 1 });
    const before = await way.usage();
    const sample = await caller.call('run', { milliseconds: plan.duration, messages: 1 });
    const after = await way.usage();
    const { roundTrips } = sample;
    if (roundTrips === undefined) throw new Error('no request was timed');
    const cost = {
      relay: after.relay - before.relay,
      agent: after.agent - before.agent,
      target: after.target - before.target,
    };
    return { ...sample, roundTrips, cost };
  } finally {
    await caller.call('close');
  }
}

/** How much a scenario counts: requests, or the MB of large answers. */
export function unitsOf({ isBulk }: TunnelScenario, { messages, octets }: TunnelRound): number {
  return isBulk ? octets / MB : messages;
}

/** What the tunnel itself takes. */
export function tunnelCost({ cost }: TunnelRound): number {
  return cost.relay + cost.agent;
}

/** What all take that a request passes through; whoever asks is not among them. */
export function wholeCost({ cost }: TunnelRound): number {
  return cost.relay + cost.agent + cost.target;
}
