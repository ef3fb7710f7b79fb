/** `framewire echo`: a server that sends back what it receives, and a page to try it with. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Command, Option } from 'commander';
import { WebSocketServer, type Connection, type HandshakeRequest } from 'framewire';
import { createEchoHttp, type EchoHttp, type TlsFiles } from '../echo-http.ts';
import { composePage, readPageParts, servePage } from '../echo-page.ts';
import {
  JsonEchoReporter,
  TextEchoReporter,
  type EchoReporter,
  type Place,
  type Visit,
} from '../echo-reporter.ts';
import { EXIT_CODES_HELP, ExitCode } from '../exit-codes.ts';
import { httpVersionOf } from '../http-version.ts';
import { Interruption } from '../interruption.ts';
import { collect, parsePath, parsePort, parseSize, readOptionFile } from '../option-values.ts';
import { originsOf } from '../origins.ts';
import { addressOf } from '../reporter.ts';
import { Screen } from '../terminal.ts';
import { hostInUrl } from '../tunnel/listening.ts';
import { aborted, orForced } from '../tunnel/stopping.ts';
import { UsageError } from '../usage-error.ts';

interface EchoFlags {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly unix?: string;
  readonly subprotocol?: readonly string[];
  readonly origin: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly http2?: boolean;
  readonly maxMessageSize?: number;
  readonly compression?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

const HELP = `
One port serves both: WebSockets at --path, and at / a page to try them with in a browser.
A page of another origin is refused with 403 unless --origin admits it; programs send no Origin and
are not asked for one. SIGINT or SIGTERM closes all connections with 1001; a second one ends at once.

Examples:
  $ framewire echo
  $ framewire echo --port 0 --json
  $ framewire echo --tls-cert cert.pem --tls-key key.pem --port 8443
  $ framewire echo --tls-cert cert.pem --tls-key key.pem --http2
  $ framewire echo --origin http://localhost:3000 --subprotocol chat.v2
${EXIT_CODES_HELP}`;

export function echoCommand(finish: (exitCode: ExitCode) => void): Command {
  const command = new Command('echo')
    .summary('serve echoes, and a page to try them with')
    .description('Serves WebSockets that send back every message, and a page to try them with.')
    .addOption(
      new Option('--port <port>', 'port to listen on, 0 for any that is free')
        .argParser(parsePort)
        .default(8080),
    )
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .addOption(
      new Option('--unix <path>', 'listen on a unix socket instead').conflicts(['host', 'port']),
    )
    .addOption(
      new Option('--path <path>', 'path of the WebSocket; the page stays at /')
        .argParser(parsePath)
        .default('/'),
    )
    .option('-s, --subprotocol <name>', 'subprotocol to agree on; repeat for more', collect)
    .option('-o, --origin <origin>', 'pages that may connect: same, any, or an origin', 'same')
    .option('--tls-cert <file>', 'PEM certificate; serves https and wss')
    .option('--tls-key <file>', 'PEM private key of the certificate')
    .option('--http2', 'HTTP/2 as well (RFC 8441), which needs both of these')
    .option('--max-message-size <octets>', 'largest message to take (default: 16M)', parseSize)
    .option('--compression', 'compress with clients that offer permessage-deflate (RFC 7692)')
    .option('--json', 'one JSON object for each event, a line each')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same')
    .addHelpText('after', HELP);
  return command.action(async () => finish(await runEcho(command.opts<EchoFlags>())));
}

async function runEcho(flags: EchoFlags): Promise<ExitCode> {
  const screen = new Screen({
    output: process.stdout,
    errors: process.stderr,
    colours: flags.color,
  });
  const reporter =
    flags.json === true ? new JsonEchoReporter(screen) : new TextEchoReporter(screen);
  const http = createHttp(flags);
  const server = createEchoServer(flags, reporter);
  server.attach(http.server, { path: flags.path });
  using interruption = new Interruption();
  reporter.listening(await listen(http, flags));
  await aborted(interruption.asked);
  reporter.stopping(server.connections.size);
  http.stop();
  await orForced(server.close(), interruption);
  for (const connection of server.connections) connection.terminate();
  http.destroy();
  return ExitCode.ok;
}

function createHttp(flags: EchoFlags): EchoHttp {
  const { path, subprotocol: subprotocols = [], http2 = false } = flags;
  const files = tlsFiles(flags);
  if (http2 && files === undefined) {
    throw new UsageError(
      '--http2 needs --tls-cert and --tls-key: without TLS no browser speaks it',
    );
  }
  const serve = servePage(composePage(readPageParts(), { path, subprotocols }));
  return createEchoHttp(serve, files, http2);
}

function tlsFiles({ tlsCert, tlsKey }: EchoFlags): TlsFiles | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new UsageError('--tls-cert and --tls-key belong together');
  }
  const cert = readOptionFile('--tls-cert', tlsCert);
  return { cert, key: readOptionFile('--tls-key', tlsKey) };
}

function createEchoServer(flags: EchoFlags, reporter: EchoReporter): WebSocketServer {
  let count = 0;
  return new WebSocketServer({
    protocols: flags.subprotocol,
    origins: originsOf(flags.origin),
    maxMessageSize: flags.maxMessageSize,
    perMessageDeflate: flags.compression,
    handler: {
      open: (connection, request) => {
        count++;
        const visit = visitOf(count, connection, request);
        reporter.opened(visit);
        void echo(connection, visit, reporter);
      },
    },
    onRefused: (error, request) => reporter.refused(error.message, error.code, request?.origin),
  });
}

function visitOf(
  number: number,
  connection: Connection<undefined>,
  request: HandshakeRequest | undefined,
): Visit {
  const { protocol: subprotocol, extensions } = connection;
  const remoteAddress = addressOf(connection);
  const httpVersion = httpVersionOf(connection);
  return { number, remoteAddress, origin: request?.origin, httpVersion, subprotocol, extensions };
}

async function echo(
  connection: Connection<undefined>,
  visit: Visit,
  reporter: EchoReporter,
): Promise<void> {
  const opened = performance.now();
  let messages = 0;
  let octets = 0;
  try {
    for await (const message of connection) {
      messages++;
      octets += typeof message === 'string' ? Buffer.byteLength(message) : message.length;
      // A peer that does not read its echoes is not read from either.
      await connection.send(message);
    }
  } catch {
    // What ended the connection is told below, together with what went before it.
  }
  const info = await connection.closed;
  reporter.closed(visit, info, { messages, octets, duration: performance.now() - opened });
}

async function listen({ server, isSecure, http2 }: EchoHttp, flags: EchoFlags): Promise<Place> {
  const { port, host, unix, path } = flags;
  server.listen(unix === undefined ? { port, host } : { path: unix });
  try {
    await once(server, 'listening');
    // A failure to accept one socket, such as EMFILE, is no failure of the server.
    server.on('error', (error: Error) => process.emitWarning(error));
  } catch (error) {
    throw explained(error, flags);
  }
  if (unix !== undefined) {
    const scheme = isSecure ? 'wss+unix' : 'ws+unix';
    return { page: undefined, webSocket: `${scheme}:${unix}:${path}`, port: undefined, http2 };
  }
  const address = server.address() as AddressInfo;
  const authority = `${hostInUrl(host)}:${address.port}`;
  const secure = isSecure ? 's' : '';
  return {
    page: `http${secure}://${authority}/`,
    webSocket: `ws${secure}://${authority}${path}`,
    port: address.port,
    http2,
  };
}

function explained(error: unknown, { port, host, unix }: EchoFlags): unknown {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return error;
  return new Error(
    unix === undefined
      ? `port ${port} of ${host} is taken by another program; --port 0 takes any that is free`
      : `${unix} is there already; another program listens on it, or was killed and left it`,
    { cause: error },
  );
}
