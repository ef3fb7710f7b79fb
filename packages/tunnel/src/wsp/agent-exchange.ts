/** One request of a relay: read, held against the rules, executed, answered. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isRefused, refusal } from '../addresses.ts';
import { TunnelError } from '../errors.ts';
import type { AgentSettings, Refused } from './agent-options.ts';
import { contentLengthOf, fieldsOf, withoutHopByHop } from './fields.ts';
import type { WspPeer } from './peer.ts';
import { parseDestination, type Destination, type Verdict } from './rules.ts';
import { hostnameOf, redirectedHead, TargetCall } from './target-call.ts';
import { Watch } from './watch.ts';
import { AGENT_FAILED, encodeResponseHead, wireError, type RequestHead } from './wire.ts';

const MAX_REDIRECTS = 10;
const NOTHING: ReadonlySet<string> = new Set();

type Target = Destination & { readonly url: URL };

export class AgentExchange {
  readonly #peer: WspPeer;
  readonly #settings: AgentSettings;
  readonly #watch: Watch;
  /** The request that runs, to be ended when the relay is gone. */
  #call: TargetCall | undefined;
  #isAnswering = false;
  status: number | undefined;
  error: Error | undefined;
  requestOctets = 0;
  responseOctets = 0;

  constructor(peer: WspPeer, settings: AgentSettings) {
    this.#peer = peer;
    this.#settings = settings;
    this.#watch = new Watch(settings.clock, (error) => this.#onStall(error));
  }

  /**
   * Resolves when the request was read to its end and the answer was sent to its. Rejects with a
   * `TunnelError` where either was cut off; the connection has to go then.
   */
  async run(head: RequestHead): Promise<void> {
    this.#expectProgress();
    try {
      const target = this.#judge(head, head.url);
      if ('text' in target) await Promise.all([this.#drain(), this.#refuse(target)]);
      else await this.#execute(head, target);
    } catch (error) {
      this.error = this.#peer.reasonFor(error);
      throw this.error;
    } finally {
      this.#watch.stop();
      this.#call?.end();
    }
  }

  /** The relay is gone, and with it whoever asked. */
  abort(): void {
    this.#call?.cancel(new TunnelError('ERR_TUNNEL_ABORTED', 'the relay is gone'));
  }

  #judge(head: RequestHead, written: string): Target | Refused {
    const target = parseDestination(written);
    if (target === undefined || head.method === 'CONNECT') {
      const error = wireError('this is nothing to be asked of a destination');
      return { text: `Unable to deserialize http request : ${error.message}\n`, error };
    }
    const verdict = this.#settings.rules.judge(head.method, target, head.fields);
    if (verdict !== 'allowed') return forbidden(verdict);
    const host = hostnameOf(target.url);
    // One that is a name is judged when it is looked up.
    const isBad = !this.#settings.allowLinkLocal && isIP(host) !== 0 && isRefused(host);
    return isBad ? forbidden('forbidden', refusal(host, host)) : target;
  }

  async #execute(head: RequestHead, target: Target): Promise<void> {
    const call = new TargetCall(target.url, head, this.#settings);
    this.#call = call;
    const uploaded = this.#upload(call, head.contentLength);
    // Where the relay cuts it off, or sends what is none, nobody is there to be answered.
    uploaded.catch((error: unknown) => this.#peer.fail(this.#peer.reasonFor(error)));
    const outcome = await this.#responseTo(head, target, call);
    if ('text' in outcome) {
      call.cancel(outcome.error);
      await Promise.all([uploaded, this.#refuse(outcome)]);
      return;
    }
    await this.#answer(outcome);
    // What is left of the request is for nobody: it is read so that the next one can come.
    if (!call.request.writableFinished) call.request.destroy();
    await uploaded;
  }

  /** The answer to be passed on, after the redirects that are to be followed. */
  async #responseTo(
    head: RequestHead,
    target: Target,
    first: TargetCall,
  ): Promise<IncomingMessage | Refused> {
    let [call, from, asked] = [first, target, head];
    for (let hops = 0; ; hops++) {
      let response: IncomingMessage;
      try {
        response = await call.response;
      } catch (error) {
        return unableToExecute(asked, error as TunnelError);
      }
      const next = this.#settings.followRedirects && redirectedHead(asked, from.url, response);
      if (next === false || next === undefined) return response;
      response.destroy();
      if (hops === MAX_REDIRECTS) {
        return unableToExecute(asked, new TunnelError('ERR_TUNNEL_BAD_RESPONSE', 'redirects'));
      }
      const to = this.#judge(next.head, next.written);
      if ('text' in to) return to;
      [from, asked] = [to, next.head];
      call = new TargetCall(to.url, asked, this.#settings);
      this.#call = call;
      call.request.end();
    }
  }

  /** Passes the body on as far as the destination takes it, and reads it to its end in any case. */
  async #upload(call: TargetCall, expected: number): Promise<void> {
    for await (const octets of this.#peer.readBody()) {
      this.#watch.touch();
      this.requestOctets += octets.length;
      if (expected >= 0 && this.requestOctets > expected) throw wireError('the body is too long');
      const { request } = call;
      if (octets.length === 0 || request.destroyed) continue;
      if (!request.write(octets)) await drained(request);
      this.#watch.touch();
    }
    if (expected >= 0 && this.requestOctets < expected) throw wireError('the body is too short');
    call.request.end();
    if (this.#isAnswering) return;
    const { firstByteTimeout } = this.#settings;
    this.#watch.expect(firstByteTimeout, () => new TunnelError('ERR_TUNNEL_FIRST_BYTE_TIMEOUT'));
  }

  async #drain(): Promise<void> {
    for await (const octets of this.#peer.readBody()) {
      this.#watch.touch();
      this.requestOctets += octets.length;
    }
  }

  async #answer(response: IncomingMessage): Promise<void> {
    const { statusCode = 0 } = response;
    this.#isAnswering = true;
    this.#expectProgress();
    const fields = withoutHopByHop(fieldsOf(response.rawHeaders), NOTHING);
    const contentLength = contentLengthOf(fields) ?? -1;
    await this.#peer.sendText(encodeResponseHead({ statusCode, fields, contentLength }));
    this.status = statusCode;
    try {
      await this.#peer.sendBody(this.#counted(response));
    } finally {
      response.destroy();
    }
  }

  /** Throws where the destination breaks off, so that the message has no end. */
  async *#counted(response: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      this.responseOctets += chunk.length;
      this.#watch.touch();
      yield chunk;
    }
  }

  async #refuse({ text, error }: Refused): Promise<void> {
    this.#isAnswering = true;
    this.error = error;
    const octets = Buffer.from(text);
    const head = { statusCode: AGENT_FAILED, fields: new Map(), contentLength: octets.length };
    await this.#peer.sendText(encodeResponseHead(head));
    this.status = AGENT_FAILED;
    await this.#peer.sendBody(octets);
  }

  /** Before the answer has begun the destination is to blame, and the relay can be told so. */
  #onStall(error: TunnelError): void {
    const isAwaited = error.code === 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT' && !this.#isAnswering;
    if (isAwaited && this.#call !== undefined) this.#call.cancel(error);
    else this.#peer.fail(error);
  }

  #expectProgress(): void {
    const { bodyIdleTimeout } = this.#settings;
    this.#watch.expect(bodyIdleTimeout, () => new TunnelError('ERR_TUNNEL_IDLE_TIMEOUT'));
  }
}

function forbidden(verdict: Verdict, error?: TunnelError): Refused {
  const text = `Destination is ${verdict}`;
  return { text, error: error ?? new TunnelError('ERR_TUNNEL_FORBIDDEN', text) };
}

/** As `net/http` says it: the method with one capital, and the URL in quotes. */
function unableToExecute({ method, url }: RequestHead, error: TunnelError): Refused {
  const verb = `${method.slice(0, 1)}${method.slice(1).toLowerCase()}`;
  return { text: `Unable to execute request : ${verb} "${url}": ${error.message}\n`, error };
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      request.off('drain', done).off('close', done);
      resolve();
    };
    request.on('drain', done).on('close', done);
    if (request.destroyed) done();
  });
}
