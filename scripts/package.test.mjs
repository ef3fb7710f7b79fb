// What users of the published package rely on without any code of theirs saying so.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';

const folder = join(import.meta.dirname, '../packages/framewire');
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const require = createRequire(import.meta.url);

test('framewire depends on nothing', () => {
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies'])
    assert.equal(manifest[kind], undefined);
});

for (const [path, target] of Object.entries(manifest.exports)) {
  const name = path.replace('.', 'framewire');
  if (typeof target === 'string') continue;

  test(`${name} can be imported and required, and has types`, async () => {
    const imported = await import(name);
    assert.ok(Object.keys(imported).length > 0);
    assert.deepEqual(Object.keys(require(name)), Object.keys(imported));
    assert.ok(existsSync(join(folder, target.types)));
  });
}

test('@framewire/tunnel depends on framewire alone, and can be imported and required', async () => {
  const file = join(import.meta.dirname, '../packages/tunnel/package.json');
  const { dependencies, version } = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual(dependencies, { framewire: version });
  const imported = await import('@framewire/tunnel');
  assert.deepEqual(Object.keys(require('@framewire/tunnel')), Object.keys(imported));
});
