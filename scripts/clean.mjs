// Removes everything that is generated, the installed modules excepted.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`);

for (const folder of [...packages, 'examples', 'interop', 'benchmarks', 'test-support'])
  for (const output of ['dist', '.build'])
    rmSync(join(root, folder, output), { recursive: true, force: true });
rmSync(join(root, 'coverage'), { recursive: true, force: true });
