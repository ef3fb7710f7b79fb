// Assembles the WebAssembly of the library: `node scripts/wasm.mjs`, and with `--check` tells whether
// what is checked in is what its source gives.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import wabt from 'wabt';

const folder = join(import.meta.dirname, '../packages/framewire/src/native');
const { parseWat } = await wabt();

const source = parseWat('mask.wat', readFileSync(join(folder, 'mask.wat'), 'utf8'), { simd: true });
const { buffer } = source.toBinary({ log: false, write_debug_names: false });
const lines = Buffer.from(buffer)
  .toString('base64')
  .match(/.{1,80}/g);
const module = `// Made of mask.wat by \`npm run wasm\`.
export const MASK_MODULE: string =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;

const target = join(folder, 'mask-module.ts');
if (!process.argv.includes('--check')) writeFileSync(target, module);
else if (readFileSync(target, 'utf8') !== module) {
  console.error('mask-module.ts is not what mask.wat gives: run npm run wasm');
  process.exitCode = 1;
}
