/** The options of `framewire bench`. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { LoadSettings } from '../bench/load-settings.ts';
import type { RunOptions } from '../bench/result.ts';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import { collect, collectHeader, parseCount, parseSeconds, parseSize } from '../option-values.ts';
import { UsageError } from '../usage-error.ts';
import { addTlsOptions, type TlsFlags } from './connect-options.ts';
import { addRouteOptions, ROUTE_HELP, type RouteFlags } from './route-options.ts';

const MOST_CONNECTIONS = 10_000;
const MOST_IN_WINDOW = 1000;
const MOST_PER_SECOND = 1_000_000;
const LARGEST_MESSAGE = 16 * 1024 * 1024;

/** Messages, and octets of them, that all connections together may have in flight. */
const MOST_IN_FLIGHT = 1_000_000;
const MOST_OCTETS_IN_FLIGHT = 1024 * 1024 * 1024;

/** In an open loop: enough for a server that is slow, and bounded for one that stands still. */
const OPEN_LOOP_IN_FLIGHT = 100_000;
const OPEN_LOOP_OCTETS = 256 * 1024 * 1024;

/** The options as commander names them. */
export interface BenchFlags extends TlsFlags, RouteFlags {
  readonly connections: number;
  readonly window?: number;
  readonly rate?: number;
  readonly size: number;
  readonly binary?: boolean;
  readonly text?: boolean;
  readonly duration: number;
  readonly warmup: number;
  readonly answerTimeout: number;
  readonly handshakeTimeout?: number;
  readonly subprotocol?: readonly string[];
  readonly header?: readonly (readonly [string, string])[];
  readonly compression?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
}

export const BENCH_HELP: string = `
The URL may be short: localhost:8080 is ws://localhost:8080, :8080/path is ws://127.0.0.1:8080/path.

Load:
  With --window every connection keeps that many messages without an answer: as fast as the server
  can. With --rate messages are due at fixed times, whatever the server does, and latency counts from
  when a message was due, not from when it could be sent: a server that stalls delays all that were
  due meanwhile, and all of them show (this corrects coordinated omission).

Answers:
  Every answer has to be an echo: type and size of each are checked, the content of some. A connection
  that gets a wrong one, or none for the time of --answer-timeout, is ended and counts as an error.

${ROUTE_HELP.trimStart()}
  Connections over HTTP/2 share a session, and so its socket, as far as the server allows.

Output:
  The summary goes to stdout, figures on the way to stderr and to terminals only. Ctrl-C ends early with
  what was measured until then. "B" is an octet, "MB" a million of them. Where this client was busy all
  the time the summary says so: then it measured itself.

Examples:
  $ framewire bench :8080
  $ framewire bench :8080 --connections 100 --window 10 --size 1k --binary
  $ framewire bench wss://example.com/ --rate 500 --duration 30 --json
${EXIT_CODES_HELP}

A connection that does not open, or ends before its time even with 1000, makes the exit code that of the
first of them and never 0.`;

export function addBenchOptions(command: Command): void {
  addLoadOptions(command);
  addHandshakeOptions(command);
  addRouteOptions(command);
  addTlsOptions(command);
  command
    .optionsGroup('Output:')
    .option('--json', 'one JSON document on stdout, with more percentiles')
    .option('-q, --quiet', 'no figures on the way')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same');
}

function addLoadOptions(command: Command): void {
  command
    .optionsGroup('Load:')
    .option('-c, --connections <n>', 'connections', parseCount(MOST_CONNECTIONS), 10)
    .option(
      '-w, --window <n>',
      'messages in flight on each connection (default: 1)',
      parseCount(MOST_IN_WINDOW),
    )
    .addOption(
      new Option('-r, --rate <n>', 'instead of --window: messages a second on all connections')
        .argParser(parseCount(MOST_PER_SECOND))
        .conflicts('window'),
    )
    .addOption(
      new Option('--size <octets>', 'octets of a message, up to 16M')
        .argParser(parseMessageSize)
        .default(64),
    )
    .option('--text', 'text messages, of words (the default)')
    .addOption(new Option('--binary', 'binary messages, of random octets').conflicts('text'))
    .addOption(secondsOption('-d, --duration <seconds>', 'how long to measure', 10))
    .addOption(
      secondsOption('--warmup <seconds>', 'load before that, which is not counted', 1, true),
    )
    .addOption(secondsOption('--answer-timeout <seconds>', 'give a connection up after that', 5));
}

function addHandshakeOptions(command: Command): void {
  command
    .optionsGroup('Opening handshake:')
    .option('-s, --subprotocol <name>', 'subprotocol to offer; repeat for more', collect)
    .option('-H, --header <name:value>', 'header of the request; repeat', collectHeader)
    .option('--handshake-timeout <seconds>', 'give up after that long (default: 45)', parseSeconds)
    .option('--compression', 'offer permessage-deflate (RFC 7692)');
}

function secondsOption(flags: string, description: string, seconds: number, zero = false): Option {
  return new Option(flags, description)
    .argParser((text: string) => (zero && text === '0' ? 0 : parseSeconds(text)))
    .default(seconds * 1000, String(seconds));
}

function parseMessageSize(text: string): number {
  const size = parseSize(text);
  if (size <= LARGEST_MESSAGE) return size;
  throw new InvalidArgumentError('A message has 16M octets at most.');
}

/** A `UsageError` for options that are right one by one and too much together. */
export function runOptions(flags: BenchFlags): RunOptions {
  const { connections, rate, size, duration, warmup, answerTimeout } = flags;
  const window = flags.window ?? (rate === undefined ? 1 : openLoopWindow(connections, size));
  refuseTooMuch({ connections, window, size });
  return {
    connections,
    window,
    rate,
    type: flags.binary === true ? 'binary' : 'text',
    size,
    duration,
    warmup,
    answerTimeout,
    compression: flags.compression === true,
    http2: flags.http2 === true,
    proxy: flags.proxy !== undefined,
    subprotocols: flags.subprotocol ?? [],
    headers: (flags.header ?? []).map(([name]) => name),
  };
}

function openLoopWindow(connections: number, size: number): number {
  const most = Math.min(OPEN_LOOP_IN_FLIGHT, Math.floor(OPEN_LOOP_OCTETS / size));
  return Math.min(Math.max(Math.floor(most / connections), 1), MOST_IN_WINDOW);
}

function refuseTooMuch({
  connections,
  window,
  size,
}: Pick<LoadSettings, 'connections' | 'window' | 'size'>): void {
  const inFlight = connections * window;
  if (inFlight > MOST_IN_FLIGHT) {
    throw new UsageError(
      `${inFlight} messages in flight are too many: --connections times --window ` +
        `may be ${MOST_IN_FLIGHT} at most`,
    );
  }
  if (inFlight * size > MOST_OCTETS_IN_FLIGHT) {
    throw new UsageError(
      `${inFlight} messages of ${size} octets are too many in flight: ` +
        'they may have 1G octets at most together',
    );
  }
}
