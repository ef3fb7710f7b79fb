import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { composePage, readPageParts } from '#src/echo-page.js';

const settings = { path: '/', subprotocols: [] };
const page = composePage(readPageParts(), settings);

function hashOf(text: string | undefined): string {
  return `'sha256-${createHash('sha256')
    .update(text ?? '')
    .digest('base64')}'`;
}

test('the page is one document: nothing of it is fetched from anywhere', () => {
  assert.doesNotMatch(page.body, /\b(?:src|href)="(?!data:)/u);
  assert.doesNotMatch(page.body, /@import|url\(/u);
  assert.doesNotMatch(page.body, /\{\{/u);
});

test('the policy admits exactly the style and the script of the page', () => {
  const policy = page.headers['Content-Security-Policy'] ?? '';
  const style = /<style>([\s\S]*)<\/style>/u.exec(page.body)?.[1];
  const script = /<script type="module">([\s\S]*)<\/script>/u.exec(page.body)?.[1];
  assert.match(policy, /^default-src 'none';/u);
  assert.ok(policy.includes(`style-src ${hashOf(style)};`));
  assert.ok(policy.includes(`script-src ${hashOf(script)};`));
  assert.doesNotMatch(policy, /unsafe|\*/u);
  assert.doesNotMatch(page.body, /\sstyle=|\son\w+=/u);
});

test('what the command line says cannot break out of its attribute', () => {
  const path = '/"><script>alert(1)</script>';
  const { body } = composePage(readPageParts(), { path, subprotocols: [`'&`] });
  assert.ok(body.includes('data-path="/&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"'));
  assert.ok(body.includes('data-subprotocols="&#39;&#38;"'));
});

test('the length is that of the octets', () => {
  assert.equal(page.headers['Content-Length'], String(Buffer.byteLength(page.body)));
});
