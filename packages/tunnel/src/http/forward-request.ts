/** One request and its answer, from whoever asks to whoever serves and back. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { TunnelError, type TunnelErrorCode } from '../errors.ts';
import { answerError } from './answer-error.ts';
import { ask, whenConnected } from './asking.ts';
import {
  breakOff,
  flushHead,
  goesOnInChunks,
  isReset,
  sendHead,
  sendTrailers,
  streamOf,
  type CallerRequest,
  type CallerResponse,
} from './caller.ts';
import type { ReadHead } from './client/answer-reader.ts';
import type { Exchange, ExchangeSink } from './client/exchange.ts';
import { discardRest } from './discard.ts';
import {
  Account,
  resolveForwarding,
  type Forwarding,
  type ForwardOptions,
  type ForwardOutcome,
  type Upstream,
} from './forward.ts';
import { responseFields, trailerPairs, type Fields, type Framing } from './hop-by-hop.ts';
import { InterimResponses } from './interim.ts';
import { IDEMPOTENT } from './methods.ts';
import { hasContent, requestFraming } from './prepare.ts';
import { TimeLimit } from './time-limit.ts';
import { toTunnelError } from './upstream-error.ts';

/**
 * Passes a request on and its answer back, as it comes. Resolves once the caller has the answer or
 * is gone; never rejects, and always answers or destroys. To a caller of HTTP/1.1 and of HTTP/2.
 */
export function forwardRequest(
  request: CallerRequest,
  response: CallerResponse,
  upstream: Upstream,
  options: ForwardOptions = {},
): Promise<ForwardOutcome> {
  const forwarding = resolveForwarding(options);
  return new Promise((resolve) => {
    new RequestForwarding(
      request as IncomingMessage,
      response as ServerResponse,
      upstream,
      forwarding,
      resolve,
    ).start();
  });
}

/** Octets of an answer that are cheaper to write as one string with its head. */
const MAX_STRING = 4 * 1024;

type Phase = 'connecting' | 'waiting' | 'answering';

class RequestForwarding implements ExchangeSink {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #upstream: Upstream;
  readonly #forwarding: Forwarding;
  readonly #resolve: (outcome: ForwardOutcome) => void;
  readonly #account: Account;
  readonly #limit: TimeLimit;
  readonly #interims: InterimResponses;
  #phase: Phase = 'connecting';
  #asked: Exchange | undefined;
  #hasBody = false;
  #hasPassedBody = false;
  #hasBodyEnded = false;
  #framing: Framing = { isChunked: false, length: undefined };
  /** Octets that the answer says it has. */
  #length: number | undefined;
  /** All of them, if they are few and came at once: they leave with the end, and so with the head. */
  #content: Buffer | undefined;
  #hasFlushed = false;
  #hasFinished = false;
  /** Whether the fate of the answer is decided. */
  #isDone = false;
  #isSettled = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    upstream: Upstream,
    forwarding: Forwarding,
    resolve: (outcome: ForwardOutcome) => void,
  ) {
    this.#request = request;
    this.#response = response;
    this.#upstream = upstream;
    this.#forwarding = forwarding;
    this.#resolve = resolve;
    this.#account = new Account(forwarding.clock);
    this.#limit = new TimeLimit(forwarding.clock, () => this.#onTime());
    this.#interims = new InterimResponses(request, response);
  }

  start(): void {
    const request = this.#request;
    const response = this.#response;
    if (response.destroyed || request.destroyed) {
      this.#settle();
    } else if (response.socket === null && streamOf(response) === undefined) {
      // RFC 9112 §9.3.2: pipelined behind another, so that its turn comes, or the end.
      request.once('close', this.#onCallerGone);
      response.once('socket', this.#onTurn);
    } else {
      this.#begin();
    }
  }

  readonly #onTurn = (): void => {
    this.#request.off('close', this.#onCallerGone);
    this.#begin();
  };

  readonly #onCallerGone = (): void => {
    this.#response.off('socket', this.#onTurn);
    this.#settle();
  };

  #begin(): void {
    const request = this.#request;
    this.#response
      .on('finish', () => (this.#hasFinished = true))
      .on('close', () => this.#settle())
      .on('drain', () => this.#asked?.resume());
    const framing = requestFraming(request);
    const { maxBodySize } = this.#forwarding.limits;
    if (framing instanceof TunnelError) {
      this.#fail(framing);
    } else if ((framing.length ?? 0) > maxBodySize) {
      this.#fail(new TunnelError('ERR_TUNNEL_BODY_TOO_LARGE', `more than ${maxBodySize} octets`));
    } else {
      this.#hasBody = hasContent(framing);
      this.#framing = framing;
      this.#ask();
      if (this.#hasBody && !this.#isDone)
        request.on('data', this.#onBody).on('end', this.#onBodyEnd);
      // That a stream of HTTP/2 was cancelled is told when it has been read to its end.
      else if (streamOf(this.#response) !== undefined) request.resume();
    }
  }

  #ask(): void {
    const asked = ask(this.#request, this.#upstream, this.#framing, this);
    if (asked instanceof TunnelError) {
      this.#fail(asked);
      return;
    }
    this.#asked = asked;
    this.#phase = 'connecting';
    whenConnected(asked.stream, this.#onConnected);
    if (this.#isConnecting) this.#limit.set(this.#forwarding.limits.connectTimeout);
    asked.begin();
    // It may be asked a second time.
    if (!this.#hasBody || this.#hasBodyEnded) asked.end(trailerPairs(this.#request.rawTrailers));
  }

  get #isConnecting(): boolean {
    return this.#phase === 'connecting';
  }

  readonly #onConnected = (): void => {
    if (this.#isDone || !this.#isConnecting) return;
    this.#account.connected();
    this.#phase = 'waiting';
    this.#limit.set(this.#forwarding.limits.firstByteTimeout);
  };

  readonly #onBody = (chunk: Uint8Array): void => {
    const account = this.#account;
    const { limits, hooks } = this.#forwarding;
    const asked = this.#asked;
    if (asked === undefined || this.#isDone) return;
    this.#hasPassedBody = true;
    account.requestOctets += chunk.length;
    if (account.requestOctets > limits.maxBodySize) {
      const most = `more than ${limits.maxBodySize} octets`;
      this.#fail(new TunnelError('ERR_TUNNEL_BODY_TOO_LARGE', most));
      return;
    }
    hooks.onRequestChunk?.(chunk);
    if (!this.#isConnecting) this.#limit.restart();
    if (!asked.write(chunk)) this.#request.pause();
  };

  readonly #onBodyEnd = (): void => {
    const request = this.#request;
    const asked = this.#asked;
    if (asked === undefined || this.#isDone) return;
    // A stream of HTTP/2 that was reset ends as well.
    if (!request.complete || isReset(this.#response)) {
      asked.destroy();
      return;
    }
    this.#hasBodyEnded = true;
    asked.end(trailerPairs(request.rawTrailers));
    if (!this.#isConnecting) this.#limit.restart();
  };

  onDrain(): void {
    this.#request.resume();
  }

  onInterim(interim: ReadHead): void {
    if (this.#isDone) return;
    if (this.#interims.pass(interim)) this.#limit.restart();
  }

  onSwitched(_head: ReadHead, stream: Duplex): void {
    stream.destroy();
    this.#fail(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', 'it switched protocols'));
  }

  onHead({ status, reason, fields: read }: ReadHead, { length }: Framing): void {
    if (this.#isDone) return;
    const isChunked = goesOnInChunks(this.#request, status, length);
    const fields = responseFields(read, { isChunked, status });
    const { hooks, limits } = this.#forwarding;
    hooks.onAnswer?.({ status, reason, fields });
    this.#phase = 'answering';
    this.#length = length;
    this.#limit.set(limits.idleTimeout);
    const refusal = sendHead(this.#response, status, reason, fields);
    if (refusal !== undefined) {
      this.#fail(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', refusal.message, { cause: refusal }));
      return;
    }
    this.#account.answered(status, fields);
    // Octets that came with the head leave with it; after them it waits no longer.
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    if (this.#hasFlushed || this.#isDone || this.#response.destroyed) return;
    this.#hasFlushed = true;
    flushHead(this.#response);
  };

  onContent(chunk: Buffer): void {
    if (this.#isDone) return;
    this.#account.answerOctets += chunk.length;
    this.#forwarding.hooks.onAnswerChunk?.(chunk);
    if (chunk.length === this.#length && chunk.length <= MAX_STRING && !this.#hasFlushed) {
      this.#content = chunk;
      return;
    }
    this.#hasFlushed = true;
    this.#limit.restart();
    if (!this.#response.write(chunk)) this.#asked?.pause();
  }

  onEnd(trailers: Fields): void {
    const response = this.#response;
    if (this.#isDone) return;
    this.#isDone = true;
    if (trailers.length > 0) {
      this.#forwarding.hooks.onAnswerTrailers?.(trailers);
      if (goesOnInChunks(this.#request, response.statusCode, undefined)) {
        sendTrailers(response, trailerPairs(trailers), streamOf(response) !== undefined);
      }
    }
    if (this.#content === undefined) response.end();
    else response.end(this.#content.toString('latin1'), 'latin1');
    this.#dropUpload();
  }

  /** RFC 9112 §9.6: whoever answers before the request is complete does not want the rest of it. */
  #dropUpload(): void {
    const request = this.#request;
    // Node tells the octets, and lets others work on them, before it tells that they were all.
    const isWhole = this.#account.requestOctets === this.#framing.length;
    if (!this.#hasBody || isWhole || (request.complete && request.readableLength === 0)) {
      this.#finishUpload();
      return;
    }
    request.off('data', this.#onBody).off('end', this.#onBodyEnd);
    this.#asked?.destroy();
    discardRest(request, this.#response, this.#forwarding.clock);
  }

  /** All of it was passed on; that it has ended may be told a moment later. */
  #finishUpload(): void {
    const asked = this.#asked;
    if (asked === undefined || asked.hasEnded) return;
    asked.end(trailerPairs(this.#request.rawTrailers));
    this.#request.resume();
  }

  onLost(error: Error | undefined): void {
    if (this.#isDone) return;
    if (this.#mayRetry()) {
      this.#account.hasRetried = true;
      this.#ask();
      return;
    }
    const isMalformed = TunnelError.isInstance(error) && error.code === 'ERR_TUNNEL_BAD_RESPONSE';
    if (error !== undefined && (this.#phase !== 'answering' || isMalformed)) {
      this.#fail(toTunnelError(error, !this.#isConnecting));
      return;
    }
    const where = this.#phase === 'answering' ? 'in the middle of the answer' : 'before the answer';
    this.#fail(new TunnelError('ERR_TUNNEL_ABORTED', where, error && { cause: error }));
  }

  /**
   * RFC 9112 §9.3.1 and RFC 9110 §9.2.2: once, on a connection that was idle and died meanwhile, for
   * what may be done twice or was not sent at all.
   */
  #mayRetry(): boolean {
    const asked = this.#asked;
    if (asked?.isReused !== true || this.#account.hasRetried) return false;
    if (asked.hasHeard || this.#hasPassedBody) return false;
    return IDEMPOTENT.has(this.#request.method ?? '') || !asked.hasSent;
  }

  #onTime(): void {
    if (!this.#isDone) {
      this.#fail(new TunnelError(this.#lateness()));
      return;
    }
    // All of the answer is here, and the caller does not take it.
    this.#account.error ??= new TunnelError('ERR_TUNNEL_IDLE_TIMEOUT');
    breakOff(this.#request, this.#response);
  }

  #lateness(): TunnelErrorCode {
    if (this.#isConnecting) return 'ERR_TUNNEL_CONNECT_TIMEOUT';
    if (this.#phase === 'answering') return 'ERR_TUNNEL_IDLE_TIMEOUT';
    const asked = this.#asked;
    // With an Expect the caller waits for the target, until that has said 100.
    const isHeldBack = asked?.needsDrain === true || this.#awaitsContinue();
    const waitsForCaller = this.#hasBody && !this.#request.complete && !isHeldBack;
    return waitsForCaller ? 'ERR_TUNNEL_REQUEST_TIMEOUT' : 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT';
  }

  #awaitsContinue(): boolean {
    const hasHeard = this.#asked?.hasHeard === true;
    return this.#request.headers.expect !== undefined && !hasHeard && !this.#hasPassedBody;
  }

  #fail(error: TunnelError): void {
    if (this.#isDone) return;
    this.#isDone = true;
    const request = this.#request;
    this.#account.error = error;
    this.#limit.cancel();
    this.#asked?.destroy();
    request.off('data', this.#onBody).off('end', this.#onBodyEnd);
    if (this.#response.headersSent) {
      // A head that is on its way gets there: whoever sees nothing at all may ask once more.
      if (!this.#hasFlushed) flushHead(this.#response);
      process.nextTick(breakOff, request, this.#response);
      return;
    }
    this.#account.answered(error.status);
    answerError(request, this.#response, error, { clock: this.#forwarding.clock });
  }

  /** Node says of every stream of HTTP/2 that it has finished, also of one that was reset. */
  #hasDelivered(): boolean {
    if (!this.#hasFinished) return false;
    const stream = streamOf(this.#response);
    return stream === undefined || (this.#isDone && stream.rstCode === 0 && !stream.aborted);
  }

  /** The caller has all of the answer, or is gone. */
  #settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#limit.cancel();
    if (!this.#hasDelivered()) {
      this.#account.error ??= new TunnelError('ERR_TUNNEL_CALLER_GONE');
      this.#isDone = true;
      this.#asked?.destroy();
    }
    this.#resolve(this.#account.close());
  }
}
