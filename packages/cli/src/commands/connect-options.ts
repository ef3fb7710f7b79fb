/** The options of `framewire connect`: those of wscat by their names, and some more. */
import { Option, type Command } from 'commander';
import { EXIT_CODES_HELP } from '../exit-codes.ts';
import {
  collect,
  collectHeader,
  parseCount,
  parseCredentials,
  parsePort,
  parseProtocolVersion,
  parseSeconds,
  parseSize,
  parseWait,
} from '../option-values.ts';
import { addRouteOptions, ROUTE_HELP, type RouteFlags } from './route-options.ts';

/** Redirects that --location follows. */
const DEFAULT_REDIRECTS = 5;
const MOST_REDIRECTS = 50;

/** The options of TLS as commander names them. */
export interface TlsFlags {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string | true;
  readonly check: boolean;
}

/** The options as commander names them. */
export interface ConnectFlags extends TlsFlags, RouteFlags {
  readonly connect?: string;
  readonly listen?: number;
  readonly subprotocol?: readonly string[];
  readonly origin?: string;
  readonly header?: readonly (readonly [string, string])[];
  readonly auth?: string;
  readonly host?: string;
  readonly unix?: string;
  /** Redirects to follow; `--location` gives their number, too. */
  readonly maxRedirects?: number;
  readonly cookieJar?: string;
  readonly reconnect?: boolean;
  readonly handshakeTimeout?: number;
  readonly compression?: boolean;
  readonly maxMessageSize?: number;
  readonly execute?: readonly string[];
  readonly wait?: number;
  readonly binary?: boolean;
  readonly slash?: boolean;
  readonly showPingPong?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

export const CONNECT_HELP: string = `
The URL may be short: localhost:8080 is ws://localhost:8080, :8080/path is ws://127.0.0.1:8080/path.

Input:
  On a terminal every line typed is a message; Ctrl-D or Ctrl-C closes with 1000, a second Ctrl-C
  does not wait for the peer. From a pipe every line is a message too; after the last one answers
  are awaited for the time of --wait, then the connection is closed.
${ROUTE_HELP}

With --reconnect:
  A connection that is lost, or cannot be opened yet, is opened again after a delay that grows from
  1 to 30 seconds. From a pipe, lines wait until then. It ends with Ctrl-C or Ctrl-D, with the last
  line and its --wait, and with an end that would only be repeated, such as 1000, 1008 or 404.

Output:
  On a terminal, control characters of the peer are shown as escapes. Into a file or pipe, text goes
  as it is, a line for each message, and remarks go to stderr. Binary is shown as a hex dump.

Examples:
  $ framewire connect ws://127.0.0.1:8080/
  $ framewire connect :8080 -x hello -w 2
  $ seq 3 | framewire connect :8080 --json
  $ framewire connect wss://example.com/feed -H "X-Api-Key: 1234" -s feed.v2
  $ framewire connect wss://example.com/feed --compression
  $ framewire connect wss://example.com/ --proxy http://proxy.example:3128 --http2 --reconnect
  $ framewire connect --listen 8080
${EXIT_CODES_HELP}`;

/** A server has no use for them. */
const OF_CLIENTS = [
  ...['auth', 'host', 'ca', 'cert', 'key', 'passphrase', 'unix'],
  ...['proxy', 'http2', 'http2Only', 'location', 'maxRedirects', 'cookieJar', 'reconnect'],
];

const HANDSHAKE = 'Opening handshake:';
const TLS = 'TLS:';
const CONVERSATION = 'Messages:';

export function addConnectOptions(command: Command): void {
  addHandshakeOptions(command);
  addRouteOptions(command);
  addRedirectOptions(command);
  addTlsOptions(command);
  addConversationOptions(command);
}

function addHandshakeOptions(command: Command): void {
  command
    .optionsGroup(HANDSHAKE)
    .option('-c, --connect <url>', 'the URL, for those who are used to give it so')
    .addOption(
      new Option('-l, --listen <port>', 'be a server for one peer at a time on 127.0.0.1')
        .argParser(parsePort)
        .conflicts(OF_CLIENTS),
    )
    .option('-s, --subprotocol <name>', 'subprotocol to offer; repeat for more', collect)
    .option('-o, --origin <origin>', 'Origin header; with --listen, the origin to admit, or "any"')
    .option('-H, --header <name:value>', 'header of the request; repeat', collectHeader)
    .option('--auth <user:password>', 'basic authentication', parseCredentials)
    .option('--host <host>', 'Host header instead of the one of the URL')
    .addOption(
      new Option('--unix <path>', 'connect to a unix socket; the URL gives the rest').conflicts(
        'proxy',
      ),
    )
    .option('--handshake-timeout <seconds>', 'give up after that long (default: 45)', parseSeconds)
    .option('-p, --protocol <version>', 'protocol version: 13', parseProtocolVersion)
    .option('--compression', 'offer permessage-deflate; with --listen, accept it (RFC 7692)');
}

function addRedirectOptions(command: Command): void {
  command
    .addOption(
      new Option('-L, --location', `follow redirects, ${DEFAULT_REDIRECTS} of them`).implies({
        maxRedirects: DEFAULT_REDIRECTS,
      }),
    )
    .addOption(
      new Option('--max-redirects <n>', 'follow that many redirects (default: 0)').argParser(
        parseCount(MOST_REDIRECTS, 0),
      ),
    )
    .option('--cookie-jar <file>', 'keep cookies in this file, which curl can read and write too');
}

export function addTlsOptions(command: Command): void {
  command
    .optionsGroup(TLS)
    .option('-n, --no-check', 'accept certificates that cannot be verified')
    .option('--ca <file>', 'PEM certificates of the authorities to trust, and no others')
    .option('--cert <file>', 'PEM certificate to show to the server')
    .option('--key <file>', 'PEM private key of that certificate')
    .option('--passphrase [text]', 'passphrase of the key; without a value it is asked for');
}

function addConversationOptions(command: Command): void {
  command
    .optionsGroup(CONVERSATION)
    .option('-x, --execute <message>', 'send after opening, then wait and close; repeat', collect)
    .option(
      '-w, --wait <seconds>',
      'after --execute or the end of a pipe: listen for that long, -1 for ever (default: 1)',
      parseWait,
    )
    .option('--reconnect', 'connect again when the connection is lost')
    .option('--binary', 'lines are octets in hexadecimal, sent as binary messages')
    .option('--slash', 'lines that begin with / are commands: /ping /pong /close /help')
    .option('-P, --show-ping-pong', 'show Pings and Pongs that arrive')
    .option('--json', 'one JSON object for each event, a line each')
    .option('--max-message-size <octets>', 'largest message to take (default: 16M)', parseSize)
    .option('--no-color', 'no colours; the variable NO_COLOR does the same');
}
