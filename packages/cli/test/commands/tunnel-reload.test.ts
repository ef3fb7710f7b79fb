import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { runCli, RunningCli } from '../running-cli.js';
import {
  ask,
  bodyOf,
  folderFor,
  startAgent,
  startRelay,
  startTarget,
  TOKEN,
  WITH_TOKEN,
} from '../running-tunnel.js';

/** An agent with a file, and what writes that file. */
async function agentOfFile(
  context: TestContext,
  lines: readonly string[],
): Promise<{ readonly agent: RunningCli; write(lines: readonly string[]): Promise<void> }> {
  const path = join(await folderFor(context), 'agent.yaml');
  const write = (all: readonly string[]): Promise<void> => writeFile(path, all.join('\n'));
  await write(lines);
  const agent = new RunningCli(['tunnel', 'agent', '-c', path], undefined, WITH_TOKEN);
  return { agent, write };
}

function linesOf(target: string, port: number, ...more: readonly string[]): string[] {
  return [`target: ${target}`, `relay: ws://127.0.0.1:${port}`, 'name: app', ...more];
}

test('SIGHUP has the agent take a new target', async (context) => {
  await using first = await startTarget((_request, response) => response.end('first'));
  await using second = await startTarget((_request, response) => response.end('second'));
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { agent, write } = await agentOfFile(context, linesOf(first.url, port));
  await using _agent = agent;
  await agent.event('online');
  assert.equal(await bodyOf(await ask(port)), 'first');
  await write(linesOf(second.url, port));
  agent.signal('SIGHUP');
  await agent.event('reloaded');
  assert.equal(await bodyOf(await ask(port)), 'second');
});

test('a relay that refuses after SIGHUP: an exclusive agent is back at the one before', async (context) => {
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { cli: other, port: otherPort } = await startRelay();
  await using _other = other;
  await using holder = startAgent('3000', otherPort, '--exclusive');
  await holder.event('online');
  const { agent, write } = await agentOfFile(context, linesOf(target.url, port, 'exclusive: true'));
  await using _agent = agent;
  await agent.event('online');
  await write(linesOf(target.url, otherPort, 'exclusive: true'));
  agent.signal('SIGHUP');
  const { msg, serving } = await agent.event('reload-failed');
  assert.equal(serving, false);
  assert.match(
    String(msg),
    /^not reloaded, what was there before is opened again: another agent holds the name/u,
  );
  const { urls } = await agent.event('online');
  assert.deepEqual(urls, [`http://app.localhost:${port}/`]);
  assert.equal(await bodyOf(await ask(port)), 'hello');
});

test('a relay that refuses after SIGHUP: an agent among others goes on all the time', async (context) => {
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { cli: other, port: otherPort } = await startRelay();
  await using _other = other;
  await using holder = startAgent('3000', otherPort, '--exclusive');
  await holder.event('online');
  const { agent, write } = await agentOfFile(context, linesOf(target.url, port));
  await using _agent = agent;
  await agent.event('online');
  await write(linesOf(target.url, otherPort));
  agent.signal('SIGHUP');
  const { msg, serving } = await agent.event('reload-failed');
  assert.equal(serving, true);
  assert.match(String(msg), /^not reloaded, all stays as it was: another agent holds the name/u);
  assert.equal(await bodyOf(await ask(port)), 'hello');
});

test('SIGHUP has an exclusive agent take a new target, and give up the old one first', async (context) => {
  await using first = await startTarget((_request, response) => response.end('first'));
  await using second = await startTarget((_request, response) => response.end('second'));
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { agent, write } = await agentOfFile(context, linesOf(first.url, port, 'exclusive: true'));
  await using _agent = agent;
  await agent.event('online');
  await write(linesOf(second.url, port, 'exclusive: true'));
  agent.signal('SIGHUP');
  await agent.event('reloaded');
  assert.equal(await bodyOf(await ask(port)), 'second');
});

test('a relay that is down after SIGHUP is given up at the next one', async (context) => {
  await using first = await startTarget((_request, response) => response.end('first'));
  await using second = await startTarget((_request, response) => response.end('second'));
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { agent, write } = await agentOfFile(context, linesOf(first.url, port));
  await using _agent = agent;
  await agent.event('online');
  await write(linesOf(first.url, 1));
  agent.signal('SIGHUP');
  await agent.event('reconnecting');
  assert.equal(await bodyOf(await ask(port)), 'first');
  await write(linesOf(second.url, port));
  agent.signal('SIGHUP');
  await agent.event('reloaded');
  assert.equal(await bodyOf(await ask(port)), 'second');
});

test('--token-file: what stands there, and not the line end behind it', async (context) => {
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const path = join(await folderFor(context), 'token');
  const place = ['--relay', `ws://127.0.0.1:${port}`, '--name', 'app', '--token-file', path];
  const args = ['tunnel', 'agent', '3000', ...place];
  await writeFile(path, 'fwt_wrong\n');
  assert.equal((await runCli(args)).exitCode, 3);
  await writeFile(path, `${TOKEN}\n`);
  await using agent = new RunningCli(args);
  await agent.event('online');
});
