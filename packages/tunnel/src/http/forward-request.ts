/** One request and its answer, from whoever asks to whoever serves and back. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TunnelError, type TunnelErrorCode } from '../errors.ts';
import { answerError } from './answer-error.ts';
import { ask, whenConnected } from './asking.ts';
import {
  breakOff,
  goesOnInChunks,
  isReset,
  sendHead,
  sendTrailers,
  streamOf,
  type CallerRequest,
  type CallerResponse,
} from './caller.ts';
import { discardRest } from './discard.ts';
import {
  Account,
  resolveForwarding,
  type Forwarding,
  type ForwardOptions,
  type ForwardOutcome,
  type Upstream,
} from './forward.ts';
import { framingOf, responseFields, trailerPairs, type Framing } from './hop-by-hop.ts';
import { InterimResponses, type Interim } from './interim.ts';
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

/** RFC 9110 §9.2.2 */
const IDEMPOTENT = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'TRACE']);

type Phase = 'connecting' | 'waiting' | 'answering';

class RequestForwarding {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #upstream: Upstream;
  readonly #forwarding: Forwarding;
  readonly #resolve: (outcome: ForwardOutcome) => void;
  readonly #account: Account;
  readonly #limit: TimeLimit;
  readonly #interims: InterimResponses;
  #phase: Phase = 'connecting';
  #asked: ClientRequest | undefined;
  #answer: IncomingMessage | undefined;
  /**
   * The answer tells itself whether it is whole (RFC 9112 §6.3): what goes wrong besides may be but the
   * rest of an upload, which nobody wanted any more.
   */
  #isDelimited = false;
  #hasBody = false;
  #hasPassedBody = false;
  #framing: Framing = { isChunked: false, length: undefined };
  /** Any octet from whoever serves: the request has reached it. */
  #hasHeard = false;
  /** Octets that had been written to the connection before it was given to this request. */
  #writtenBefore: number | undefined;
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
      request.once('close', this.#onLost);
      response.once('socket', this.#onTurn);
    } else {
      this.#begin();
    }
  }

  readonly #onTurn = (): void => {
    this.#request.off('close', this.#onLost);
    this.#begin();
  };

  readonly #onLost = (): void => {
    this.#response.off('socket', this.#onTurn);
    this.#settle();
  };

  #begin(): void {
    const request = this.#request;
    this.#response
      .on('finish', () => (this.#hasFinished = true))
      .on('close', () => this.#settle())
      .on('drain', () => this.#answer?.resume());
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
    }
  }

  #ask(): void {
    const asked = ask(this.#request, this.#upstream, this.#framing);
    if (asked instanceof TunnelError) {
      this.#fail(asked);
      return;
    }
    this.#asked = asked;
    this.#phase = 'connecting';
    this.#limit.set(this.#forwarding.limits.connectTimeout);
    asked
      .on('socket', this.#onSocket)
      .on('information', this.#onInterim)
      .on('response', this.#onAnswer)
      .on('error', (error) => this.#onError(asked, error))
      // Without an error where Node takes an answer for one that it cannot pass on, such as a 101.
      .on('close', () => this.#onAskedClosed(asked));
    if (!this.#hasBody) {
      asked.end();
      return;
    }
    asked.on('drain', () => this.#request.resume());
    asked.flushHeaders();
  }

  readonly #onSocket = (socket: Socket): void => {
    this.#writtenBefore = socket.bytesWritten;
    whenConnected(socket, this.#onConnected);
  };

  readonly #onConnected = (): void => {
    if (this.#isDone || this.#phase !== 'connecting') return;
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
    if (this.#phase !== 'connecting') this.#limit.restart();
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
    sendTrailers(asked, trailerPairs(request.rawTrailers), false);
    asked.end();
    if (this.#phase !== 'connecting') this.#limit.restart();
  };

  readonly #onInterim = (interim: Interim): void => {
    if (this.#isDone) return;
    this.#hasHeard = true;
    if (this.#interims.pass(interim)) this.#limit.restart();
  };

  readonly #onAnswer = (answer: IncomingMessage): void => {
    this.#hasHeard = true;
    this.#answer = answer;
    // What takes it away is told by `close`.
    answer.on('error', () => {});
    if (this.#isDone) return;
    const { rawHeaders, statusCode: status = 0, statusMessage: reason = '' } = answer;
    const framing = framingOf(rawHeaders, 'ERR_TUNNEL_BAD_RESPONSE');
    if (framing instanceof TunnelError) {
      this.#fail(framing);
      return;
    }
    this.#isDelimited = framing.isChunked || framing.length !== undefined;
    const isChunked = goesOnInChunks(this.#request, status, framing.length);
    const fields = responseFields(rawHeaders, { isChunked, status });
    const { hooks, limits } = this.#forwarding;
    hooks.onAnswer?.({ status, reason, fields }, answer);
    this.#phase = 'answering';
    this.#limit.set(limits.idleTimeout);
    const refusal = sendHead(this.#response, status, reason, fields);
    if (refusal !== undefined) {
      this.#fail(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', refusal.message, { cause: refusal }));
      return;
    }
    this.#account.answered(status, fields);
    answer.on('data', this.#onContent).on('end', this.#onEnd).on('close', this.#onAnswerClosed);
    // Octets that came with the head leave with it; after them it waits no longer.
    process.nextTick(this.#flush);
  };

  readonly #flush = (): void => {
    if (this.#hasFlushed || this.#isDone || this.#response.destroyed) return;
    this.#hasFlushed = true;
    this.#response.flushHeaders();
  };

  readonly #onContent = (chunk: Uint8Array): void => {
    if (this.#isDone) return;
    this.#hasFlushed = true;
    this.#account.answerOctets += chunk.length;
    this.#forwarding.hooks.onAnswerChunk?.(chunk);
    this.#limit.restart();
    if (!this.#response.write(chunk)) this.#answer?.pause();
  };

  readonly #onEnd = (): void => {
    const answer = this.#answer;
    const response = this.#response;
    if (answer === undefined || this.#isDone || !answer.complete) return;
    this.#isDone = true;
    const { rawTrailers } = answer;
    if (
      rawTrailers.length > 0 &&
      goesOnInChunks(this.#request, answer.statusCode ?? 0, undefined)
    ) {
      sendTrailers(response, trailerPairs(rawTrailers), streamOf(response) !== undefined);
    }
    response.end();
    this.#dropUpload();
  };

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
    if (asked === undefined || asked.writableEnded) return;
    sendTrailers(asked, trailerPairs(this.#request.rawTrailers), false);
    asked.end();
    this.#request.resume();
  }

  readonly #onAnswerClosed = (): void => {
    if (this.#isDone) return;
    const cause = this.#answer?.errored ?? undefined;
    const detail = 'in the middle of the answer';
    this.#fail(new TunnelError('ERR_TUNNEL_ABORTED', detail, cause && { cause }));
  };

  #onError(asked: ClientRequest, error: Error): void {
    if (this.#isDone || asked !== this.#asked || this.#isDelimited) return;
    if (this.#mayRetry(asked)) {
      this.#account.hasRetried = true;
      this.#ask();
      return;
    }
    this.#fail(toTunnelError(error, this.#phase !== 'connecting'));
  }

  #onAskedClosed(asked: ClientRequest): void {
    if (this.#isDone || asked !== this.#asked || this.#answer !== undefined) return;
    this.#fail(new TunnelError('ERR_TUNNEL_ABORTED', 'before the answer'));
  }

  /**
   * RFC 9112 §9.3.1 and RFC 9110 §9.2.2: once, on a connection that was idle and died meanwhile, for
   * what may be done twice or was not sent at all.
   */
  #mayRetry(asked: ClientRequest): boolean {
    if (!asked.reusedSocket || this.#account.hasRetried) return false;
    if (this.#hasHeard || this.#hasPassedBody) return false;
    if (IDEMPOTENT.has(this.#request.method ?? '')) return true;
    return this.#writtenBefore !== undefined && asked.socket?.bytesWritten === this.#writtenBefore;
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
    if (this.#phase === 'connecting') return 'ERR_TUNNEL_CONNECT_TIMEOUT';
    if (this.#phase === 'answering') return 'ERR_TUNNEL_IDLE_TIMEOUT';
    const asked = this.#asked;
    // With an Expect the caller waits for the target, until that has said 100.
    const isHeldBack = asked?.writableNeedDrain === true || this.#awaitsContinue();
    const waitsForCaller = this.#hasBody && !this.#request.complete && !isHeldBack;
    return waitsForCaller ? 'ERR_TUNNEL_REQUEST_TIMEOUT' : 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT';
  }

  #awaitsContinue(): boolean {
    return this.#request.headers.expect !== undefined && !this.#hasHeard && !this.#hasPassedBody;
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
      breakOff(request, this.#response);
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
