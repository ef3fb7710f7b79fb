/**
 * Text from a peer, made harmless for a terminal. Control characters move the cursor, set the title
 * or answer questions of the shell's behalf, and bidirectional overrides let text read as what it is
 * not (Unicode UTS 55): both are shown as escapes, never sent to the terminal.
 */
const DANGEROUS = /\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Leaves line feeds and tabs as they are. */
export function sanitize(text: string): string {
  return text.replace(DANGEROUS, (character) =>
    character === '\n' || character === '\t' ? character : escape(character),
  );
}

/** For text that must stay on the line it is written to. */
export function sanitizeLine(text: string): string {
  return text.replace(DANGEROUS, escape);
}

const SHORT: ReadonlyMap<string, string> = new Map([
  ['\n', String.raw`\n`],
  ['\t', String.raw`\t`],
  ['\r', String.raw`\r`],
]);

function escape(character: string): string {
  const short = SHORT.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  return code < 0x100 ? String.raw`\x${digits.padStart(2, '0')}` : String.raw`\u{${digits}}`;
}
