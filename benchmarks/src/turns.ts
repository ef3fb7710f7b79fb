/** Contenders in turn, round after round: what drifts meanwhile hits all alike. */
import type { ContenderName } from './contenders.ts';
import { describeError, type Plan } from './plan.ts';

export interface Result<Round> {
  readonly contender: ContenderName;
  readonly rounds: readonly Round[];
  /** Why it was measured no further. */
  readonly error: string | undefined;
}

/** How one contender takes part. */
export interface Player<Round> {
  readonly contender: ContenderName;
  /** Once, before the first round of all. */
  start(): Promise<void>;
  /** Milliseconds of warming up come first. */
  play(warmup: number): Promise<Round>;
}

/** Its code is compiled in the first round: that warms up so many times as long. */
const FIRST_WARMUP = 5;

export async function inTurns<Round>(
  scenario: string,
  players: readonly Player<Round>[],
  plan: Plan,
): Promise<Result<Round>[]> {
  const runners = players.map((player) => new Runner(player));
  for (const runner of runners) await runner.attempt((player) => player.start());
  for (let round = 0; round < plan.rounds; round++) {
    const warmup = plan.warmup * (round === 0 ? FIRST_WARMUP : 1);
    for (const runner of interleaved(runners, round)) {
      plan.progress.step(`${scenario} ${round + 1}/${plan.rounds} ${runner.contender}`);
      await runner.attempt(async (player) => {
        runner.rounds.push(await player.play(warmup));
      });
    }
  }
  return runners.map(({ contender, rounds, error }) => ({ contender, rounds, error }));
}

/** As 0, 1, …, and backwards every other time. */
export function interleaved<T>(values: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? values : [...values].reverse();
}

class Runner<Round> {
  readonly #player: Player<Round>;
  readonly contender: ContenderName;
  readonly rounds: Round[] = [];
  error: string | undefined;

  constructor(player: Player<Round>) {
    this.#player = player;
    this.contender = player.contender;
  }

  /** Nothing, once something has failed. */
  async attempt(task: (player: Player<Round>) => Promise<void>): Promise<void> {
    if (this.error !== undefined) return;
    try {
      await task(this.#player);
    } catch (error) {
      this.error = describeError(error);
    }
  }
}
