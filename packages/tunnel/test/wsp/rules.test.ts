import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuleOptions } from '@framewire/tunnel';
import { fieldsOf } from '#src/wsp/fields.js';
import { parseDestination, Rules, urlForWire, type Verdict } from '#src/wsp/rules.js';

function judge(options: RuleOptions, written: string, method = 'GET', raw: string[] = []): Verdict {
  const destination = parseDestination(written);
  assert.ok(destination !== undefined, written);
  return new Rules(options).judge(method, destination, fieldsOf(raw));
}

test('without rules everything is allowed', () => {
  assert.equal(judge({}, 'http://app/'), 'allowed');
});

test('the blacklist goes before the whitelist', () => {
  const rules = { whitelist: [{ url: 'http://app/.*' }], blacklist: [{ url: '.*secret.*' }] };
  assert.equal(judge(rules, 'http://app/secret'), 'forbidden');
  assert.equal(judge(rules, 'http://app/open'), 'allowed');
  assert.equal(judge(rules, 'http://other/open'), 'not allowed');
});

test('a pattern has to match the whole URL, each of its alternatives too', () => {
  const rules = { whitelist: [{ url: 'http://app/a|http://app/b' }] };
  assert.equal(judge(rules, 'http://app/b'), 'allowed');
  assert.equal(judge(rules, 'http://app/b/c'), 'not allowed');
  assert.equal(judge(rules, 'http://evil/?http://app/a'), 'not allowed');
});

test('all parts of a rule have to match; a header that is missing is empty', () => {
  const rule = { method: 'GET|HEAD', url: 'http://app/.*', headers: { 'x-team': 'red|' } };
  const rules = { whitelist: [rule] };
  assert.equal(judge(rules, 'http://app/'), 'allowed');
  assert.equal(judge(rules, 'http://app/', 'GET', ['X-Team', 'red', 'X-Team', 'blue']), 'allowed');
  assert.equal(judge(rules, 'http://app/', 'GET', ['X-Team', 'blue']), 'not allowed');
  assert.equal(judge(rules, 'http://app/', 'POST'), 'not allowed');
});

test('the URL is judged in the form it is dialled in', () => {
  const rules = { whitelist: [{ url: 'http://app/open/.*' }] };
  assert.equal(judge(rules, 'http://app/open/../secret'), 'not allowed');
  assert.equal(judge(rules, 'http://app/open/%2e%2e/secret'), 'not allowed');
  assert.equal(judge(rules, 'HTTP://APP:80/open/x'), 'allowed');
});

test('a pattern of the blacklist matches anywhere: what was forbidden stays forbidden', () => {
  assert.equal(judge({ blacklist: [{ url: 'secret' }] }, 'http://app/a/secret?b'), 'forbidden');
  assert.equal(judge({ blacklist: [{ url: '^http://app/$' }] }, 'http://app/x'), 'allowed');
});

test('the blacklist holds for the URL as it was written, too', () => {
  const rules = { blacklist: [{ url: 'http://APP/x' }, { url: 'http://app/y' }] };
  assert.equal(judge(rules, 'http://APP/x'), 'forbidden');
  assert.equal(judge(rules, 'http://APP/y'), 'forbidden');
});

for (const written of [
  'http://app@evil/',
  'http://app:80@evil/',
  'http:\\\\evil/',
  'http:///evil/',
  'http://app\t.evil/',
  ' http://app/',
  'ftp://app/',
  '/request',
  'http://',
  'http://app:99999/',
]) {
  test(`${JSON.stringify(written)} is no destination`, () => {
    assert.equal(parseDestination(written), undefined);
  });
}

test('what readers may understand otherwise goes on the wire as it was judged', () => {
  const wire = (written: string): string => urlForWire(parseDestination(written)!);
  assert.equal(wire('http://h/?b=<2>'), 'http://h/?b=<2>');
  assert.equal(wire('http://h/a/../b'), 'http://h/b');
  assert.equal(wire('http://h/#top'), 'http://h/');
});

test('a value of more than 8 KiB is on every blacklist that asks for it, and on no whitelist', () => {
  const long = `http://app/${'a'.repeat(9_000)}`;
  assert.equal(judge({ blacklist: [{ url: 'http://other/' }] }, long), 'forbidden');
  assert.equal(judge({ whitelist: [{ url: '.*' }] }, long), 'not allowed');
});

test('(?i) of RE2 is understood, and what JavaScript cannot is told with its name', () => {
  assert.equal(judge({ blacklist: [{ url: '(?i)HTTP://APP/.*' }] }, 'http://app/'), 'forbidden');
  assert.throws(() => new Rules({ whitelist: [{ url: 'a' }, { url: '\\Aa' }] }), {
    code: 'ERR_TUNNEL_INVALID_ARGUMENT',
    message: /^whitelist\[1\]\.url is no pattern/,
  });
});
