import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from 'framewire/protocol';

test('framewire/protocol has these values', () => {
  assert.deepEqual(Object.keys(protocol).sort(), [
    'CloseCode',
    'MAX_RESERVATION',
    'MaskingKeys',
    'Opcode',
    'OutputBuffer',
    'PreparedMessage',
    'Protocol',
    'closingSteps',
    'isCloseCodeOnWire',
    'resolveLimits',
  ]);
});

test('framewire/protocol is pure: no module of it imports one of Node.js or of another layer', () => {
  const seen = new Set<string>();
  const queue = [new URL(import.meta.resolve('framewire/protocol'))];
  for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
    if (seen.has(url.href)) continue;
    seen.add(url.href);
    const source = readFileSync(url, 'utf8');
    for (const [, specifier = ''] of source.matchAll(/\bfrom '([^']+)'/gu)) {
      assert.match(specifier, /^(?:\.\/[a-z0-9-]+|\.\.\/errors)\.js$/u, url.pathname);
      queue.push(new URL(specifier, url));
    }
  }
  assert.ok(seen.size > 15, `${seen.size} modules were looked at`);
});
