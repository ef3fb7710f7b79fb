/** A request to a destination by Node's client: no proxy of the environment, no decoding, no trust. */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { guardedLookup } from '../addresses.ts';
import { TunnelError } from '../errors.ts';
import type { AgentSettings } from './agent-options.ts';
import { rawHeadersOf, withoutHopByHop, type Fields } from './fields.ts';
import type { RequestHead } from './wire.ts';

/** What is ours to say: the length by the head, and what only the relay's caller meant. */
const OURS: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'host',
  'x-proxy-destination',
]);

export interface TargetCall {
  readonly request: ClientRequest;
  /** The head of the answer. Rejects with a `TunnelError`. */
  readonly response: Promise<IncomingMessage>;
  /** Ends it in any of its phases: a request that has no socket yet would not tell of its end. */
  cancel(error: TunnelError): void;
}

/** Begins a request; whoever calls writes the body, and ends it. */
export function callTarget(url: URL, head: RequestHead, settings: AgentSettings): TargetCall {
  const isSecure = url.protocol === 'https:';
  const options: RequestOptions = {
    method: head.method,
    host: hostnameOf(url),
    port: url.port === '' ? (isSecure ? 443 : 80) : url.port,
    path: `${url.pathname}${url.search}`,
    headers: headersFor(url, head),
    // A kept connection may be about to close, and what was sent on it could not be sent again.
    agent: (isSecure ? settings.httpsAgent : settings.httpAgent) ?? false,
    setHost: false,
    // A name is looked up, an address is not: that is judged before.
    ...(!settings.allowLinkLocal && { lookup: guardedLookup }),
    // Node's own bound would be less than what the wire may carry.
    maxHeaderSize: settings.maxHeadSize,
  };
  const request = isSecure ? https.request(options) : http.request(options);
  // Its fate is the promise's; later errors destroy the answer as well.
  request.on('error', () => {});
  let reject!: (error: TunnelError) => void;
  const response = new Promise<IncomingMessage>((resolve, onError) => {
    reject = onError;
    request.once('response', resolve);
  });
  response.catch(() => {});
  const cancel = (error: TunnelError): void => {
    reject(error);
    request.destroy(error);
  };
  watchCall(request, cancel, settings);
  return { request, response, cancel };
}

/** Without the brackets of an IPv6 address. */
export function hostnameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** Node wants pairs in one list, with Host first as clients do it. */
function headersFor(url: URL, { method, fields, contentLength }: RequestHead): string[] {
  const headers = ['Host', url.host, ...rawHeadersOf(withoutHopByHop(fields, OURS))];
  if (contentLength > 0) headers.push('Content-Length', String(contentLength));
  else if (contentLength < 0) headers.push('Transfer-Encoding', 'chunked');
  // RFC 9110 §8.6: a method that is about a body says that it has none.
  else if (!/^(?:GET|HEAD|DELETE|OPTIONS|TRACE)$/.test(method)) headers.push('Content-Length', '0');
  return headers;
}

function watchCall(
  request: ClientRequest,
  cancel: (error: TunnelError) => void,
  { clock, connectTimeout }: AgentSettings,
): void {
  const timer = clock.setTimer(connectTimeout, () => {
    cancel(new TunnelError('ERR_TUNNEL_CONNECT_TIMEOUT'));
  });
  const onConnected = (): void => timer.cancel();
  request.once('socket', (socket) => {
    if (!socket.connecting) onConnected();
    else socket.once('connect', onConnected);
  });
  // Nobody asked for it, and wsp could not carry it.
  request.once('upgrade', (_response, socket) => {
    socket.destroy();
    cancel(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', 'it switched protocols'));
  });
  request.once('error', (error) => cancel(toTunnelError(error)));
  request.once('close', () => {
    timer.cancel();
    cancel(new TunnelError('ERR_TUNNEL_ABORTED'));
  });
}

function toTunnelError(error: Error): TunnelError {
  if (TunnelError.isInstance(error)) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code.startsWith('HPE_')) {
    return new TunnelError('ERR_TUNNEL_BAD_RESPONSE', error.message, { cause: error });
  }
  // Several addresses were tried: what happened is in each of them.
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  const { message } = first ?? error;
  return new TunnelError('ERR_TUNNEL_TARGET_UNREACHABLE', message, { cause: error });
}

/**
 * The request that follows a redirect (RFC 9110 §15.4), or undefined where the answer is to be passed
 * on: it is no redirect, leads nowhere, or needs a body that has gone by.
 */
export function redirectedHead(
  head: RequestHead,
  from: URL,
  response: IncomingMessage,
): { readonly written: string; readonly head: RequestHead } | undefined {
  const { statusCode = 0, headers } = response;
  const { location } = headers;
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined;
  if (!URL.canParse(location, from.href)) return undefined;
  const to = new URL(location, from.href);
  const becomesGet =
    (statusCode === 303 && head.method !== 'HEAD') || (statusCode < 303 && head.method === 'POST');
  if (head.contentLength !== 0 && !becomesGet) return undefined;
  const method = becomesGet ? 'GET' : head.method;
  const fields = followedFields(head.fields, to.origin !== from.origin, becomesGet);
  return { written: to.href, head: { method, url: to.href, fields, contentLength: 0 } };
}

function followedFields(fields: Fields, isForeign: boolean, becomesGet: boolean): Fields {
  const kept = new Map(fields);
  if (isForeign) for (const name of ['Authorization', 'Cookie']) kept.delete(name);
  for (const name of kept.keys()) {
    if (becomesGet && name.startsWith('Content-')) kept.delete(name);
  }
  return kept;
}
