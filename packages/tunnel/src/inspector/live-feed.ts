/** What changes, told to open pages over WebSockets: all of it first, then what is new. */
import type http from 'node:http';
import {
  WebSocketServer,
  type Clock,
  type Connection,
  type HandshakeRequest,
  type Timer,
} from 'framewire';
import type { Recorder } from './recorder.ts';
import type { Summary } from './view.ts';

export interface FeedGuard {
  isHost(name: string): boolean;
  isToken(token: string): boolean;
}

/** Beside it the page offers its token, which is never echoed: a page can set no header. */
export const FEED_PROTOCOL = 'framewire-inspector';
const TOKEN_PREFIX = 'token.';
/** Milliseconds for which changes are gathered: a busy tunnel is many of them for each exchange. */
const PAUSE = 50;
const MAX_PAGES = 32;

/** The messages. */
export type FeedMessage =
  | { readonly type: 'snapshot'; readonly exchanges: readonly Summary[] }
  | {
      readonly type: 'change';
      readonly exchanges: readonly Summary[];
      readonly removed: readonly number[];
    };

export class LiveFeed {
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #server: WebSocketServer;
  readonly #listening: Disposable;
  #changed = new Set<number>();
  #removed = new Set<number>();
  #timer: Timer | undefined;

  constructor(recorder: Recorder, clock: Clock, guard: FeedGuard) {
    this.#recorder = recorder;
    this.#clock = clock;
    this.#server = new WebSocketServer({
      protocols: [FEED_PROTOCOL],
      maxConnections: MAX_PAGES,
      maxMessageSize: 1024,
      clock,
      authorize: (request) =>
        isAdmitted(request, guard) ? { accept: true } : { accept: false, status: 403 },
      // A page has nothing to say; what it says is read, and dropped.
      handler: { open: (connection) => this.#greet(connection), message: () => {} },
    });
    this.#listening = recorder.listen({
      onChanged: ({ id }) => {
        this.#changed.add(id);
        this.#schedule();
      },
      onRemoved: (id) => {
        this.#changed.delete(id);
        this.#removed.add(id);
        this.#schedule();
      },
    });
  }

  attach(server: http.Server): void {
    this.#server.attach(server, { path: '/live' });
  }

  async close(): Promise<void> {
    this.#listening[Symbol.dispose]();
    this.#timer?.cancel();
    await this.#server.close({ timeout: 1000 });
  }

  #greet(connection: Connection): void {
    const message: FeedMessage = { type: 'snapshot', exchanges: this.#recorder.summaries() };
    // A page that is gone again is no failure.
    connection.send(JSON.stringify(message)).catch(() => {});
  }

  #schedule(): void {
    if (this.#server.connections.size === 0) this.#forget();
    else this.#timer ??= this.#clock.setTimer(PAUSE, () => this.#tell());
  }

  #tell(): void {
    this.#timer = undefined;
    const exchanges = [...this.#changed]
      .map((id) => this.#recorder.summary(id))
      .filter((summary) => summary !== undefined);
    const message: FeedMessage = { type: 'change', exchanges, removed: [...this.#removed] };
    this.#forget();
    this.#server.broadcast(JSON.stringify(message));
  }

  /** Whoever comes next is told everything anyway. */
  #forget(): void {
    this.#changed = new Set();
    this.#removed = new Set();
  }
}

/** Another site is refused by its Origin before this. */
function isAdmitted({ host, protocols }: HandshakeRequest, guard: FeedGuard): boolean {
  if (!guard.isHost(host)) return false;
  const shown = protocols.find((protocol) => protocol.startsWith(TOKEN_PREFIX));
  return shown !== undefined && guard.isToken(shown.slice(TOKEN_PREFIX.length));
}
