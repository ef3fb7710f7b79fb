/** How much is sent where it may be any number: often little, and around where something ends. */
const EDGES = [0, 1, 12, 4096, 16_384, 65_536, 131_072, 262_144];

export function pickSize(): number {
  const kind = Math.floor(Math.random() * 4);
  if (kind === 0) return Math.floor(Math.random() * 300_000);
  if (kind > 1) return Math.floor(Math.random() * 8192);
  const edge = EDGES[Math.floor(Math.random() * EDGES.length)] ?? 0;
  return Math.max(0, edge + Math.floor(Math.random() * 5) - 2);
}

/** Milliseconds for so many echoes, on a machine that is busy with other things. */
export function echoLimit(count: number): number {
  return 15_000 + 10 * count;
}
