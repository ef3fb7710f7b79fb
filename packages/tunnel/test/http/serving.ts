/** A gateway made of what is tested, in front of whatever listens. */
import http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { systemClock } from 'framewire';
import { ConnectionPool } from '#src/http/client/connection-pool.js';
import { DEFAULT_FORWARD_LIMITS, type ForwardLimits } from '#src/http/forward.js';
import type { ForwardOptions, ForwardOutcome } from '#src/http/forward.js';
import { forwardRequest } from '#src/http/forward-request.js';
import { forwardUpgrade } from '#src/http/forward-upgrade.js';
import { within } from '@framewire/test-support/waiting';
import { listen } from '../listening.ts';
import { RawPeer, RawTarget } from './raw.ts';

export interface GatewayOptions extends ForwardOptions {
  /** Opens a connection to whoever serves. Default a socket to the port. */
  readonly open?: () => Duplex;
  readonly server?: http.ServerOptions;
}

export interface Gateway {
  readonly port: number;
  /** Connections to whoever serves, in the order in which they were opened. */
  readonly opened: readonly Duplex[];
  /** The outcome of the next request that has none yet. */
  outcome(): Promise<ForwardOutcome>;
}

export function connectionsTo(t: TestContext, open: () => Duplex): ConnectionPool {
  const pool = new ConnectionPool({ open, clock: systemClock, mostIdle: 256 });
  t.after(() => pool.dropIdle());
  return pool;
}

/** A socket to a port of this machine. */
export function dial(port: number): net.Socket {
  return net.connect({ port, host: '127.0.0.1', noDelay: true });
}

export function limits(changes: Partial<ForwardLimits>): ForwardLimits {
  return { ...DEFAULT_FORWARD_LIMITS, ...changes };
}

/** An HTTP server whose requests and upgrades all go to the port. */
export async function gateway(
  t: TestContext,
  port: number,
  { open, server: serverOptions = {}, ...options }: GatewayOptions = {},
): Promise<Gateway> {
  const opened: Duplex[] = [];
  const connections = connectionsTo(t, () => {
    const stream = open?.() ?? dial(port);
    opened.push(stream);
    return stream;
  });
  const to = { connections };
  const outcomes: Promise<ForwardOutcome>[] = [];
  const waiting: ((outcome: Promise<ForwardOutcome>) => void)[] = [];
  const note = (outcome: Promise<ForwardOutcome>): void => {
    const next = waiting.shift();
    if (next === undefined) outcomes.push(outcome);
    else next(outcome);
  };
  const forward: http.RequestListener = (request, response) => {
    note(forwardRequest(request, response, to, options));
  };
  const server = http
    .createServer(serverOptions, forward)
    .on('checkContinue', forward)
    .on('upgrade', (request, socket, head) => {
      note(forwardUpgrade(request, socket, head, to, options));
    });
  return {
    port: await listen(t, server),
    opened,
    outcome: () => {
      const outcome = outcomes.shift();
      return within(
        outcome ?? new Promise<ForwardOutcome>((resolve) => waiting.push(resolve)),
        'the outcome',
      );
    },
  };
}

/** A raw caller of the gateway; it is gone when the test ends. */
export async function call(t: TestContext, { port }: Gateway): Promise<RawPeer> {
  const caller = await RawPeer.dial(port);
  t.after(() => caller.socket.destroy());
  return caller;
}

export interface Begun {
  readonly raw: RawTarget;
  readonly front: Gateway;
  readonly caller: RawPeer;
  /** The target's end of the connection that the gateway has opened; nothing of it is read. */
  readonly asked: RawPeer;
}

/** A request from a raw caller through a gateway to a raw target. */
export async function begin(
  t: TestContext,
  request: string,
  options: GatewayOptions = {},
): Promise<Begun> {
  const raw = await RawTarget.start(t);
  const front = await gateway(t, raw.port, options);
  const caller = await call(t, front);
  caller.send(request);
  return { raw, front, caller, asked: await raw.next() };
}

/** A target of Node's own. */
export function target(t: TestContext, listener: http.RequestListener): Promise<number> {
  return listen(t, http.createServer(listener));
}

export const GET = 'GET / HTTP/1.1\r\nHost: demo.example\r\n\r\n';
