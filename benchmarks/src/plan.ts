/** What the command line asked for, and where it runs. */
import { Child, type Cores } from './child.ts';
import { CONTENDERS, type ContenderName } from './contenders.ts';
import type { LoadOperations, ServerOperations } from './operations.ts';

export interface Plan {
  readonly rounds: number;
  /** Milliseconds of measuring in each round, and of the same before it. */
  readonly duration: number;
  readonly warmup: number;
  /** Those to measure instead of a scenario's own; none stands for these. */
  readonly contenders: readonly ContenderName[];
  /** Idle connections, where not as many as the scenario says. */
  readonly connections: number | undefined;
  readonly cores: Cores | undefined;
  readonly progress: (text: string) => void;
}

export function startServer(name: ContenderName, { cores }: Plan): Child<ServerOperations> {
  const { program, env } = CONTENDERS[name];
  return new Child({ name: `servers/${program}`, core: cores?.server, ...(env && { env }) });
}

export function startLoad({ cores }: Plan): Child<LoadOperations> {
  return new Child({ name: 'load', core: cores?.load });
}

/** As 0, 1, …, and backwards every other time: what drifts meanwhile hits all alike. */
export function interleaved<T>(values: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? values : [...values].reverse();
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
