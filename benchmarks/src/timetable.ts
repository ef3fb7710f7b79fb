/** How many steps a scenario has, and about how long each of them takes, for the bar. */
import { memoryRounds, QUIET } from './measure-memory.ts';
import { contendersOf, variantsOf, type Plan } from './plan.ts';
import type { Scenario } from './scenarios.ts';

/** Milliseconds beside the measuring: connections are opened and ended. */
const OPENING = 200;

/** Milliseconds for two processes, thousands of connections and all collections. */
const MEMORY_STEP = 4000;

export interface Times {
  readonly steps: number;
  /** Milliseconds of each. */
  readonly step: number;
}

export function timesOf(scenario: Scenario, plan: Plan): Times {
  if (scenario.measure === 'memory') {
    const steps = memoryRounds(plan) * variantsOf(scenario, plan).length;
    // The connections come in two parts.
    return { steps, step: MEMORY_STEP + (scenario.exchanges ? 2 * QUIET : 0) };
  }
  if (scenario.measure === 'pair-memory') {
    const steps = memoryRounds(plan) * contendersOf(scenario, plan).length;
    return { steps, step: MEMORY_STEP };
  }
  const steps = plan.rounds * contendersOf(scenario, plan).length;
  return { steps, step: plan.warmup + plan.duration + OPENING };
}
