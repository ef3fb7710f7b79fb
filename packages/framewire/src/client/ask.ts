/** The opening handshake with one server, by whatever way and version of HTTP the plan says. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HandshakeError } from '../errors.ts';
import { clientRequestHead, type ClientRequest } from '../handshake/client-handshake.ts';
import { connectFields } from '../handshake/extended-connect.ts';
import { askOverAgent } from './agent-opening.ts';
import type { Answer, AskOptions } from './answer.ts';
import type { Plan } from './connect-options.ts';
import type { Deadline } from './deadline.ts';
import { chooseProxy, dial, dialled, speaksHttp2, type Way } from './dial.ts';
import { askOverHttp1 } from './http1-opening.ts';
import { askOverHttp2 } from './http2-opening.ts';
import { findRoute } from './http2-sessions.ts';
import type { Destination } from './url.ts';
import type { Visit } from './visit.ts';

/** Sessions that are tried until one takes the request (RFC 9113 §8.7). */
const MAX_SESSIONS = 3;

/** Rejects with `HandshakeError`, or with the deadline's reason, and leaves nothing behind then. */
export async function ask(
  visit: Visit,
  request: ClientRequest,
  plan: Plan,
  deadline: Deadline,
): Promise<Answer> {
  const { destination, dialling } = visit;
  const { agent, transport, httpVersion, settings } = plan;
  const { clock, closeTimeout } = settings;
  const options: AskOptions = { clock, closeTimeout, deadline, url: destination.url };
  if (transport !== undefined) {
    const head = clientRequestHead(request);
    return askOverHttp1(await dialled(transport, deadline), head, request, options);
  }
  if (agent !== undefined) {
    return askOverAgent(destination, request, { ...options, agent, tls: dialling.tls });
  }
  const proxy = await chooseProxy(dialling.proxy, destination, deadline);
  const way: Way = { ...dialling, proxy };
  if (httpVersion === 1 || (httpVersion === 'auto' && !destination.isSecure)) {
    return askDialled(destination, way, undefined, request, options);
  }
  return askEither(destination, way, httpVersion === 2, request, options);
}

/** Over HTTP/2, and unless that is required, over HTTP/1.1 where the server has it there only. */
async function askEither(
  destination: Destination,
  way: Way,
  required: boolean,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer> {
  // Composed before anything is dialled, so that a bad header costs no connection.
  const fields = connectFields(request, destination.isSecure ? 'https' : 'http');
  for (let session = 0; session < MAX_SESSIONS; session++) {
    const route = await findRoute(destination, way, required, options);
    if (route.kind === 'http1') {
      return askDialled(destination, way, route.duplex, request, options);
    }
    const answer = await askOverHttp2(route.session, fields, request, options);
    if (typeof answer === 'object') return answer;
    if (answer === 'again') continue;
    if (!required) break;
    throw new HandshakeError('ERR_WS_HTTP2', 'it wants the request by HTTP/1.1');
  }
  if (!required) return askDialled(destination, way, undefined, request, options);
  throw new HandshakeError('ERR_WS_NETWORK', `${MAX_SESSIONS} HTTP/2 sessions refused the stream`);
}

async function askDialled(
  destination: Destination,
  way: Way,
  ready: Duplex | undefined,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer> {
  // Made before anything is dialled, so that a bad header costs no connection.
  const head = clientRequestHead(request);
  const duplex = ready ?? (await dial(destination, way, ['http/1.1'], options));
  if (speaksHttp2(duplex)) {
    duplex.destroy();
    throw new HandshakeError('ERR_WS_NETWORK', 'h2 was chosen where http/1.1 was offered (ALPN)');
  }
  const answer = await askOverHttp1(duplex, head, request, options);
  if (way.tcp.noDelay === false && duplex instanceof Socket) duplex.setNoDelay(false);
  return answer;
}
