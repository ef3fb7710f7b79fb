/** A relay, an agent, a destination and a caller, all on the loopback interface. */
import http, { type IncomingHttpHeaders, type RequestListener } from 'node:http';
import type { TestContext } from 'node:test';
import { connect, type Clock, type Connection } from 'framewire';
import { ManualClock } from 'framewire/testing';
import {
  openWspAgent,
  WspRelay,
  type WspAgent,
  type WspAgentOptions,
  type WspAgentOutcome,
  type WspConnectionEvent,
  type WspRelayOptions,
  type WspRequestOutcome,
} from '@framewire/tunnel';
import { turn, until } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';

/** What has happened, in order, for whoever waits for it. */
export class Events<Event> {
  readonly #events: Event[] = [];
  readonly #waiting: ((event: Event) => void)[] = [];
  readonly push = (event: Event): void => {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#events.push(event);
    else waiting(event);
  };

  next(): Promise<Event> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** A destination; its URL ends without a slash. */
export async function serveTarget(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, http.createServer(listener))}`;
}

export interface RelayRig {
  readonly relay: WspRelay;
  readonly port: number;
  readonly requests: Events<WspRequestOutcome>;
  readonly errors: Events<Error>;
}

export async function startRelay(t: TestContext, options: WspRelayOptions = {}): Promise<RelayRig> {
  const requests = new Events<WspRequestOutcome>();
  const errors = new Events<Error>();
  // Open on both sides, where the test says nothing else.
  const relay = new WspRelay({
    openRegistration: options.secretKey === undefined,
    openRequests: options.requestToken === undefined,
    onRequest: requests.push,
    onConnectionError: errors.push,
    ...options,
  });
  const server = http.createServer();
  relay.attach(server);
  const port = await listen(t, server);
  t.after(() => ended(relay.close({ timeout: 1 }), options.clock));
  return { relay, port, requests, errors };
}

/** Time that stands still would let nobody be given up. */
async function ended(closing: Promise<void>, clock: Clock | undefined): Promise<void> {
  let isOver = false;
  void closing.then(() => (isOver = true));
  while (!isOver) {
    if (clock instanceof ManualClock) clock.advance(10_000);
    await turn();
  }
}

export interface AgentRig {
  readonly agent: WspAgent;
  readonly requests: Events<WspAgentOutcome>;
  readonly connections: Events<WspConnectionEvent>;
}

export function startAgent(
  t: TestContext,
  port: number,
  options: Partial<WspAgentOptions> = {},
): AgentRig {
  const requests = new Events<WspAgentOutcome>();
  const connections = new Events<WspConnectionEvent>();
  const agent = openWspAgent({
    targets: `ws://127.0.0.1:${port}/register`,
    poolIdleSize: 1,
    onRequest: requests.push,
    onConnection: connections.push,
    ...options,
  });
  t.after(() => ended(agent.close({ timeout: 1 }), options.clock));
  return { agent, requests, connections };
}

/** An agent that does as the test says: its greeting is sent. */
export async function fakeAgent(
  t: TestContext,
  port: number,
  greeting: string = 'fake_1',
): Promise<Connection<undefined>> {
  const connection = await connect(`ws://127.0.0.1:${port}/register`);
  t.after(() => connection.terminate());
  await connection.send(greeting);
  return connection;
}

/** A relay and an agent of ours, whose connections are idle. */
export async function startWithAgent(
  t: TestContext,
  relayOptions: WspRelayOptions = {},
  agentOptions: Partial<WspAgentOptions> = {},
): Promise<RelayRig & { readonly agent: WspAgent; readonly executed: Events<WspAgentOutcome> }> {
  const rig = await startRelay(t, relayOptions);
  const { agent, requests: executed } = startAgent(t, rig.port, agentOptions);
  await untilIdle(rig.relay, agentOptions.poolIdleSize ?? 1);
  return { ...rig, agent, executed };
}

/** A relay and an agent that does as the test says, whose connection is idle. */
export async function startWithFake(
  t: TestContext,
  options: WspRelayOptions = {},
): Promise<RelayRig & { readonly agent: Connection<undefined> }> {
  const rig = await startRelay(t, options);
  const agent = await fakeAgent(t, rig.port);
  await untilIdle(rig.relay, 1);
  return { ...rig, agent };
}

/** The head of an answer, as a fake agent sends it. */
export const OK = '{"StatusCode":200,"Header":{},"ContentLength":-1}';

/** Resolves when as many connections are idle; a request that is refused tells nothing of it. */
export async function untilIdle(relay: WspRelay, count: number): Promise<void> {
  await until(() => relay.pools.reduce((sum, pool) => sum + pool.idle, 0) >= count);
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** False where it was cut off. */
  readonly isComplete: boolean;
}

export interface Asking {
  readonly method?: string;
  readonly destination?: string;
  readonly path?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
}

/** Asks a relay, as curl would. */
export async function ask(port: number, asking: Asking): Promise<Answer> {
  const request = begin(port, asking);
  // Node would write the headers of a text in UTF-8, too.
  request.end(asking.body === undefined ? undefined : Buffer.from(asking.body));
  return readAnswer(await responseTo(request));
}

export function begin(port: number, asking: Asking): http.ClientRequest {
  const { method = 'GET', destination, path = '/request', headers = {} } = asking;
  const request = http.request({
    host: '127.0.0.1',
    port,
    method,
    path,
    agent: false,
    headers: {
      ...(destination !== undefined && { 'X-PROXY-DESTINATION': destination }),
      ...headers,
    },
  });
  request.on('error', () => {});
  return request;
}

export function responseTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
}

export async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  response.on('data', (part: Buffer) => parts.push(part));
  response.on('error', () => {});
  await new Promise<void>((resolve) => response.once('close', resolve));
  const { statusCode = 0, headers, complete } = response;
  return {
    status: statusCode,
    headers,
    body: Buffer.concat(parts).toString(),
    isComplete: complete,
  };
}
