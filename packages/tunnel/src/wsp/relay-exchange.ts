/** One request of a caller and its answer, by way of a connection of an agent. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { TunnelError, type TunnelErrorCode } from '../errors.ts';
import { withForwarded } from '../http/forwarded.ts';
import { hostOf, isSecure } from '../http/request-facts.ts';
import { contentLengthOf, fieldsOf, rawHeadersOf, withoutHopByHop, type Fields } from './fields.ts';
import type { WspPeer } from './peer.ts';
import type { RelaySettings } from './relay-options.ts';
import { Watch } from './watch.ts';
import { decodeResponseHead, encodeRequestHead, wireError, type RequestHead } from './wire.ts';

const NOTHING: ReadonlySet<string> = new Set();
const EMPTY = new Uint8Array(0);

export class RelayExchange {
  readonly #peer: WspPeer;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #settings: RelaySettings;
  readonly #watch: Watch;
  /** Between the caller and the agent: to be let go of, while the caller's request goes on. */
  #upload: PassThrough | undefined;
  #isUploaded = false;
  #isCut = false;
  /** Ends the waiting for a caller that takes no more. */
  #onCut: (() => void) | undefined;
  requestOctets = 0;
  responseOctets = 0;

  constructor(
    peer: WspPeer,
    request: IncomingMessage,
    response: ServerResponse,
    settings: RelaySettings,
  ) {
    this.#peer = peer;
    this.#request = request;
    this.#response = response;
    this.#settings = settings;
    this.#watch = new Watch(settings.clock, (error) => {
      peer.fail(error);
      this.#isCut = true;
      // An answer that waits for its turn on the connection does not tell that its caller left.
      this.#onCut?.();
    });
  }

  /**
   * Resolves when the answer is complete; whether the connection can be used again. Rejects with a
   * `TunnelError`, the connection being gone: where the head of the answer was sent before, the answer
   * has to be cut off.
   */
  async run(head: RequestHead): Promise<boolean> {
    const onClose = (): void => {
      if (!this.#response.writableFinished) this.#fail('ERR_TUNNEL_ABORTED', 'the caller left');
    };
    this.#response.once('close', onClose);
    try {
      if (this.#response.destroyed) onClose();
      await this.#exchange(head);
      if (this.#isUploaded) return true;
      // The answer was complete before the request was: what is half sent ends with the connection.
      this.#peer.fail(new TunnelError('ERR_TUNNEL_ABORTED', 'the answer came before the end'));
      return false;
    } catch (error) {
      const reason = this.#peer.reasonFor(error);
      this.#peer.fail(reason);
      throw reason;
    } finally {
      this.#response.removeListener('close', onClose);
      this.#watch.stop();
      this.#letGo();
    }
  }

  async #exchange(head: RequestHead): Promise<void> {
    const sent = this.#send(head);
    // Why the sending failed is told with the first thing that fails, if the answer does not come.
    sent.catch((error: unknown) => this.#peer.fail(this.#peer.reasonFor(error)));
    const text = await this.#peer.readHead(this.#settings.maxHeadSize);
    const answer = decodeResponseHead(text);
    if (answer instanceof TunnelError) throw answer;
    const fields = withoutHopByHop(answer.fields, NOTHING);
    const length = contentLengthOf(fields);
    if (length === undefined) throw wireError('Content-Length is no length');
    this.#expectProgress();
    const { statusCode } = answer;
    const reason = STATUS_CODES[statusCode] ?? `status code ${statusCode}`;
    this.#response.writeHead(statusCode, reason, rawHeadersOf(fields));
    // The head leaves now. `flushHeaders` would write the octets of its values as UTF-8 once more.
    this.#response.write(EMPTY);
    await this.#pipeAnswer(statusCode, length);
    this.#response.end();
  }

  async #send(head: RequestHead): Promise<void> {
    this.#expectProgress();
    await this.#peer.sendText(encodeRequestHead(head));
    if (head.contentLength === 0) await this.#peer.sendBody();
    else await this.#peer.sendBody(this.#countedUpload());
    this.#isUploaded = true;
    const { firstByteTimeout } = this.#settings;
    // The answer may have begun: then it is its progress that counts.
    if (this.#response.headersSent) return;
    this.#watch.expect(firstByteTimeout, () => new TunnelError('ERR_TUNNEL_FIRST_BYTE_TIMEOUT'));
  }

  async *#countedUpload(): AsyncGenerator<Uint8Array, void, undefined> {
    const upload = this.#beginUpload();
    for await (const chunk of upload as AsyncIterable<Buffer>) {
      this.requestOctets += chunk.length;
      if (this.requestOctets > this.#settings.maxBodySize) {
        throw new TunnelError('ERR_TUNNEL_BODY_TOO_LARGE');
      }
      this.#watch.touch();
      yield chunk;
    }
  }

  /** Iterating over the request itself would destroy the caller's connection where it is left early. */
  #beginUpload(): PassThrough {
    const upload = new PassThrough();
    this.#upload = upload;
    upload.on('error', () => {});
    const onCut = (): void => {
      if (!this.#request.complete)
        upload.destroy(new TunnelError('ERR_TUNNEL_ABORTED', 'the caller'));
    };
    this.#request.once('error', onCut).once('close', onCut);
    upload.once('close', () => this.#request.off('error', onCut).off('close', onCut));
    this.#request.pipe(upload);
    if (this.#request.destroyed) onCut();
    return upload;
  }

  #letGo(): void {
    if (this.#upload === undefined) return;
    this.#request.unpipe(this.#upload);
    this.#upload.destroy();
    // An aborted request still has an error to tell.
    this.#request.on('error', () => {});
    this.#request.resume();
  }

  async #pipeAnswer(status: number, length: number): Promise<void> {
    // RFC 9110 §6.4.1: these have no body, whatever their Content-Length says.
    const isBodiless = this.#request.method === 'HEAD' || status === 204 || status === 304;
    for await (const chunk of this.#peer.readBody()) {
      if (isBodiless) continue;
      this.responseOctets += chunk.length;
      if (length >= 0 && this.responseOctets > length) throw wireError('the body is too long');
      this.#watch.touch();
      if (!this.#response.write(chunk)) await this.#drained();
      this.#watch.touch();
    }
    if (!isBodiless && length >= 0 && this.responseOctets < length) {
      throw wireError('the body is too short');
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#response.off('drain', done).off('close', done);
        this.#onCut = undefined;
        resolve();
      };
      this.#onCut = done;
      this.#response.on('drain', done).on('close', done);
      if (this.#response.destroyed || this.#isCut) done();
    });
  }

  #expectProgress(): void {
    const { bodyIdleTimeout } = this.#settings;
    this.#watch.expect(bodyIdleTimeout, () => new TunnelError('ERR_TUNNEL_IDLE_TIMEOUT'));
  }

  #fail(code: TunnelErrorCode, detail: string): void {
    this.#peer.fail(new TunnelError(code, detail));
  }
}

/** The request as it goes to an agent: X-PROXY-DESTINATION and what was between us is gone. */
export function agentFields(
  fields: Fields,
  request: IncomingMessage,
  usedAuthorization: boolean,
  forwarded: boolean,
): Map<string, string[]> {
  // Node has answered Expect, and Host names the relay.
  const others = new Set(['host', 'expect', 'x-proxy-destination']);
  if (usedAuthorization) others.add('authorization');
  const kept = withoutHopByHop(fields, others);
  if (!forwarded) return kept;
  const host = hostOf(request);
  const caller = {
    address: request.socket.remoteAddress,
    isSecure: isSecure(request),
    host: host === '' ? undefined : host,
    port: undefined,
  };
  return fieldsOf(withForwarded(rawHeadersOf(kept), caller));
}

/** Octets the caller announces; -1 where it sends a body of unknown length. */
export function announcedLength(request: IncomingMessage, fields: Fields): number {
  const length = contentLengthOf(fields) ?? -1;
  if (length >= 0) return length;
  if (request.headers['transfer-encoding'] !== undefined) return -1;
  return request.httpVersionMajor >= 2 && !request.readableEnded ? -1 : 0;
}
