// Runs the compiled tests: `node scripts/test.mjs [part of a path …] [--option of node …]`, with
// `--documented-api` as where Node offers nothing beyond what it documents.
// Node 20, 22 and 24 differ in what `node --test` makes of a folder or a glob, so it gets file names.
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { testFiles } from './test-files.mjs';

/** Milliseconds a test may take (on Node 20 and 22: a test file). */
const TEST_TIMEOUT = 120_000;
/** Milliseconds the whole run may take: newer lines of Node wait forever for a handle left open. */
const RUN_TIMEOUT = 900_000;

const given = process.argv.slice(2);
const DOCUMENTED_API = '--documented-api';
const env = {
  ...process.env,
  ...(given.includes(DOCUMENTED_API) && { FRAMEWIRE_DOCUMENTED_API: '1' }),
};
const options = given.filter(
  (argument) => argument.startsWith('--') && argument !== DOCUMENTED_API,
);
const files = testFiles(given.filter((argument) => !argument.startsWith('--')));

const runner = ['--test', '--test-reporter=spec', '--test-concurrency=2'];
const run = spawnSync(
  process.execPath,
  [...runner, `--test-timeout=${TEST_TIMEOUT}`, ...options, ...files],
  { cwd: join(import.meta.dirname, '..'), env, stdio: 'inherit', timeout: RUN_TIMEOUT },
);
if (run.error) throw run.error;
process.exit(run.status ?? 128 + constants.signals[run.signal]);
