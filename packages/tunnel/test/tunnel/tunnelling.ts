/** A relay, an agent and a target on the loopback, and callers of all kinds. */
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  createToken,
  hashToken,
  openTunnel,
  TunnelRelay,
  type AgentEvent,
  type RelayOptions,
  type RequestEvent,
  type Tunnel,
  type TunnelOptions,
} from '@framewire/tunnel';

export const TOKEN: string = createToken();

export interface Relaying {
  readonly relay: TunnelRelay;
  readonly port: number;
  readonly agents: AgentEvent[];
  readonly requests: RequestEvent[];
}

/** A relay for `*.example.com` that knows one token. */
export async function startRelay(
  t: TestContext,
  options: RelayOptions = {},
  server: http.Server = http.createServer(),
): Promise<Relaying> {
  const agents: AgentEvent[] = [];
  const requests: RequestEvent[] = [];
  const relay = new TunnelRelay({
    domains: ['example.com'],
    tokens: [{ id: 'test', hash: hashToken(TOKEN), names: ['*'] }],
    observer: {
      onAgent: (event) => void agents.push(event),
      onRequest: (event) => void requests.push(event),
    },
    ...options,
  });
  relay.attach(server);
  const port = await listen(t, server);
  t.after(() => relay.close());
  return { relay, port, agents, requests };
}

export async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

export async function startTunnel(
  t: TestContext,
  relay: number,
  target: TunnelOptions['target'],
  options: Partial<TunnelOptions> = {},
): Promise<Tunnel> {
  const tunnel = await openTunnel(`ws://127.0.0.1:${relay}`, {
    name: 'app',
    token: TOKEN,
    target,
    backoff: { minDelay: 10, maxDelay: 50 },
    ...options,
  });
  t.after(() => tunnel.close(0));
  return tunnel;
}

export interface Whole extends Relaying {
  readonly tunnel: Tunnel;
  readonly target: http.Server;
  readonly targetPort: number;
}

/** All of it, for a target that answers so. */
export async function startAll(
  t: TestContext,
  listener: RequestListener,
  options: { readonly relay?: RelayOptions; readonly tunnel?: Partial<TunnelOptions> } = {},
): Promise<Whole> {
  const target = http.createServer(listener);
  const targetPort = await listen(t, target);
  const relaying = await startRelay(t, options.relay);
  const tunnel = await startTunnel(t, relaying.port, targetPort, options.tunnel);
  return { ...relaying, tunnel, target, targetPort };
}

export const HOST = 'app.example.com';

/** Begins a request of a caller, each on a connection of its own unless an agent is given. */
export function ask(port: number, options: http.RequestOptions = {}): http.ClientRequest {
  const { headers, ...rest } = options;
  return http
    .request({
      port,
      host: '127.0.0.1',
      agent: false,
      ...rest,
      headers: { Host: HOST, ...headers },
    })
    .on('error', () => {});
}

export async function responseOf(request: http.ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response;
}

export async function bodyOf(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response as AsyncIterable<Buffer>) body += chunk.toString('latin1');
  return body;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export async function get(
  port: number,
  path = '/',
  options: http.RequestOptions = {},
  content?: string | Uint8Array,
): Promise<Answer> {
  const request = ask(port, { path, ...options });
  request.end(content);
  const response = await responseOf(request);
  const body = await bodyOf(response);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
