/** What is wrong in a configuration, all of it at once. */
import { UsageError } from '../usage-error.ts';

export interface Mistake {
  /** Where: `relay.yaml:3:7`, or the option that has said it. */
  readonly place: string;
  /** Such as `tokens[0].hash`; empty for the file as a whole. */
  readonly key: string;
  /** Never with the value: it may be a secret. */
  readonly reason: string;
}

/** The message has a line for each mistake. */
export class ConfigError extends UsageError {
  override readonly name: string = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
    super([`the configuration has ${count}:`, ...mistakes.map(describeMistake)].join('\n'));
    this.mistakes = mistakes;
  }
}

export function describeMistake({ place, key, reason }: Mistake): string {
  return `  ${[`${place}:`, key, reason].filter((part) => part !== '').join(' ')}`;
}
