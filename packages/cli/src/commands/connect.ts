/** `framewire connect`: a WebSocket by hand, from a script, or as a server for one peer. */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { Command } from 'commander';
import { connect, type ConnectOptions } from 'framewire';
import { controlFrames, converse, type Conversation } from '../conversation.ts';
import { CookieFile } from '../cookie-file.ts';
import { describeError } from '../describe-error.ts';
import { exitCodeOfError, type ExitCode } from '../exit-codes.ts';
import { Interruption } from '../interruption.ts';
import { readOptionFile } from '../option-values.ts';
import { askPassphrase } from '../passphrase.ts';
import { JsonReporter, TextReporter, type Reporter } from '../reporter.ts';
import { chooseSpeech, type Speech } from '../speech.ts';
import { Stay } from '../stay.ts';
import { completeUrl } from '../target-url.ts';
import { Screen } from '../terminal.ts';
import { parseLine } from '../typed-line.ts';
import { UsageError } from '../usage-error.ts';
import {
  addConnectOptions,
  CONNECT_HELP,
  type ConnectFlags,
  type TlsFlags,
} from './connect-options.ts';
import { listenForPeers } from './listen.ts';
import { routeOptions } from './route-options.ts';

export function connectCommand(finish: (exitCode: ExitCode) => void): Command {
  const command = new Command('connect')
    .summary('talk to a WebSocket server')
    .description('Opens a WebSocket: what you type is sent, what arrives is shown.')
    .argument('[url]', 'where to connect to, such as ws://127.0.0.1:8080/');
  addConnectOptions(command);
  return command.addHelpText('after', CONNECT_HELP).action(async (url: string | undefined) => {
    finish(await runConnect(url, command.opts<ConnectFlags>()));
  });
}

async function runConnect(argument: string | undefined, flags: ConnectFlags): Promise<ExitCode> {
  const given = [argument, flags.connect, flags.listen].filter((value) => value !== undefined);
  if (given.length === 0) throw new UsageError('either a URL or --listen is needed');
  if (given.length > 1) throw new UsageError('one URL, or --listen, and not both');
  const url = argument ?? flags.connect;
  refuseBadMessages(flags);
  using interruption = new Interruption();
  const screen = new Screen({
    output: process.stdout,
    errors: process.stderr,
    colours: flags.color,
  });
  const speech = chooseSpeech({
    input: process.stdin,
    output: process.stdout,
    screen,
    interruption,
    execute: flags.execute ?? [],
    wait: flags.wait,
    json: flags.json === true,
  });
  const reporter = makeReporter(screen, flags, speech);
  const conversation: Conversation = {
    reporter,
    interruption,
    syntax: flags,
    lines: speech.lines,
    wait: speech.wait,
    forgivesMistakes: speech.isInteractive,
  };
  try {
    if (flags.listen !== undefined) return await listenForPeers(flags.listen, flags, conversation);
    return await talk(completeUrl(url ?? ''), flags, conversation);
  } catch (error) {
    if (interruption.asked.aborted) return exitCodeOfError(error);
    const exitCode = exitCodeOfError(error);
    reporter.failed(error, exitCode);
    return exitCode;
  }
}

/** Over one connection, or with --reconnect over one after another. */
async function talk(
  url: string,
  flags: ConnectFlags,
  conversation: Conversation,
): Promise<ExitCode> {
  const { cookieJar, reconnect } = flags;
  const cookies = cookieJar === undefined ? undefined : await CookieFile.open(cookieJar);
  const keepCookies = (): Promise<void> => save(cookies, conversation);
  const options = await connectOptions(url, flags, cookies, conversation);
  if (reconnect === true) return new Stay(conversation, keepCookies).run(url, options);
  const connecting = connect(url, options);
  await Promise.allSettled([connecting]);
  await keepCookies();
  return converse(await connecting, conversation);
}

/** What became of the cookies is no reason to end a connection. */
async function save(cookies: CookieFile | undefined, { reporter }: Conversation): Promise<void> {
  try {
    await cookies?.save();
  } catch (error) {
    reporter.mistake(describeError(error));
  }
}

/** A message of --execute that cannot be sent is better found before anything is dialled. */
function refuseBadMessages(flags: ConnectFlags): void {
  for (const line of flags.execute ?? []) {
    const parsed = parseLine(line, flags);
    if (parsed.kind === 'mistake') throw new UsageError(`--execute ${line}: ${parsed.text}`);
  }
}

function makeReporter(screen: Screen, flags: ConnectFlags, { isInteractive }: Speech): Reporter {
  if (flags.json === true) return new JsonReporter(screen);
  const hint = flags.slash === true ? 'Ctrl-D closes, /help lists commands' : 'Ctrl-D closes';
  return new TextReporter(screen, {
    showPingPong: flags.showPingPong === true,
    compression: flags.compression === true,
    http2: flags.http2 === true,
    hint: isInteractive ? hint : undefined,
  });
}

async function connectOptions(
  url: string,
  flags: ConnectFlags,
  cookieJar: CookieFile | undefined,
  { reporter, interruption }: Conversation,
): Promise<ConnectOptions> {
  const headers = [...(flags.header ?? [])];
  if (flags.host !== undefined) headers.push(['Host', flags.host]);
  if (flags.auth !== undefined) headers.push(['Authorization', flags.auth]);
  return {
    headers,
    protocols: flags.subprotocol ?? [],
    origin: flags.origin,
    cookieJar,
    maxRedirects: flags.maxRedirects,
    ...routeOptions(url, flags),
    signal: interruption.asked,
    handshakeTimeout: flags.handshakeTimeout,
    maxMessageSize: flags.maxMessageSize,
    perMessageDeflate: flags.compression,
    socketPath: flags.unix,
    tls: await tlsOptions(flags),
    handler: controlFrames(reporter),
  };
}

export async function tlsOptions(flags: TlsFlags): Promise<TlsOptions> {
  const { ca, cert, key, check } = flags;
  const passphrase =
    flags.passphrase === true
      ? await askPassphrase(process.stdin, process.stderr)
      : flags.passphrase;
  return {
    rejectUnauthorized: check,
    ...(ca !== undefined && { ca: readOptionFile('--ca', ca) }),
    ...(cert !== undefined && { cert: readOptionFile('--cert', cert) }),
    ...(key !== undefined && { key: readOptionFile('--key', key) }),
    ...(passphrase !== undefined && { passphrase }),
  };
}
