/** The word that is meant by one that is almost it. */

/** Undefined where none is near: a third of it, or two letters, may be otherwise. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const asked = plain(word).slice(0, 64);
  const most = Math.max(2, Math.floor(asked.length / 3));
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(asked, plain(name));
    if (distance <= most && distance < (best?.distance ?? Infinity)) best = { name, distance };
  }
  return best?.name;
}

/** `max-streams`, `max_streams` and `maxStreams` are one word to whoever writes it. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/gu, '');
}

/** Levenshtein's: insertions, deletions and replacements, each for one. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [at, letter] of Array.from(from).entries()) {
    const next = [at + 1];
    for (let index = 1; index <= to.length; index++) {
      const replaced = (row[index - 1] ?? 0) + (to[index - 1] === letter ? 0 : 1);
      next.push(Math.min((row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
