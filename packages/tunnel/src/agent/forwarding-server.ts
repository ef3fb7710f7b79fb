/** An agent that reads what it passes on: for rules, and for whoever looks on, such as the inspector. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from 'framewire';
import { TunnelError } from '../errors.ts';
import { answerError, answerUpgradeError } from '../http/answer-error.ts';
import { MAX_ANSWER_HEAD } from '../http/client/answer-reader.ts';
import { ConnectionPool } from '../http/client/connection-pool.ts';
import { forwardRequest } from '../http/forward-request.ts';
import { forwardUpgrade } from '../http/forward-upgrade.ts';
import { refusedOutcome, requireLimits, type ForwardLimits } from '../http/forward.ts';
import type { OnlookedServer, Onlooker } from './onlooker.ts';
import type { AddressTarget, DialTargetOptions } from './target.ts';
import { dialTarget } from './target.ts';
import { isAllowedUpgrade } from './target-rules.ts';

export interface ForwardingServerOptions {
  readonly target: AddressTarget;
  readonly dialling: DialTargetOptions;
  readonly limits: ForwardLimits;
  readonly isAllowed: (method: string, target: string) => boolean;
  /** Whether only upgrades to WebSockets pass: where there are rules, which others would evade. */
  readonly isStrict: boolean;
  readonly onlooker: Onlooker | undefined;
  readonly clock?: Clock | undefined;
}

/** Connections to the target that wait for requests. */
const MOST_IDLE = 256;

/** An HTTP server that never listens: it is given its connections. */
export function createForwardingServer(options: ForwardingServerOptions): http.Server {
  const { target, dialling, isAllowed, isStrict, onlooker, clock = systemClock } = options;
  const limits = requireLimits(options.limits);
  const connections = new ConnectionPool({
    // A connection that the target has ended is of no use for another request.
    open: () => dialTarget(target, dialling, false),
    clock,
    mostIdle: MOST_IDLE,
  });
  const upstream = { connections };
  // The relay has bounded the head, and watches over the time until it has come.
  const server = http.createServer({
    requestTimeout: 0,
    headersTimeout: 0,
    maxHeaderSize: MAX_ANSWER_HEAD,
    keepAliveTimeout: 60_000,
  });
  const onlooked: OnlookedServer = {
    target: target.url,
    accept: (connection) => void server.emit('connection', connection),
  };
  const forbidden = (request: IncomingMessage, isUpgrade: boolean): TunnelError | undefined =>
    isAllowed(request.method ?? '', request.url ?? '') &&
    !(isUpgrade && isStrict && !isAllowedUpgrade(request))
      ? undefined
      : new TunnelError('ERR_TUNNEL_FORBIDDEN', `${request.method} ${request.url}`);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const error = forbidden(request, false);
    const watching = onlooker?.onRequest(request, false, onlooked);
    if (error !== undefined) {
      answerError(request, response, error);
      watching?.onOutcome(refusedOutcome(error));
      return;
    }
    const hooks = watching === undefined ? {} : { hooks: watching };
    void forwardRequest(request, response, upstream, { limits, clock, ...hooks }).then((outcome) =>
      watching?.onOutcome(outcome),
    );
  };
  server.on('request', onRequest).on('checkContinue', onRequest);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const error = forbidden(request, true);
    const watching = onlooker?.onRequest(request, true, onlooked);
    if (error !== undefined) {
      answerUpgradeError(request, socket, error);
      watching?.onOutcome(refusedOutcome(error));
      return;
    }
    const hooks = watching === undefined ? {} : { hooks: watching };
    void forwardUpgrade(request, socket, head, upstream, { limits, clock, ...hooks }).then(
      (outcome) => watching?.onOutcome(outcome),
    );
  });
  server.on('close', () => connections.dropIdle());
  return server;
}
