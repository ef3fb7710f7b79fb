import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { hashToken } from '@framewire/tunnel';
import { makeCertificate } from '../certificate.js';
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

test('a request goes through, and has a line without its query and without the token', async () => {
  await using target = await startTarget();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  const { urls } = await agent.event('online');
  assert.deepEqual(urls, [`http://app.localhost:${port}/`]);
  assert.equal(await bodyOf(await ask(port, '/path?secret=1')), 'hello');
  const { method, host, path, status, name, answerOctets } = await relay.event('request');
  const expected = ['GET', `app.localhost:${port}`, '/path', 200, 'app', 5];
  assert.deepEqual([method, host, path, status, name, answerOctets], expected);
  for (const cli of [agent, relay]) cli.signal('SIGKILL');
  const outputs = await Promise.all([agent.ended, relay.ended]);
  assert.ok(outputs.every(({ stdout, stderr }) => !(stdout + stderr).includes(TOKEN)));
});

test('SIGTERM waits for the request under way', async () => {
  let answer = (): void => {};
  await using target = await startTarget((_request, response) => {
    response.write('first ');
    answer = () => response.end('last');
  });
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  const response = await ask(port);
  relay.signal('SIGTERM');
  const { openRequests } = await relay.event('draining');
  assert.equal(openRequests, 1);
  answer();
  assert.equal(await bodyOf(response), 'first last');
  assert.equal((await relay.ended).exitCode, 0);
});

test('a second signal does not wait', async () => {
  await using target = await startTarget((_request, response) => {
    response.write('never ends');
  });
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  const response = await ask(port);
  relay.signal('SIGTERM');
  await relay.event('draining');
  relay.signal('SIGINT');
  await assert.rejects(bodyOf(response));
  assert.equal((await relay.ended).exitCode, 0);
});

test('a wrong token: one line with what to do, exit code 3, and not a word of the token', async () => {
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  const relayUrl = `ws://127.0.0.1:${port}`;
  const args = ['tunnel', 'agent', '3000', '--relay', relayUrl, '--name', 'app'];
  const variables = { FRAMEWIRE_TUNNEL_TOKEN: 'fwt_wrong', FRAMEWIRE_DEBUG: '1' };
  const debugged = await runCli(args, '', variables);
  assert.ok(!(debugged.stdout + debugged.stderr).includes('fwt_wrong'));
  const { exitCode, stderr } = await runCli([...args, '--token', 'fwt_wrong']);
  assert.equal(exitCode, 3);
  assert.match(stderr, /^framewire: the token is not known, or has expired; --token, .*\n$/u);
  const { error } = await relay.event('agent-refused');
  assert.equal(error, 'ERR_TUNNEL_BAD_TOKEN');
});

test('a name that somebody holds alone: exit code 3', async () => {
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using first = startAgent('3000', port, '--exclusive');
  await first.event('online');
  await using second = startAgent('3000', port);
  const { exitCode, stderr } = await second.ended;
  assert.equal(exitCode, 3);
  assert.match(
    stderr,
    /^framewire: another agent holds the name: app; choose another --name, .*\n$/u,
  );
});

test('a relay that is down is tried again, and found when it is up', async () => {
  const { cli: first, port } = await startRelay();
  await first[Symbol.asyncDispose]();
  await using agent = startAgent('3000', port);
  const { reason } = await agent.event('reconnecting');
  assert.match(String(reason), /nobody listens at 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/u);
  await using relay = new RunningCli(
    ['tunnel', 'relay', '--port', String(port), '--host', '127.0.0.1'],
    undefined,
    WITH_TOKEN,
  );
  await relay.event('listening');
  await agent.event('online');
});

test('a target that is down: 502 for the caller, a line for whoever runs the agent', async () => {
  const target = await startTarget();
  await target[Symbol.asyncDispose]();
  const { cli: relay, port } = await startRelay();
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  assert.equal((await ask(port)).statusCode, 502);
  const { msg } = await agent.event('target-down');
  assert.match(String(msg), /cannot be reached: nobody listens at 127\.0\.0\.1:\d+ .*get 502/u);
});

test('health, readiness and metrics, with names and codes that are bounded', async () => {
  await using target = await startTarget();
  const { cli: relay, port, event } = await startRelay('--admin-port', '0');
  await using _relay = relay;
  await using agent = startAgent(target.url, port);
  await agent.event('online');
  await bodyOf(await ask(port));
  await relay.event('request');
  const admin = String(event['admin']);
  assert.match(admin, /^http:\/\/127\.0\.0\.1:/u);
  assert.equal((await fetch(`${admin}healthz`)).status, 200);
  assert.equal((await fetch(`${admin}readyz`)).status, 200);
  const text = await (await fetch(`${admin}metrics`)).text();
  assert.match(text, /^framewire_tunnel_requests_total\{name="app",status="2xx",error=""\} 1$/mu);
  assert.match(text, /^framewire_tunnel_agents\{name="app"\} [12]$/mu);
  assert.match(text, /^framewire_tunnel_request_duration_seconds_count\{name="app"\} 1$/mu);
  assert.match(text, /^process_cpu_seconds_total/mu);
});

test('mistakes of a file: all of them, each with line, column and reason; exit code 2', async (context) => {
  const path = join(await folderFor(context), 'relay.yaml');
  const lines = [
    ...['port: 80800', 'domian: example.com', 'tokens:', '  - id: laptop'],
    ...['    hash: in-plain', '    names: app', 'limits:', '  idleTimeout: soon'],
  ];
  await writeFile(path, lines.join('\n'));
  const { exitCode, stderr } = await runCli(['tunnel', 'relay', '--config', path]);
  assert.equal(exitCode, 2);
  assert.deepEqual(stderr.replaceAll(path, 'relay.yaml').trimEnd().split('\n'), [
    'framewire: the configuration has 4 mistakes:',
    '  relay.yaml:1:7: port has to be a port, a number from 0 to 65535',
    '  relay.yaml:2:1: domian is not known; did you mean domain?',
    '  relay.yaml:4:5: tokens[0] token laptop: its hash is no SHA-256',
    '  relay.yaml:8:16: limits.idleTimeout has to be a time above 0, such as 30s, 500ms, 5m or a number of seconds',
  ]);
});

test('the command line wins over the environment, and that over the file', async (context) => {
  const path = join(await folderFor(context), 'relay.yaml');
  await writeFile(
    path,
    'port: 1\nhost: 127.0.0.1\ndomain: file.test\npublicUrl: https://file.test',
  );
  const variables = {
    ...WITH_TOKEN,
    FRAMEWIRE_TUNNEL_PORT: '2',
    FRAMEWIRE_TUNNEL_DOMAIN: 'env.test',
    // Nothing is said by these.
    FRAMEWIRE_TUNNEL_ADMIN_PORT: '',
    FRAMEWIRE_TUNNEL_MAX_STREAMS: '',
  };
  const args = ['tunnel', 'relay', '--config', path, '--port', '0'];
  await using relay = new RunningCli(args, undefined, variables);
  const { port, domains } = await relay.event('listening');
  assert.ok(Number(port) > 2);
  assert.deepEqual(domains, ['env.test']);
});

test('SIGHUP reads the file again; one with mistakes changes nothing', async (context) => {
  const path = join(await folderFor(context), 'relay.yaml');
  const tokens = `tokens: [{ id: one, hash: ${hashToken(TOKEN)}, names: app }]\n`;
  await writeFile(path, tokens);
  const args = ['tunnel', 'relay', '--config', path, '--port', '0', '--host', '127.0.0.1'];
  await using relay = new RunningCli(args);
  const port = Number((await relay.event('listening'))['port']);
  await using agent = startAgent('3000', port);
  await agent.event('online');
  await writeFile(path, 'tokens: nothing');
  relay.signal('SIGHUP');
  const { msg } = await relay.event('reload-failed');
  assert.match(String(msg), /relay\.yaml:1:9: tokens has to be a list, and is a text/u);
  await writeFile(path, tokens.replace(hashToken(TOKEN), hashToken('another')));
  relay.signal('SIGHUP');
  const { error, reason } = await relay.event('agent-gone');
  assert.equal(error ?? reason, 'ERR_TUNNEL_BAD_TOKEN');
  assert.equal((await agent.ended).exitCode, 3);
});

test('a certificate that is replaced is the one of new connections', async (context) => {
  await using first = await makeCertificate();
  await using second = await makeCertificate();
  if (first === undefined || second === undefined) return context.skip('there is no openssl');
  const { cli: relay, port } = await startRelay('--tls-cert', first.cert, '--tls-key', first.key);
  await using _relay = relay;
  const before = await fingerprint(port);
  await rename(second.key, first.key);
  await rename(second.cert, first.cert);
  await relay.event('certificate');
  const after = await fingerprint(port);
  assert.notEqual(after, before);
  assert.ok((await readFile(first.cert)).length > 0);
});

async function fingerprint(port: number): Promise<string> {
  const request = https.get({ host: '127.0.0.1', port, rejectUnauthorized: false, agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  return (response.socket as TLSSocket).getPeerCertificate().fingerprint256;
}

test('a port of raw TCP leads to a target of tcp:', async () => {
  const echo = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const { port: echoPort } = echo.address() as AddressInfo;
  const { cli: relay, port, event } = await startRelay('--tcp', '0=app');
  await using _relay = relay;
  await using agent = startAgent(`tcp://127.0.0.1:${echoPort}`, port);
  await agent.event('online');
  const [place] = event['tcp'] as readonly { readonly port: number }[];
  const socket = net.connect(place?.port ?? 0, '127.0.0.1');
  socket.end('octets');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.equal(text, 'octets');
  echo.close();
});

test('token and password: what they print is what a relay takes', async () => {
  const made = await runCli(['tunnel', 'token', '--json']);
  const { token, hash } = JSON.parse(made.stdout) as {
    readonly token: string;
    readonly hash: string;
  };
  assert.equal(hash, hashToken(token));
  assert.equal((await runCli(['tunnel', 'token', '--hash'], `${token}\n`)).stdout, `${hash}\n`);
  const { stdout } = await runCli(['tunnel', 'password'], 'open sesame\n');
  assert.match(stdout, /^scrypt:\d+:\d+:\d+:[\w-]+:[\w-]+\n$/u);
  assert.equal((await runCli(['tunnel', 'password'], '')).exitCode, 2);
});

test('the demonstration serves its page by a path too, and ends at a signal', async () => {
  await using demo = new RunningCli(['tunnel', 'demo', '--port', '0']);
  const { path } = await demo.event('listening');
  const page = await fetch(String(path));
  assert.match(await page.text(), /It came through the tunnel/u);
  const hello = (await (await fetch(`${String(path)}hello`)).json()) as Record<string, unknown>;
  assert.equal(hello['request'], 'GET /hello');
  demo.signal('SIGTERM');
  assert.equal((await demo.ended).exitCode, 0);
});
