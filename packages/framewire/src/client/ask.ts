/** The opening handshake with one server, by whatever way and version of HTTP the plan says. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { OpeningStreamOptions } from '../connection/opening-stream.ts';
import { HandshakeError } from '../errors.ts';
import type { ClientRequest } from '../handshake/client-handshake.ts';
import { askOverAgent } from './agent-opening.ts';
import type { Answer } from './answer.ts';
import type { Plan } from './connect-options.ts';
import { dial, dialled } from './dial.ts';
import type { Hop } from './hop.ts';
import { askOverHttp1 } from './http1-opening.ts';
import { askOverHttp2 } from './http2-opening.ts';
import { findRoute } from './http2-sessions.ts';

/** Sessions that are tried until one takes the request (RFC 9113 §8.7). */
const MAX_SESSIONS = 3;

interface AskOptions extends OpeningStreamOptions {
  readonly signal: AbortSignal;
}

/** Rejects with `HandshakeError`, or with the signal's reason, and leaves nothing behind then. */
export async function ask(
  hop: Hop,
  request: ClientRequest,
  plan: Plan,
  signal: AbortSignal,
): Promise<Answer> {
  const { destination } = hop;
  const { agent, transport, httpVersion, settings } = plan;
  const options: AskOptions = { clock: settings.clock, signal, url: destination.url };
  if (transport !== undefined) {
    return askOverHttp1(await dialled(transport, signal), request, options);
  }
  if (agent !== undefined) {
    const { tls } = hop.dialling;
    return askOverAgent(destination, request, { ...options, agent, tls });
  }
  if (httpVersion === 1 || (httpVersion === 'auto' && !destination.isSecure)) {
    return askDialled(hop, undefined, request, options);
  }
  return askEither(hop, httpVersion === 2, request, options);
}

/** Over HTTP/2, and unless that is required, over HTTP/1.1 where the server has it there only. */
async function askEither(
  hop: Hop,
  required: boolean,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer> {
  const { destination, dialling } = hop;
  const scheme = destination.isSecure ? 'https' : 'http';
  for (let session = 0; session < MAX_SESSIONS; session++) {
    const route = await findRoute(destination, dialling, required, options.signal);
    if (route.kind === 'http1') return askDialled(hop, route.duplex, request, options);
    const answer = await askOverHttp2(route.session, scheme, request, options);
    if (answer !== undefined) return answer;
  }
  throw new HandshakeError('ERR_WS_HTTP2', `${MAX_SESSIONS} sessions refused the stream`);
}

async function askDialled(
  { destination, dialling }: Hop,
  ready: Duplex | undefined,
  request: ClientRequest,
  options: AskOptions,
): Promise<Answer> {
  const duplex = ready ?? (await dial(destination, dialling, ['http/1.1'], options.signal));
  const answer = await askOverHttp1(duplex, request, options);
  if (dialling.tcp.noDelay === false && duplex instanceof Socket) duplex.setNoDelay(false);
  return answer;
}
