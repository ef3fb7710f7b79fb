/** RFC 6455 §4.1 — a client's opening handshake, from the URL to the open connection. */
import { Connection } from '../connection/connection.ts';
import { HandshakeError } from '../errors.ts';
import type { Accepted, Refused } from './answer.ts';
import { ask } from './ask.ts';
import { resolvePlan, type ConnectOptions, type Plan } from './connect-options.ts';
import { keepCookies } from './cookies.ts';
import { Deadline } from './deadline.ts';
import { sharesOrigin, redirectOf } from './redirects.ts';
import { readRefusal } from './refusal.ts';
import { parseUrl, type Destination } from './url.ts';
import { firstVisit, nextVisit, requestOf, type Visit } from './visit.ts';

/**
 * Opens a connection. Rejects with a `TypeError` or `RangeError` for bad arguments, `HandshakeError`
 * when the server or a proxy refuses, answers wrongly or cannot be reached (`cause` has the network's
 * error), `TimeoutError` after `handshakeTimeout`, and the signal's reason when aborted. What a function
 * among the options throws is told as it is, unless the function dials: `dial` and `dialTls` stand for the
 * network, and what they throw is the `cause` where the network's error would be. Whatever the outcome,
 * nothing stays behind.
 */
export async function connect(
  url: string | URL,
  options: ConnectOptions = {},
): Promise<Connection<undefined>> {
  let destination = parseUrl(url, options.socketPath);
  const plan = resolvePlan(options);
  plan.signal?.throwIfAborted();
  const deadline = new Deadline(plan.settings.clock, plan.handshakeTimeout, plan.signal);
  try {
    let visit = await firstVisit(destination, plan, deadline);
    for (let redirects = 0; ; redirects++) {
      const request = await requestOf(visit, plan, deadline);
      const answer = await ask(visit, request, plan, deadline);
      try {
        const { cookieJar } = plan;
        if (cookieJar !== undefined) {
          await keepCookies(cookieJar, destination, answer.head, deadline);
        }
        if (answer.isAccepted) return open(answer, destination, plan);
        destination = await nextDestination(answer, visit, plan, redirects);
      } catch (error) {
        answer.destroy();
        throw error;
      }
      answer.destroy();
      visit = nextVisit(destination, visit);
    }
  } catch (error) {
    throw withUrl(error, destination.url);
  } finally {
    deadline.end();
  }
}

/** Where to ask next; rejects with the refusal, unless it is a redirect that is to be followed. */
async function nextDestination(
  { head, body }: Refused,
  { destination }: Visit,
  { maxRedirects, settings, agent }: Plan,
  redirects: number,
): Promise<Destination> {
  const next = maxRedirects === 0 ? undefined : redirectOf(head, destination);
  if (next instanceof HandshakeError) throw next;
  if (next === undefined) throw await readRefusal(body, head, settings.clock);
  const { status, headers } = head;
  const isForeign = agent !== undefined && !sharesOrigin(next, destination);
  if (redirects < maxRedirects && !isForeign) return next;
  const detail = isForeign
    ? `${status} to ${next.url}, for which the agent may have what is another's`
    : `${maxRedirects} were followed, and ${next.url} is one more`;
  throw new HandshakeError('ERR_WS_REDIRECT', detail, { status, headers });
}

function open(
  answer: Accepted,
  { url }: Destination,
  { settings, handler }: Plan,
): Connection<undefined> {
  const agreement = answer.judge();
  if (agreement instanceof HandshakeError) throw agreement;
  const { status, headers } = answer.head;
  const compression = settings.perMessageDeflate?.judge(agreement.extensions);
  if (typeof compression === 'string') {
    throw new HandshakeError('ERR_WS_EXTENSION', compression, { status, headers });
  }
  const { transport, early } = answer.release();
  const connection = new Connection<undefined>({
    endpoint: { role: 'client', settings, handler },
    transport,
    url,
    protocol: agreement.protocol,
    compression,
    context: undefined,
    responseHeaders: headers,
  });
  if (answer.onEnd !== undefined) void connection.closed.then(answer.onEnd);
  connection.start(early, undefined);
  return connection;
}

/** A `HandshakeError` tells the URL, wherever it was made. */
function withUrl(error: unknown, url: string): unknown {
  if (!(error instanceof HandshakeError) || error.url !== undefined) return error;
  return Object.assign(error, { url });
}
