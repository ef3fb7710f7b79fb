/** An open connection and somebody at this end of it: lines go out, messages are shown. */
import { addAbortListener } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  ConnectionClosedError,
  type CloseInfo,
  type Connection,
  type ConnectionHandler,
} from 'framewire';
import { messageOf } from './error-message.ts';
import { type ExitCode, exitCodeOfClose, exitCodeOfError } from './exit-codes.ts';
import type { Interruption } from './interruption.ts';
import type { Reporter } from './reporter.ts';
import { parseLine, SLASH_HELP, type LineSyntax, type TypedLine } from './typed-line.ts';
import { UsageError } from './usage-error.ts';

export interface Conversation {
  readonly reporter: Reporter;
  readonly interruption: Interruption;
  readonly syntax: LineSyntax;
  /** What is to be sent. Ends by itself when the signal aborts. */
  readonly lines: (signal: AbortSignal) => AsyncIterable<string>;
  /** Milliseconds to listen after the last line before closing; `Infinity` waits for the peer. */
  readonly wait: number;
  /** A person can try again; a script that wrote something wrong has failed. */
  readonly forgivesMistakes: boolean;
}

/** Where what is said goes. */
export interface Addressee {
  say(line: TypedLine): Promise<void>;
  /** There is no more to say, or the script was wrong. */
  finish(): void;
}

/** Shows control frames, and leaves messages to be iterated over. */
export function controlFrames(reporter: Reporter): ConnectionHandler<undefined, unknown> {
  return {
    ping: (_connection, payload) => reporter.control('ping', payload),
    pong: (_connection, payload) => reporter.control('pong', payload),
  };
}

/** Runs until the connection is gone, and says how that went. */
export async function converse(
  connection: Connection,
  conversation: Conversation,
): Promise<ExitCode> {
  const { reporter, interruption } = conversation;
  const ended = new AbortController();
  using _asked = addAbortListener(interruption.asked, () => void connection.close(1000));
  using _forced = addAbortListener(interruption.forced, () => connection.terminate());
  reporter.opened(connection);
  const addressee: Addressee = {
    say: (line) => act(connection, line, conversation),
    finish: () => void connection.close(1000),
  };
  const speaking = speak(addressee, conversation, ended.signal);
  const listening = listen(connection, reporter);
  const info = await connection.closed;
  ended.abort();
  await listening;
  const mistake = await speaking;
  reporter.closed(info);
  if (mistake === undefined) return exitCodeOfClose(info, connection.role);
  const exitCode = exitCodeOfError(mistake);
  reporter.failed(mistake, exitCode);
  return exitCode;
}

/** Shows what arrives, the last of it even after the end. */
export async function listen(connection: Connection, reporter: Reporter): Promise<void> {
  try {
    for await (const message of connection) await reporter.message(message);
  } catch (error) {
    // How the connection ended is told by `closed`.
    if (!(error instanceof ConnectionClosedError)) throw error;
  }
}

/** Says the lines, waits, and finishes. Resolves with the mistake that ended it before its time. */
export async function speak(
  addressee: Addressee,
  conversation: Conversation,
  ended: AbortSignal,
): Promise<unknown> {
  try {
    for await (const line of conversation.lines(ended)) {
      await addressee.say(parseLine(line, conversation.syntax));
    }
    if (conversation.wait !== 0) await pause(conversation.wait, ended);
    addressee.finish();
    return undefined;
  } catch (error) {
    if (ended.aborted || error instanceof ConnectionClosedError) return undefined;
    addressee.finish();
    return error;
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds === Infinity) return new Promise((resolve) => onAbort(signal, resolve));
  await delay(milliseconds, undefined, { signal });
}

function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
}

export async function act(
  connection: Connection,
  line: TypedLine,
  { reporter, forgivesMistakes }: Conversation,
): Promise<void> {
  switch (line.kind) {
    case 'text':
      return connection.send(line.text);
    case 'binary':
      return connection.send(line.octets);
    case 'ping':
      return void measure(connection, line.payload, reporter);
    case 'pong':
      return connection.pong(line.payload);
    case 'help':
      return reporter.note(SLASH_HELP);
    case 'close':
    case 'mistake': {
      const text = line.kind === 'close' ? close(connection, line) : line.text;
      if (text === undefined) return;
      if (!forgivesMistakes) throw new UsageError(text);
      reporter.mistake(text);
    }
  }
}

/** Returns what is wrong with the code or the reason. */
function close(
  connection: Connection,
  { code, reason }: Pick<CloseInfo, 'code' | 'reason'>,
): string | undefined {
  try {
    void connection.close(code, reason);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

async function measure(
  connection: Connection,
  payload: string | undefined,
  reporter: Reporter,
): Promise<void> {
  try {
    reporter.roundTrip(await connection.ping(payload === undefined ? {} : { payload }));
  } catch {
    // The connection ended before the Pong; that is told there.
  }
}
