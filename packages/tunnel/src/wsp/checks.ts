/** What the options of both roles are held against. */
import { invalidArgument } from '../errors.ts';

/** Milliseconds; `Infinity` waits for ever. */
export function requireDelay(name: string, value: unknown, least: number = 1): number {
  if (typeof value === 'number' && value >= least) return value;
  throw invalidArgument(`${name} must be a number of at least ${least}, got ${String(value)}`);
}

/** A whole number; `Infinity` where nothing is the most. */
export function requireCount(
  name: string,
  value: unknown,
  least: number,
  most: number = Infinity,
): number {
  const isCount = typeof value === 'number' && (Number.isSafeInteger(value) || value === Infinity);
  if (isCount && value >= least && value <= most) return value;
  const bounds = most === Infinity ? `from ${least} on` : `from ${least} to ${most}`;
  throw invalidArgument(`${name} must be a whole number ${bounds}, got ${String(value)}`);
}
