/** Octets as the RFC writes them: hex`81 85  37 fa 21 3d`. Spaces are free; anything else throws. */
export function hex(strings: TemplateStringsArray, ...values: readonly string[]): Uint8Array {
  const digits = String.raw({ raw: strings }, ...values).replaceAll(/\s+/gu, '');
  if (!/^(?:[0-9a-f]{2})*$/iu.test(digits)) throw new TypeError(`not octets in hex: ${digits}`);
  return Uint8Array.from(digits.match(/../gu) ?? [], (pair) => Number.parseInt(pair, 16));
}
