import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hashToken } from '@framewire/tunnel';
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

interface AgentOfFile {
  readonly agent: RunningCli;
  /** Writes the file anew, and sends SIGHUP. */
  reload(lines: readonly string[]): Promise<void>;
}

/** An agent with a file, which is online. */
async function agentOfFile(context: TestContext, lines: readonly string[]): Promise<AgentOfFile> {
  const path = join(await folderFor(context), 'agent.yaml');
  const write = (all: readonly string[]): Promise<void> => writeFile(path, all.join('\n'));
  await write(lines);
  const agent = new RunningCli(['tunnel', 'agent', '-c', path], undefined, WITH_TOKEN);
  await agent.event('online');
  const reload = async (all: readonly string[]): Promise<void> => {
    await write(all);
    agent.signal('SIGHUP');
  };
  return { agent, reload };
}

function linesOf(target: string, port: number, ...more: readonly string[]): string[] {
  return [`target: ${target}`, `relay: ws://127.0.0.1:${port}`, 'name: app', ...more];
}

for (const [title, ...more] of [
  ['SIGHUP has the agent take a new target'],
  [
    'SIGHUP has an exclusive agent take a new target, and give up the old one first',
    'exclusive: true',
  ],
] as const) {
  test(title, async (context) => {
    await using first = await startTarget((_request, response) => response.end('first'));
    await using second = await startTarget((_request, response) => response.end('second'));
    const { cli: relay, port } = await startRelay();
    await using _relay = relay;
    const { agent, reload } = await agentOfFile(context, linesOf(first.url, port, ...more));
    await using _agent = agent;
    assert.equal(await bodyOf(await ask(port)), 'first');
    await reload(linesOf(second.url, port, ...more));
    await agent.event('reloaded');
    assert.equal(await bodyOf(await ask(port)), 'second');
  });
}

test('a relay that refuses after SIGHUP: an exclusive agent is back at the one before', async (context) => {
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { cli: other, port: otherPort } = await startRelay();
  await using _other = other;
  await using holder = startAgent('3000', otherPort, '--exclusive');
  await holder.event('online');
  const { agent, reload } = await agentOfFile(
    context,
    linesOf(target.url, port, 'exclusive: true'),
  );
  await using _agent = agent;
  await reload(linesOf(target.url, otherPort, 'exclusive: true'));
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
  const { agent, reload } = await agentOfFile(context, linesOf(target.url, port));
  await using _agent = agent;
  await reload(linesOf(target.url, otherPort));
  const { msg, serving } = await agent.event('reload-failed');
  assert.equal(serving, true);
  assert.match(String(msg), /^not reloaded, all stays as it was: another agent holds the name/u);
  assert.equal(await bodyOf(await ask(port)), 'hello');
});

test('a relay that is down after SIGHUP is given up at the next one', async (context) => {
  await using first = await startTarget((_request, response) => response.end('first'));
  await using second = await startTarget((_request, response) => response.end('second'));
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const { agent, reload } = await agentOfFile(context, linesOf(first.url, port));
  await using _agent = agent;
  await reload(linesOf(first.url, 1));
  await agent.event('reconnecting');
  assert.equal(await bodyOf(await ask(port)), 'first');
  await reload(linesOf(second.url, port));
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

test('SIGHUP of a relay: what its open ports were not made for stays as it was, and who is let in too', async (context) => {
  const path = join(await folderFor(context), 'relay.yaml');
  const hash = hashToken(TOKEN);
  const tokens = `tokens: [{ id: one, hash: ${hash}, names: [app] }]\n`;
  await writeFile(path, tokens);
  const place = ['tunnel', 'relay', '--port', '0', '--host', '127.0.0.1', '--domain', 'localhost'];
  await using relay = new RunningCli([...place, '-c', path]);
  const { port } = await relay.event('listening');
  await writeFile(path, 'openRegistration: true\n');
  relay.signal('SIGHUP');
  const { keys } = await relay.event('restart-needed');
  assert.deepEqual(keys, ['openRegistration']);
  const args = ['tunnel', 'agent', '3000', '--relay', `ws://127.0.0.1:${Number(port)}`];
  assert.equal((await runCli([...args, '--name', 'app'])).exitCode, 3);
});

test('SIGHUP of a relay with a mistake that only the whole shows changes nothing', async (context) => {
  const path = join(await folderFor(context), 'relay.yaml');
  await writeFile(path, 'log: { query: false }\n');
  const { cli: relay, port } = await startRelay('-c', path);
  await using _relay = relay;
  await writeFile(path, 'log: { query: true }\naccess: { "No Name": {} }\n');
  relay.signal('SIGHUP');
  await relay.event('reload-failed');
  await ask(port, '/path?secret=1');
  const { path: logged } = await relay.event('request');
  assert.equal(logged, '/path');
});

test('a variable that says no counts before the file, and a URL is logged without its user', async (context) => {
  const path = join(await folderFor(context), 'relay.yaml');
  await writeFile(path, 'openRegistration: true\n');
  const variables = { FRAMEWIRE_TUNNEL_OPEN_REGISTRATION: 'no' };
  const closed = new RunningCli(['tunnel', 'relay', '-c', path], undefined, variables);
  const { exitCode, stderr } = await closed.ended;
  assert.equal(exitCode, 2);
  assert.match(stderr, /--token: is missing/u);
  const relay = 'ws://bob:hun@ter2@127.0.0.1:1/';
  const args = ['tunnel', 'agent', '3000', '--relay', relay, '--name', 'app'];
  await using agent = new RunningCli(args, undefined, WITH_TOKEN);
  const { relay: logged } = await agent.event('starting');
  assert.equal(logged, 'ws://127.0.0.1:1/');
});
