/** RFC 9110 §7.8 — an upgrade, such as to a WebSocket, and the octets of whatever it becomes. */
import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TunnelError } from '../errors.ts';
import { answerUpgradeError } from './answer-error.ts';
import { ask, whenConnected } from './asking.ts';
import { flushHead, rawHead, reset, sendHead } from './caller.ts';
import type { ReadHead } from './client/answer-reader.ts';
import type { Exchange, ExchangeSink } from './client/exchange.ts';
import {
  Account,
  resolveForwarding,
  type Forwarding,
  type ForwardOptions,
  type ForwardOutcome,
  type Upstream,
} from './forward.ts';
import { responseFields, trailerPairs, type Fields, type Framing } from './hop-by-hop.ts';
import { hasContent, requestFraming } from './prepare.ts';
import { splice } from './splice.ts';
import { TimeLimit } from './time-limit.ts';
import { toTunnelError } from './upstream-error.ts';

/**
 * Passes an upgrade on, with what a server's `upgrade` event brings. Resolves once both sides are
 * closed; never rejects, and always answers or destroys. A refusal is passed on as it is, with its
 * content, and ends the connection. `Upstream.headers` are those of `prepareFields(request, true)`.
 */
export function forwardUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  upstream: Upstream,
  options: ForwardOptions = {},
): Promise<ForwardOutcome> {
  const forwarding = resolveForwarding(options);
  return new Promise((resolve) => {
    new UpgradeForwarding(request, socket, head, forwarding, resolve).start(upstream);
  });
}

class UpgradeForwarding implements ExchangeSink {
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #early: Uint8Array;
  readonly #forwarding: Forwarding;
  readonly #resolve: (outcome: ForwardOutcome) => void;
  readonly #account: Account;
  readonly #limit: TimeLimit;
  #phase: 'connecting' | 'waiting' | 'refused' | 'upgraded' = 'connecting';
  #asked: Exchange | undefined;
  #far: Duplex | undefined;
  /** Of a refusal. */
  #response: ServerResponse | undefined;
  #isComplete = false;
  #isDone = false;

  constructor(
    request: IncomingMessage,
    socket: Duplex,
    early: Uint8Array,
    forwarding: Forwarding,
    resolve: (outcome: ForwardOutcome) => void,
  ) {
    this.#request = request;
    this.#socket = socket;
    this.#early = early;
    this.#forwarding = forwarding;
    this.#resolve = resolve;
    this.#account = new Account(forwarding.clock);
    this.#limit = new TimeLimit(forwarding.clock, () => this.#onTime());
  }

  start(upstream: Upstream): void {
    const socket = this.#socket;
    if (socket.destroyed) {
      this.#settle();
      return;
    }
    socket.on('error', () => {}).on('close', this.#onClosed);
    const framing = requestFraming(this.#request);
    if (framing instanceof TunnelError) {
      this.#fail(framing);
    } else if (hasContent(framing)) {
      // Where the content ends and the new protocol begins, no two parsers agree about.
      this.#fail(new TunnelError('ERR_TUNNEL_BAD_REQUEST', 'an upgrade with content'));
    } else {
      this.#watch();
      this.#ask(upstream, framing);
    }
  }

  /**
   * A caller that ends before there is an answer has left. To see that is to read: what it sends
   * meanwhile stays where it is, as much as a stream holds.
   */
  #watch(): void {
    this.#socket.on('readable', this.#onReadable).on('end', this.#onEnd);
  }

  #unwatch(): void {
    this.#socket.off('readable', this.#onReadable).off('end', this.#onEnd);
  }

  readonly #onReadable = (): void => {
    // Nothing is there: what there is to read is the end.
    if (this.#socket.readableLength === 0) this.#socket.read();
  };

  readonly #onEnd = (): void => {
    this.#socket.destroy();
  };

  #ask(upstream: Upstream, framing: Framing): void {
    const asked = ask(this.#request, upstream, framing, this, true);
    if (asked instanceof TunnelError) {
      this.#fail(asked);
      return;
    }
    this.#asked = asked;
    this.#limit.set(this.#forwarding.limits.connectTimeout);
    whenConnected(asked.stream, this.#onConnected);
    asked.begin();
    asked.end();
  }

  onLost(error: Error | undefined): void {
    const told = error ?? new TunnelError('ERR_TUNNEL_ABORTED', 'before the answer');
    this.#fail(toTunnelError(told, this.#phase !== 'connecting'));
  }

  readonly #onConnected = (): void => {
    if (this.#isDone || this.#phase !== 'connecting') return;
    this.#account.connected();
    this.#phase = 'waiting';
    this.#limit.set(this.#forwarding.limits.firstByteTimeout);
  };

  onSwitched(head: ReadHead, far: Duplex, early: Uint8Array): void {
    const socket = this.#socket;
    if (this.#isDone) {
      far.destroy();
      return;
    }
    if (!isOffered(this.#request, head.fields)) {
      far.destroy();
      this.#fail(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', 'a switch to what was not asked for'));
      return;
    }
    const fields = this.#begin(head, false);
    const head101 = tryHead(head.reason, fields);
    if (head101 instanceof TunnelError) {
      far.destroy();
      this.#fail(head101);
      return;
    }
    this.#far = far;
    this.#phase = 'upgraded';
    const { hooks } = this.#forwarding;
    this.#unwatch();
    socket.off('close', this.#onClosed);
    socket.write(head101, 'latin1');
    splice(socket, far, {
      onNearChunk: (chunk) => this.#count('requestOctets', chunk, hooks.onRequestChunk),
      onFarChunk: (chunk) => this.#count('answerOctets', chunk, hooks.onAnswerChunk),
      onDone: (cause) => {
        if (cause !== undefined) {
          this.#account.error ??= new TunnelError('ERR_TUNNEL_ABORTED', '', { cause });
        }
        this.#settle();
      },
    });
    // What came with the heads comes first.
    if (this.#early.length > 0) socket.unshift(this.#early);
    if (early.length > 0) far.unshift(early);
  }

  /** RFC 9110 §15.2: whoever upgrades has no use for others. */
  onInterim(): void {}

  /** There is no content. */
  onDrain(): void {}

  onHead(head: ReadHead, { length }: Framing): void {
    if (this.#isDone) return;
    const socket = this.#socket;
    const isChunked = length === undefined && this.#request.httpVersionMinor > 0;
    const fields = this.#begin(head, isChunked);
    const response = new ServerResponse(this.#request);
    response.shouldKeepAlive = false;
    const refusal = sendHead(response, head.status, head.reason, fields);
    if (refusal !== undefined) {
      this.#fail(new TunnelError('ERR_TUNNEL_BAD_RESPONSE', refusal.message, { cause: refusal }));
      return;
    }
    this.#phase = 'refused';
    this.#response = response;
    this.#unwatch();
    response.assignSocket(socket as Socket);
    flushHead(response);
    socket.on('drain', () => this.#asked?.resume());
  }

  onContent(chunk: Uint8Array): void {
    this.#count('answerOctets', chunk, this.#forwarding.hooks.onAnswerChunk);
    if (this.#response?.write(chunk) === false) this.#asked?.pause();
  }

  onEnd(trailers: Fields): void {
    const socket = this.#socket;
    const response = this.#response;
    if (response === undefined) return;
    this.#isComplete = true;
    if (trailers.length > 0) this.#forwarding.hooks.onAnswerTrailers?.(trailers);
    if (response.chunkedEncoding) response.addTrailers(trailerPairs(trailers));
    response.end(() => {
      response.detachSocket(socket as Socket);
      socket.end(() => socket.destroy());
    });
  }

  /** The head of the answer is there: what of it is passed on. */
  #begin({ status, reason, fields: read }: ReadHead, isChunked: boolean): Fields {
    const fields = responseFields(read, { isChunked, status });
    const { hooks, limits } = this.#forwarding;
    hooks.onAnswer?.({ status, reason, fields });
    this.#limit.set(limits.idleTimeout);
    this.#account.answered(status, fields);
    return fields;
  }

  #count(
    side: 'requestOctets' | 'answerOctets',
    chunk: Uint8Array,
    hook: ((chunk: Uint8Array) => void) | undefined,
  ): void {
    this.#account[side] += chunk.length;
    this.#limit.restart();
    hook?.(chunk);
  }

  /** The caller's socket is gone before anything took it over. */
  readonly #onClosed = (): void => {
    this.#asked?.destroy();
    if (!this.#isComplete) this.#account.error ??= new TunnelError('ERR_TUNNEL_CALLER_GONE');
    this.#settle();
  };

  #onTime(): void {
    const code =
      this.#phase === 'connecting'
        ? 'ERR_TUNNEL_CONNECT_TIMEOUT'
        : this.#phase === 'waiting'
          ? 'ERR_TUNNEL_FIRST_BYTE_TIMEOUT'
          : 'ERR_TUNNEL_IDLE_TIMEOUT';
    this.#fail(new TunnelError(code));
  }

  #fail(error: TunnelError): void {
    if (this.#isDone) return;
    this.#account.error ??= error;
    this.#limit.cancel();
    const hasBegun = this.#phase === 'upgraded' || this.#phase === 'refused';
    if (hasBegun) {
      reset(this.#socket);
      if (this.#far !== undefined) reset(this.#far);
    } else {
      this.#isDone = true;
      this.#unwatch();
      this.#account.answered(error.status);
      answerUpgradeError(this.#request, this.#socket, error);
    }
    this.#asked?.destroy();
  }

  #settle(): void {
    this.#isDone = true;
    this.#limit.cancel();
    this.#resolve(this.#account.close());
  }
}

/** RFC 9110 §7.8: a 101 says to which of the protocols that were asked for. */
function isOffered({ headers }: IncomingMessage, fields: Fields): boolean {
  const offered = new Set(protocolsOf([headers.upgrade ?? '']));
  const isChoice = (_: string, index: number): boolean =>
    index % 2 === 1 && fields[index - 1]!.toLowerCase() === 'upgrade';
  const chosen = fields.filter(isChoice);
  return chosen.length > 0 && protocolsOf(chosen).every((protocol) => offered.has(protocol));
}

function protocolsOf(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
}

/** The head of the 101; a hook may have made of it what cannot be sent. */
function tryHead(reason: string, fields: string[]): string | TunnelError {
  try {
    return rawHead(101, reason, fields);
  } catch (cause) {
    return new TunnelError('ERR_TUNNEL_BAD_RESPONSE', 'its fields cannot be passed on', { cause });
  }
}
