/** What an example prints, line by line. */
export function printed(): { readonly lines: string[]; readonly print: (line: string) => void } {
  const lines: string[] = [];
  return { lines, print: (line) => void lines.push(line) };
}
