// The pure layers are covered to the last branch by their own tests alone: what a test of the shell
// happens to execute on its way does not count.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const LAYERS = {
  protocol: ['packages/framewire/test/protocol/', 'packages/framewire/test/rfc6455/'],
  handshake: ['packages/framewire/test/handshake/'],
  extensions: ['packages/framewire/test/extensions/', 'packages/framewire/test/rfc7692/'],
};

for (const [layer, tests] of Object.entries(LAYERS)) {
  const raw = join(root, 'coverage', layer, 'raw');
  rmSync(join(root, 'coverage', layer), { recursive: true, force: true });
  const env = { ...process.env, NODE_V8_COVERAGE: raw };

  console.log(`${layer}, counted from ${tests.join(' and ')}`);
  node(['--input-type=module', '--eval', loadAll(layer)], { env });
  node(['scripts/test.mjs', ...tests], { env });
  const report = ['report', '--temp-directory', raw, '--reports-dir', `coverage/${layer}`];
  const range = ['--include', `packages/framewire/src/${layer}/**`, '--exclude-after-remap'];
  const format = ['--reporter', 'text', '--reporter', 'lcov'];
  const bound = ['--check-coverage', '--100'];
  node(['node_modules/c8/bin/c8.js', ...report, ...range, ...format, ...bound], {
    stdio: 'inherit',
  });
}

/** A program that loads every file of a layer, so that one without any test counts as uncovered. */
function loadAll(layer) {
  const framewire = join(root, 'packages/framewire');
  return readdirSync(join(framewire, 'src', layer))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(framewire, 'dist', layer, name.replace(/ts$/, 'js')))
    .map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};`)
    .join('\n');
}

function node(parameters, options) {
  const bytes = 64 * 1024 * 1024;
  const run = spawnSync(process.execPath, parameters, { cwd: root, maxBuffer: bytes, ...options });
  if (run.error) throw run.error;
  if (run.status === 0) return;
  process.stderr.write(run.stdout ?? '');
  process.stderr.write(run.stderr ?? '');
  process.exitCode = 1;
}
