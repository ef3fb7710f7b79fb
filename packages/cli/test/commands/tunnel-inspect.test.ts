import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli, RunningCli } from '../running-cli.js';
import {
  ask,
  bodyOf,
  folderFor,
  startAgent,
  startRelay,
  startTarget,
  WITH_TOKEN,
} from '../running-tunnel.js';

/** What the page asks for of the request with that number. */
async function inspected(address: string, number: number): Promise<Response> {
  const { origin, hash } = new URL(address);
  const headers = { Authorization: `Bearer ${hash.slice(1)}` };
  return fetch(`${origin}/api/exchanges/${number}`, { headers });
}

test('--inspect shows a request that went through, beside the line of the log', async () => {
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using agent = startAgent(target.url, port, '--log-requests', '--inspect', '0');
  const { url } = await agent.event('inspecting');
  await agent.event('online');
  assert.equal(await bodyOf(await ask(port, '/shown')), 'hello');
  assert.equal((await agent.event('request'))['path'], '/shown');
  const shown = await inspected(String(url), 1);
  assert.equal(shown.status, 200);
  const text = await shown.text();
  assert.ok(text.includes('/shown') && text.includes('hello'), text);
});

test('--inspect: without the token of its address nothing is shown', async () => {
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using agent = startAgent(target.url, port, '--inspect', '0');
  const { url } = await agent.event('inspecting');
  await agent.event('online');
  await bodyOf(await ask(port));
  const { origin } = new URL(String(url));
  for (const address of [origin, `${origin}/#guessed`]) {
    assert.equal((await inspected(address, 1)).status, 401);
  }
  assert.equal((await inspected(String(url), 1)).status, 200);
});

test('the inspector is the same after SIGHUP, and has what came before it', async (context) => {
  await using first = await startTarget((_request, response) => response.end('first'));
  await using second = await startTarget((_request, response) => response.end('second'));
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const path = join(await folderFor(context), 'agent.yaml');
  const write = (target: string, inspect: string): Promise<void> => {
    const lines = [`target: ${target}`, `relay: ws://127.0.0.1:${port}`, 'name: app', inspect];
    return writeFile(path, lines.join('\n'));
  };
  await write(first.url, 'inspect: 0');
  await using agent = new RunningCli(['tunnel', 'agent', '-c', path], undefined, WITH_TOKEN);
  const address = String((await agent.event('inspecting'))['url']);
  await agent.event('online');
  assert.equal(await bodyOf(await ask(port, '/before')), 'first');
  await write(second.url, 'inspect: false');
  agent.signal('SIGHUP');
  await agent.event('reloaded');
  assert.deepEqual((await agent.event('restart-needed'))['keys'], ['inspect']);
  assert.equal(await bodyOf(await ask(port, '/after')), 'second');
  assert.match(await (await inspected(address, 1)).text(), /\/before/u);
  assert.match(await (await inspected(address, 2)).text(), /\/after/u);
});

test('a port that is named for the inspector, and taken: exit code 1', async () => {
  await using taken = await startTarget();
  const args = ['tunnel', 'agent', '3000', '--relay', 'ws://127.0.0.1:1', '--name', 'app'];
  const { exitCode, stderr } = await runCli([...args, '--inspect', String(taken.port)]);
  assert.equal(exitCode, 1);
  const expected = `framewire: port ${taken.port} of 127.0.0.1 is taken by another program; --inspect names another one, 0 any\n`;
  assert.equal(stderr, expected);
});

test('the default port of the inspector, where it is taken: any that is free', async () => {
  const server = net.createServer().listen(4040, '127.0.0.1');
  // By whomever it is taken.
  await once(server, 'listening').catch((error: unknown) => {
    assert.equal((error as NodeJS.ErrnoException).code, 'EADDRINUSE');
  });
  await using agent = startAgent('3000', 1, '--inspect');
  await agent.event('inspect-port-taken');
  const { url } = await agent.event('inspecting');
  assert.notEqual(new URL(String(url)).port, '4040');
  assert.equal((await fetch(new URL(String(url)).origin)).status, 200);
  server.close();
});

test('FRAMEWIRE_TUNNEL_INSPECT is a port too, and the inspector ends with the agent', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const args = ['tunnel', 'agent', '3000', '--relay', 'ws://127.0.0.1:1', '--name', 'app'];
  await using agent = new RunningCli(args, undefined, { FRAMEWIRE_TUNNEL_INSPECT: String(port) });
  const { url } = await agent.event('inspecting');
  assert.equal(new URL(String(url)).port, String(port));
  agent.signal('SIGTERM');
  assert.equal((await agent.ended).exitCode, 0);
});

test('--inspect has nothing to show of raw TCP, nor of wsp: exit code 2', async (context) => {
  const folder = await folderFor(context);
  const [wsp, file] = [join(folder, 'wsp_client.cfg'), join(folder, 'agent.yaml')];
  await writeFile(wsp, 'targets: [ws://127.0.0.1:1/register]\n');
  await writeFile(
    file,
    'relay: ws://127.0.0.1:1\nname: app\ninspect: true\ntarget: tls://host:1\n',
  );
  const rest = ['--relay', 'ws://127.0.0.1:1', '--name', 'app', '--inspect'];
  const raw = await runCli(['tunnel', 'agent', 'tcp://localhost:1', ...rest]);
  const why = 'has nothing to show of a target of tcp: or tls:, which is no HTTP';
  assert.equal(raw.exitCode, 2);
  assert.equal(raw.stderr, `framewire: the configuration has a mistake:\n  --inspect: ${why}\n`);
  const ofFile = await runCli(['tunnel', 'agent', '-c', file]);
  assert.equal(ofFile.exitCode, 2);
  assert.ok(ofFile.stderr.includes(`agent.yaml:3:10: inspect ${why}\n`), ofFile.stderr);
  const ofWsp = await runCli(['tunnel', 'agent', '--wsp-config', wsp, '--inspect']);
  assert.equal(ofWsp.exitCode, 2);
  assert.match(ofWsp.stderr, /--inspect: has nothing to show of an agent of wsp\n$/u);
});
