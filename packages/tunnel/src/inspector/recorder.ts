/** What an agent passes on: recorded, shown without its secrets, found, and sent again. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { invalidArgument } from '../errors.ts';
import type { OnlookedServer, Onlooker, OnlookerOfOne } from '../agent/onlooker.ts';
import { draftOf, editedSending, sendAgain, sendingOf, type Draft } from './again.ts';
import { curlOf } from './curl.ts';
import { Exchange } from './exchange.ts';
import { search } from './search.ts';
import { isSecretName, Veil, type IsSecretName } from './secrets.ts';
import { ExchangeStore, type StoreListener } from './store.ts';
import { detailOf, noReplayOf, summaryOf, type Detail, type Summary } from './view.ts';

export interface InspectorOptions {
  /** Requests that are kept; beyond it the oldest go. Default 500. */
  readonly maxExchanges?: number | undefined;
  /** Octets kept of each body; what is more is counted only. Default 64 KiB. */
  readonly maxBody?: number | undefined;
  /** Octets of all that is kept, about; beyond it the oldest go. Default 16 MiB. */
  readonly maxOctets?: number | undefined;
  /**
   * Further names of headers, parameters and fields whose values are hidden. Default: none but
   * Authorization, cookies, and what is named like a token, secret, password or key.
   */
  readonly isSecret?: ((name: string) => boolean) | undefined;
}

/** What is asked for cannot be done: the sentence is for whoever asked. */
export class InspectorRefusal extends Error {}

/** Milliseconds until what is sent again is given up: an answer may have no end. */
const REPLAY_TIMEOUT = 300_000;
/** Requests that are sent again at a time. */
const MAX_REPLAYS = 32;

export class Recorder implements Onlooker {
  readonly #store: ExchangeStore;
  readonly #maxBody: number;
  readonly #isSecret: IsSecretName;
  readonly #listeners = new Set<StoreListener>();
  /** Of connections that bring what is sent again: which exchange, and who wants to know. */
  readonly #replays = new WeakMap<object, { readonly of: number; onBegun: (id: number) => void }>();
  readonly #nonce = randomBytes(4).toString('hex');
  #activeReplays = 0;
  #lastId = 0;

  /** Throws a `TypeError` that names the option that is wrong. */
  constructor(options: InspectorOptions) {
    const { maxExchanges = 500, maxBody = 64 * 1024, maxOctets = 16 * 1024 * 1024 } = options;
    const { isSecret = () => false } = options;
    for (const [name, value] of Object.entries({ maxExchanges, maxBody, maxOctets })) {
      if (!(value > 0)) throw invalidArgument(`${name} must be a number above 0, got ${value}`);
    }
    this.#maxBody = maxBody;
    this.#isSecret = (name) => isSecretName(name) || isSecret(name);
    this.#store = new ExchangeStore(
      { maxExchanges, maxOctets },
      {
        onChanged: (exchange) => this.#listeners.forEach((one) => one.onChanged(exchange)),
        onRemoved: (id) => this.#listeners.forEach((one) => one.onRemoved(id)),
      },
    );
  }

  onRequest(request: IncomingMessage, isUpgrade: boolean, server: OnlookedServer): OnlookerOfOne {
    this.#lastId++;
    const replay = this.#replays.get(request.socket);
    const exchange = new Exchange(request, {
      id: this.#lastId,
      isUpgrade,
      server,
      replayOf: replay?.of,
      maxBody: this.#maxBody,
    });
    const store = this.#store;
    store.add(exchange);
    replay?.onBegun(exchange.id);
    const changed = (octets: number): void => store.changed(exchange, octets);
    return {
      onAnswer: (head) => {
        if (store.has(exchange)) changed(exchange.onAnswer(head, this.#maxBody));
      },
      // What was let go is not filled any more.
      onRequestChunk: (chunk) => {
        if (store.has(exchange)) changed(exchange.onChunk('request', chunk));
      },
      onAnswerChunk: (chunk) => {
        if (store.has(exchange)) changed(exchange.onChunk('answer', chunk));
      },
      onAnswerTrailers: (trailers) => {
        exchange.answerTrailers = trailers;
      },
      onOutcome: (outcome) => {
        exchange.outcome = outcome;
        exchange.requestTrailers = request.rawTrailers;
        changed(0);
      },
    };
  }

  /** Forgets everything. */
  clear(): void {
    this.#store.clear();
  }

  /** Oldest first. */
  summaries(): Summary[] {
    return this.#store.all().map((exchange) => summaryOf(exchange, this.#isSecret));
  }

  summary(id: number): Summary | undefined {
    const exchange = this.#store.get(id);
    return exchange && summaryOf(exchange, this.#isSecret);
  }

  detail(id: number): Detail {
    return detailOf(this.#get(id), this.#isSecret, new Veil(this.#isSecret));
  }

  /** One value that is hidden in the detail. */
  reveal(id: number, hidden: string): string {
    const veil = new Veil(this.#isSecret);
    detailOf(this.#get(id), this.#isSecret, veil);
    const value = veil.reveal(hidden);
    if (value === undefined) throw new InspectorRefusal('Nothing is hidden there.');
    return value;
  }

  curl(id: number, hides: boolean): string {
    return curlOf(this.#get(id), hides, this.#isSecret);
  }

  draft(id: number): Draft {
    return this.#drafted(this.#get(id)).draft;
  }

  /** The ids of what is found. */
  search(query: string): Promise<number[]> {
    return search(this.#store.all(), query, this.#isSecret);
  }

  /** Resolves to the id of the new exchange. */
  async replay(id: number, draft: Draft | undefined, signal: AbortSignal): Promise<number> {
    const exchange = this.#get(id);
    const problem = noReplayOf(exchange);
    if (problem !== undefined) throw new InspectorRefusal(problem);
    if (this.#activeReplays >= MAX_REPLAYS) {
      throw new InspectorRefusal('Too many requests are being sent again: wait for some.');
    }
    const sending = draft === undefined ? sendingOf(exchange) : this.#edited(draft, exchange);
    this.#activeReplays++;
    return new Promise((resolve, reject) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(REPLAY_TIMEOUT)]);
      sendAgain(sending, exchange.server, limit, (connection) => {
        this.#replays.set(connection, { of: id, onBegun: resolve });
      })
        .catch((error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          reject(new InspectorRefusal(`It was not sent: ${why}`, { cause: error }));
        })
        .finally(() => {
          this.#activeReplays--;
          // Of no effect where it has begun.
          reject(new InspectorRefusal('It was not sent: the tunnel does not take it.'));
        });
    });
  }

  listen(listener: StoreListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #get(id: number): Exchange {
    const exchange = this.#store.get(id);
    if (exchange === undefined) throw new InspectorRefusal('It is not kept any more.');
    return exchange;
  }

  #drafted(exchange: Exchange): { readonly draft: Draft; readonly veil: Veil } {
    const veil = new Veil(this.#isSecret, Infinity);
    const draft = draftOf(exchange, veil, (hidden) => `⟨hidden ${this.#nonce} ${hidden}⟩`);
    return { draft, veil };
  }

  #edited(draft: Draft, exchange: Exchange): ReturnType<typeof editedSending> {
    const { veil } = this.#drafted(exchange);
    const mark = new RegExp(`⟨hidden ${this.#nonce} ([a-z.]+:\\d+)⟩`, 'gu');
    const reveal = (text: string): string =>
      text.replaceAll(mark, (whole, hidden: string) => veil.reveal(hidden) ?? whole);
    try {
      return editedSending(draft, exchange, reveal);
    } catch (error) {
      throw new InspectorRefusal(error instanceof Error ? error.message : String(error));
    }
  }
}
