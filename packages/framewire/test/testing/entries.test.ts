/** The package as others see it: what its entries are, and how they can be loaded. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const require = createRequire(import.meta.url);

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: unknown;
}

const manifest = JSON.parse(
  readFileSync(require.resolve('framewire/package.json'), 'utf8'),
) as Manifest;

/** The names of the entries that are modules, such as `framewire/testing`. */
const entries = Object.keys(manifest.exports)
  .filter((entry) => !entry.endsWith('.json'))
  .map((entry) => entry.replace(/^\./u, manifest.name));

for (const entry of entries) {
  test(`require('${entry}') works from CommonJS, and gives what import gives`, async (t) => {
    // Node 20 and 22 print that it is experimental.
    t.mock.method(process, 'emitWarning', () => {});
    const required = require(entry) as object;
    const imported = (await import(entry)) as object;
    assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
    assert.ok(Object.keys(imported).length > 0);
    assert.equal('default' in imported, false, 'named exports only');
  });
}

test('the entries are those that are documented, and nothing is depended on', () => {
  assert.deepEqual(entries, ['framewire', 'framewire/protocol', 'framewire/testing']);
  assert.equal(manifest.dependencies, undefined);
});

test('what is inside cannot be imported', async () => {
  for (const inner of [
    'framewire/dist/errors.js',
    'framewire/connection',
    'framewire/src/index.ts',
  ]) {
    await assert.rejects(import(inner), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
  }
});
