/** Medians: one disturbed round among five changes nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** By how much the values differ, as a part of their median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** Reference ÷ value, in pairs as far as both reach: what disturbs a round disturbs both. */
export function ratios(reference: readonly number[], values: readonly number[]): number[] {
  const pairs = Math.min(reference.length, values.length);
  return Array.from({ length: pairs }, (_, index) => reference[index]! / values[index]!);
}
