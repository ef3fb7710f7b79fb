/** Figures as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `7.90 MB`: powers of 1000, as networks count. */
export function formatOctets(octets: number): string {
  let value = octets;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : toThreeDigits(value)} ${UNITS[unit] ?? ''}`;
}

/** `0.042 ms`, `1.25 ms`, `312 ms`, `4.10 s`. */
export function formatTime(milliseconds: number): string {
  if (milliseconds >= 9_999.5) return `${toThreeDigits(milliseconds / 1000)} s`;
  if (milliseconds < 1) return `${milliseconds.toFixed(3)} ms`;
  return `${toThreeDigits(milliseconds)} ms`;
}

export function formatPart(part: number): string {
  return `${(part * 100).toFixed(0)} %`;
}

/** `1 connection`, `10 connections`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function toThreeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}
