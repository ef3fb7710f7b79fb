/** --reconnect: one conversation over one connection after another, as long as they can be had. */
import { addAbortListener, EventEmitter, once } from 'node:events';
import {
  ConnectionClosedError,
  reconnecting,
  type Connection,
  type ConnectionEnd,
  type CloseInfo,
  type ReconnectingOptions,
} from 'framewire';
import { act, listen, speak, type Addressee, type Conversation } from './conversation.ts';
import { exitCodeOfClose, exitCodeOfError, type ExitCode } from './exit-codes.ts';
import { SLASH_HELP, type TypedLine } from './typed-line.ts';

const NOBODY = 'not sent: there is no connection now';

export class Stay implements Addressee {
  readonly #conversation: Conversation;
  /** Called after each opening handshake, whatever came of it. */
  readonly #onHandshake: () => Promise<void>;
  /** Ends the attempts, the delays, and the connection. */
  readonly #stop = new AbortController();
  /** Aborts when there will be no further connection. */
  readonly #ended = new AbortController();
  /** Emits `open`. */
  readonly #openings = new EventEmitter();
  #count = 0;
  #connection: Connection | undefined;
  /** How the last connection ended, unless that has been told. */
  #info: CloseInfo | undefined;
  /** The last end that was no wish of this side. */
  #end: ConnectionEnd | undefined;

  constructor(conversation: Conversation, onHandshake: () => Promise<void>) {
    this.#conversation = conversation;
    this.#onHandshake = onHandshake;
  }

  /** Runs until the last connection is gone, and says how that went. */
  async run(url: string, options: ReconnectingOptions): Promise<ExitCode> {
    const { interruption } = this.#conversation;
    using _asked = addAbortListener(interruption.asked, () => this.#stop.abort());
    using _forced = addAbortListener(interruption.forced, () => this.#connection?.terminate());
    let speaking: Promise<unknown> | undefined;
    let thrown: unknown;
    try {
      for await (const connection of reconnecting(url, this.#optionsFrom(options))) {
        this.#open(connection);
        // Whoever types should see the connection first.
        speaking ??= speak(this, this.#conversation, this.#ended.signal);
        await this.#listen(connection);
      }
    } catch (error) {
      thrown = error;
    }
    this.#ended.abort();
    const mistake = await speaking;
    await this.#onHandshake();
    return this.#tell(mistake, thrown);
  }

  #optionsFrom(options: ReconnectingOptions): ReconnectingOptions {
    return { ...options, signal: this.#stop.signal, onEnd: (end) => this.#onEnd(end) };
  }

  #open(connection: Connection): void {
    this.#connection = connection;
    this.#count++;
    this.#conversation.reporter.opened(connection, this.#count);
    void this.#onHandshake();
    this.#openings.emit('open', connection);
  }

  async #listen(connection: Connection): Promise<void> {
    await listen(connection, this.#conversation.reporter);
    this.#info = await connection.closed;
    this.#connection = undefined;
  }

  #onEnd(end: ConnectionEnd): void {
    this.#end = end;
    if (end.isFinal) return;
    this.#info = undefined;
    this.#conversation.reporter.gone(end);
    void this.#onHandshake();
  }

  async say(line: TypedLine): Promise<void> {
    const { forgivesMistakes } = this.#conversation;
    for (;;) {
      const isOpen = this.#connection?.readyState === 'open';
      if (!isOpen && forgivesMistakes) return this.#sayToNobody(line);
      const connection = isOpen ? this.#connection : await this.#nextConnection();
      if (connection === undefined) continue;
      try {
        return await act(connection, line, this.#conversation);
      } catch (error) {
        // A script's line waits for the next connection, then.
        if (!(error instanceof ConnectionClosedError)) throw error;
      }
    }
  }

  /** Rejects when there will be none. */
  async #nextConnection(): Promise<Connection> {
    const { signal } = this.#ended;
    const [connection] = (await once(this.#openings, 'open', { signal })) as [Connection];
    return connection;
  }

  #sayToNobody(line: TypedLine): void {
    const { reporter } = this.#conversation;
    if (line.kind === 'close') this.finish();
    else if (line.kind === 'help') reporter.note(SLASH_HELP);
    else reporter.mistake(line.kind === 'mistake' ? line.text : NOBODY);
  }

  finish(): void {
    if (this.#connection?.readyState === 'open') void this.#connection.close(1000);
    else this.#stop.abort();
  }

  #tell(mistake: unknown, thrown: unknown): ExitCode {
    const { reporter } = this.#conversation;
    const info = this.#info;
    if (info !== undefined) reporter.closed(info);
    if (mistake !== undefined) return this.#fail(mistake);
    const wasStopped = this.#stop.signal.aborted;
    const end = this.#end;
    // Such as an output that cannot be written to.
    if (thrown !== undefined && !wasStopped && thrown !== end?.error) return this.#fail(thrown);
    if (info !== undefined) return exitCodeOfClose(info, 'client');
    if (end?.isFinal === true) return this.#fail(end.error);
    if (end?.info !== undefined) return exitCodeOfClose(end.info, 'client');
    return exitCodeOfError(end?.error ?? thrown);
  }

  #fail(error: unknown): ExitCode {
    const exitCode = exitCodeOfError(error);
    this.#conversation.reporter.failed(error, exitCode);
    return exitCode;
  }
}
