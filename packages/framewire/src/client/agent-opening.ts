/** Asking through an `http.Agent`, which dials in its own way: with the HTTP client of Node. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { OpeningStream } from '../connection/opening-stream.ts';
import { Transport } from '../connection/transport.ts';
import { HandshakeError } from '../errors.ts';
import { judgeResponse, upgradeFields, type ClientRequest } from '../handshake/client-handshake.ts';
import { toFieldRecord } from '../handshake/field-record.ts';
import { headersFromRaw } from '../handshake/header-values.ts';
import { DEFAULT_HEAD_LIMITS, type ResponseHead } from '../handshake/http1-head.ts';
import { answerOn, type Answer, type AskOptions, type Refused } from './answer.ts';
import type { Deadline } from './deadline.ts';
import { MAX_INFORMATIONAL, tooManyInformational } from './informational.ts';
import type { Destination } from './url.ts';

export interface AgentOpeningOptions extends AskOptions {
  readonly agent: http.Agent;
  readonly tls: TlsOptions;
}

export function askOverAgent(
  destination: Destination,
  request: ClientRequest,
  options: AgentOpeningOptions,
): Promise<Answer> {
  const { agent, deadline, tls } = options;
  const { isSecure, hostname, port, socketPath, target } = destination;
  const { request: send } = isSecure ? https : http;
  return new Promise((resolve, reject) => {
    const asking = send({
      ...(isSecure && tls),
      agent,
      host: hostname,
      port,
      socketPath,
      path: target,
      headers: toFieldRecord(upgradeFields(request)),
      maxHeaderSize: DEFAULT_HEAD_LIMITS.maxHeadSize,
    });
    const expiry = deadline.onExpire((reason) => {
      reject(reason);
      asking.destroy();
    });
    let informational = 0;
    asking
      .on('error', (cause) =>
        reject(new HandshakeError('ERR_WS_NETWORK', cause.message, { cause })),
      )
      .on('close', () => expiry[Symbol.dispose]())
      .on('information', () => {
        informational++;
        if (informational <= MAX_INFORMATIONAL) return;
        reject(tooManyInformational());
        asking.destroy();
      })
      .on('upgrade', (response, socket, early) => {
        resolve(upgraded(response, socket, early, request, options));
      })
      .on('response', (response) => resolve(refused(response, deadline)))
      .end();
  });
}

function upgraded(
  response: IncomingMessage,
  socket: Socket,
  early: Buffer,
  request: ClientRequest,
  options: AskOptions,
): Answer {
  if (early.length > 0) socket.unshift(early);
  const head = toHead(response);
  const stream = new OpeningStream(new Transport(socket), options);
  return answerOn(stream, head, head.status === 101, () => judgeResponse(head, request));
}

function refused(response: IncomingMessage, deadline: Deadline): Refused {
  response.on('error', () => {});
  const octets = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  const expiry = deadline.onExpire(() => response.destroy());
  return {
    isAccepted: false,
    head: toHead(response),
    body: { next: async () => (await octets.next()).value },
    destroy: () => {
      expiry[Symbol.dispose]();
      response.destroy();
    },
  };
}

/** Node has taken the body out of its chunks. */
function toHead(response: IncomingMessage): ResponseHead {
  const headers = headersFromRaw(response.rawHeaders);
  headers.delete('transfer-encoding');
  return {
    httpVersion: response.httpVersion === '1.0' ? '1.0' : '1.1',
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers,
    cookies: response.headers['set-cookie'] ?? [],
  };
}
