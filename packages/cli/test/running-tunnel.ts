/** A relay, an agent and a target for tests of `framewire tunnel`, a process each but the last. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RunningCli, type Event } from './running-cli.js';

export const TOKEN: string = 'fwt_a-token-of-these-tests';
export const WITH_TOKEN: Readonly<Record<string, string>> = { FRAMEWIRE_TUNNEL_TOKEN: TOKEN };

export async function startRelay(
  ...args: readonly string[]
): Promise<{ readonly cli: RunningCli; readonly port: number; readonly event: Event }> {
  const all = ['tunnel', 'relay', '--port', '0', '--host', '127.0.0.1', '--domain', 'localhost'];
  const cli = new RunningCli([...all, ...args], undefined, WITH_TOKEN);
  const event = await cli.event('listening');
  return { cli, port: Number(event['port']), event };
}

export function startAgent(target: string, port: number, ...args: readonly string[]): RunningCli {
  const relay = `ws://127.0.0.1:${port}`;
  const all = ['tunnel', 'agent', target, '--relay', relay, '--name', 'app'];
  return new RunningCli([...all, ...args], undefined, WITH_TOKEN);
}

export interface Target extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

export async function startTarget(
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.end('hello');
  },
): Promise<Target> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dispose = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, port, [Symbol.asyncDispose]: dispose };
}

/** Asks for the tunnel `app`. */
export function ask(
  port: number,
  path: string = '/',
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  return get(port, path, { Host: `app.localhost:${port}`, ...headers });
}

export async function get(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

export async function bodyOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

export async function folderFor(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'framewire-tunnel-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
