import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { systemClock } from '#src/connection/clock.js';

test('a timer fires once, after its delay, on a clock that goes on', async () => {
  const before = systemClock.now();
  const keepAlive = setInterval(() => {}, 1000);
  await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
  clearInterval(keepAlive);
  assert.ok(systemClock.now() - before >= 4);
});

test('a delay beyond what Node can count does not fire at once', async () => {
  let fired = false;
  const timer = systemClock.setTimer(Infinity, () => (fired = true));
  const other = systemClock.setTimer(2 ** 31, () => (fired = true));
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(fired, false);
  timer.cancel();
  other.cancel();
});

test('a cancelled timer does not fire, and cancelling again does no harm', async () => {
  let fired = false;
  const timer = systemClock.setTimer(1, () => (fired = true));
  timer.cancel();
  timer.cancel();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(fired, false);
});

/** What a process of its own prints, which has `systemClock` in scope. */
function printedBy(script: string): string {
  const clock = import.meta.resolve('#src/connection/clock.js');
  const whole = `import { systemClock } from ${JSON.stringify(clock)};${script}`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', whole], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout;
}

test('a timer does not keep the process alive', () => {
  assert.equal(printedBy("systemClock.setTimer(60_000, () => console.log('fired'));"), '');
});

test('a timer that was told to keeps the process alive until it fires', () => {
  const script = "systemClock.setTimer(20, () => console.log('fired')).ref();";
  assert.equal(printedBy(script), 'fired\n');
});

test('a cancelled timer keeps nothing alive', () => {
  const script = `
    const timer = systemClock.setTimer(60_000, () => console.log('fired'));
    timer.ref();
    timer.cancel();
  `;
  assert.equal(printedBy(script), '');
});
