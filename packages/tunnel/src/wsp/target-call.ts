/** A request to a destination by Node's client: no proxy of the environment, no decoding, no trust. */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Timer } from 'framewire';
import { guardedLookup } from '../addresses.ts';
import { TunnelError } from '../errors.ts';
import { IDEMPOTENT } from '../http/methods.ts';
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

/** Begins a request; whoever calls writes the body, if there is one, and ends it. */
export class TargetCall {
  /** The head of the answer. Rejects with a `TunnelError`. */
  readonly response: Promise<IncomingMessage>;
  readonly #url: URL;
  readonly #head: RequestHead;
  readonly #settings: AgentSettings;
  readonly #isRepeatable: boolean;
  #request: ClientRequest;
  #hasRepeated = false;
  #timer: Timer | undefined;
  #answered!: (response: IncomingMessage) => void;
  /** Undefined once the response is decided. */
  #failed: ((error: TunnelError) => void) | undefined;

  constructor(url: URL, head: RequestHead, settings: AgentSettings) {
    this.#url = url;
    this.#head = head;
    this.#settings = settings;
    this.#isRepeatable = head.contentLength === 0 && IDEMPOTENT.has(head.method);
    this.response = new Promise<IncomingMessage>((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
    });
    this.response.catch(() => {});
    this.#request = this.#ask();
  }

  get request(): ClientRequest {
    return this.#request;
  }

  /** Ends it in any of its phases: a request that has no socket yet would not tell of its end. */
  cancel(error: TunnelError): void {
    this.#fail(error);
    this.#request.destroy(error);
  }

  /** Whatever is left of it: nothing where it is over. */
  end(): void {
    this.#request.destroy();
  }

  #ask(): ClientRequest {
    const request = this.#send();
    const onConnected = (): void => this.#timer?.cancel();
    this.#timer = this.#settings.clock.setTimer(this.#settings.connectTimeout, () => {
      this.cancel(new TunnelError('ERR_TUNNEL_CONNECT_TIMEOUT'));
    });
    request.once('socket', (socket) => {
      if (!socket.connecting) onConnected();
      else socket.once('connect', onConnected);
    });
    // Nobody asked for it, and wsp could not carry it.
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      this.cancel(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', 'it switched protocols'));
    });
    request.once('response', (response) => {
      this.#failed = undefined;
      this.#answered(response);
    });
    // Later errors destroy the answer as well.
    request.on('error', (error) => this.#onError(request, error));
    request.once('close', () => this.#onClose(request));
    if (this.#isRepeatable) request.end();
    return request;
  }

  #send(): ClientRequest {
    const { protocol, port, pathname, search } = this.#url;
    const isSecure = protocol === 'https:';
    const { httpAgent, httpsAgent, keepAlive, single, allowLinkLocal, maxHeadSize } =
      this.#settings;
    // A kept connection may be about to close: only what can be sent again is sent on it.
    const ours = this.#isRepeatable && !this.#hasRepeated ? keepAlive : single;
    const options: RequestOptions = {
      method: this.#head.method,
      host: hostnameOf(this.#url),
      port: port === '' ? (isSecure ? 443 : 80) : port,
      path: `${pathname}${search}`,
      headers: headersFor(this.#url, this.#head),
      agent: isSecure ? (httpsAgent ?? ours.https) : (httpAgent ?? ours.http),
      setHost: false,
      // A name is looked up, an address is not: that is judged before.
      ...(!allowLinkLocal && { lookup: guardedLookup }),
      // Node's own bound would be less than what the wire may carry.
      maxHeaderSize: maxHeadSize,
    };
    return isSecure ? https.request(options) : http.request(options);
  }

  #onError(request: ClientRequest, error: Error): void {
    if (this.#failed === undefined || request !== this.#request) return;
    if (request.reusedSocket && this.#isRepeatable && !this.#hasRepeated) {
      this.#hasRepeated = true;
      this.#timer?.cancel();
      this.#request = this.#ask();
      return;
    }
    this.cancel(toTunnelError(error));
  }

  #onClose(request: ClientRequest): void {
    if (request !== this.#request) return;
    this.#timer?.cancel();
    if (this.#failed !== undefined) this.#fail(new TunnelError('ERR_TUNNEL_ABORTED'));
  }

  #fail(error: TunnelError): void {
    const failed = this.#failed;
    this.#failed = undefined;
    failed?.(error);
  }
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
