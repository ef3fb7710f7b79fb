import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { RunningCli } from '../running-cli.js';
import { bodyOf, folderFor, get, startRelay, startTarget } from '../running-tunnel.js';

test('wsp: the section of the relay, --wsp-config of the agent, and a request with its destination', async (context) => {
  await using target = await startTarget(({ url }, response) => response.end(`asked for ${url}`));
  const folder = await folderFor(context);
  const [relayFile, agentFile] = [join(folder, 'relay.yaml'), join(folder, 'wsp_client.cfg')];
  await writeFile(
    relayFile,
    'wsp: { secretkey: a-key-of-these-tests, timeout: 5000, requestToken: asking }\n',
  );
  const { cli: relay, port, event } = await startRelay('--config', relayFile);
  await using _relay = relay;
  assert.equal(event['wsp'], true);
  const lines = [
    `targets: [ws://127.0.0.1:${port}/register]`,
    'poolidlesize: 1',
    'secretkey: a-key-of-these-tests',
  ];
  await writeFile(agentFile, lines.join('\n'));
  await using agent = new RunningCli(['tunnel', 'agent', '--wsp-config', agentFile]);
  await agent.event('connection-open');
  // The greeting of the agent comes behind its handshake.
  await relay.event('wsp-agent-joined');
  const headers = { 'X-PROXY-DESTINATION': `${target.url}/path?with=query` };
  assert.equal((await get(port, '/request', headers)).statusCode, 401);
  const authorization = { ...headers, Authorization: 'Bearer asking' };
  const response = await get(port, '/request', authorization);
  assert.equal(response.statusCode, 200);
  assert.equal(await bodyOf(response), 'asked for /path?with=query');
});

test('wsp: a wrong key is refused, and so is everybody who asks meanwhile', async (context) => {
  const folder = await folderFor(context);
  const agentFile = join(folder, 'wsp_client.cfg');
  const { cli: relay, port } = await startRelay(
    ...['--wsp-secret-key', 'a-key-of-these-tests', '--wsp-open-requests'],
  );
  await using _relay = relay;
  await writeFile(agentFile, `targets: [ws://127.0.0.1:${port}/register]\nsecretkey: wrong\n`);
  await using agent = new RunningCli(['tunnel', 'agent', '--wsp-config', agentFile]);
  const refused = await agent.event('connection-refused');
  assert.equal(refused['level'], 'warn');
  const headers = { 'X-PROXY-DESTINATION': 'http://127.0.0.1:1/' };
  assert.equal((await get(port, '/request', headers)).statusCode, 526);
});
