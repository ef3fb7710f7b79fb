/** Octets of payload: around what headers and thresholds distinguish. */
const SIZES: readonly number[] = [
  8, 20, 32, 48, 64, 125, 256, 512, 1024, 2048, 4096, 16_384, 65_536, 1_048_576,
];

export function sizesTo(most: number): readonly number[] {
  return SIZES.filter((size) => size <= most);
}
