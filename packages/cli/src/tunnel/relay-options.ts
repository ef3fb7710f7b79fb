/** The options of `framewire tunnel relay`. */
import { InvalidArgumentError, type Command } from 'commander';
import { parseCount, parsePort } from '../option-values.ts';
import { readDuration } from './config-values.ts';
import { bindEnvironment, collectList, ENVIRONMENT_HELP } from './environment.ts';
import type { TcpPort } from './relay-file.ts';

/** The options as commander names them. */
export interface RelayFlags {
  readonly config?: string;
  readonly port?: number;
  readonly host?: string;
  readonly domain?: readonly string[];
  readonly publicUrl?: string;
  readonly token?: readonly string[];
  readonly openRegistration?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly agentCa?: string;
  readonly http2?: boolean;
  readonly trustedProxy?: readonly string[];
  readonly tcp?: readonly TcpPort[];
  readonly maxStreams?: number;
  readonly wspConfig?: string;
  readonly wspSecretKey?: string;
  readonly wspRequestToken?: string;
  readonly wspOpenRequests?: boolean;
  readonly adminPort?: number;
  readonly adminHost?: string;
  readonly drainTimeout?: number;
  readonly logRequests?: boolean;
  readonly logQuery?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

export const RELAY_HELP: string = `
Agents come to the same port as everybody else, at /register. With --domain example.com, the tunnel
named "app" is served at app.example.com; custom hosts, prefixes of paths, tokens with names and an
expiry, who may call a name, and limits are said in the file.

SIGHUP reads the file and the certificates again; what is under way goes on. SIGTERM or Ctrl-C has
agents go elsewhere, waits for open requests, and ends; a second one does not wait.

On a terminal there is a line for each request; elsewhere, and with --json, an object of JSON.
${ENVIRONMENT_HELP}

Examples:
  $ framewire tunnel token
  $ framewire tunnel relay --port 8080 --domain example.com --token fwt_…
  $ framewire tunnel relay --config relay.yaml --admin-port 9090`;

export function addRelayOptions(command: Command): void {
  bindEnvironment(command);
  command
    .optionsGroup('Where it is:')
    .option('-c, --config <file>', 'read this YAML file too')
    .option('--port <port>', 'port to listen on, 0 for any that is free (default: 8080)', parsePort)
    .option('--host <host>', 'address to listen on (default: all)')
    .option('--domain <domain>', 'serve <name>.<domain>; repeat, or commas', collectList)
    .option('--public-url <url>', 'how the world reaches it, where something stands in front')
    .option('--tls-cert <file>', 'PEM certificate; read again when it changes')
    .option('--tls-key <file>', 'PEM private key of the certificate')
    .option('--agent-ca <file>', 'agents need a certificate of these authorities (PEM) too')
    .option('--no-http2', 'HTTP/1.1 only, where there is TLS')
    .option('--tcp <port=name>', 'a port of raw TCP for that tunnel; repeat, or commas', collectTcp)
    .option('--admin-port <port>', 'serve /healthz, /readyz and /metrics there', parsePort)
    .option('--admin-host <host>', 'address of that port (default: 127.0.0.1)');
  command
    .optionsGroup('Who may do what:')
    .option('--token <token>', 'agents with it may have any name; repeat, or commas', collectList)
    .option('--open-registration', 'agents need no token; listens on 127.0.0.1 unless --host')
    .option('--trusted-proxy <range>', 'its X-Forwarded-For is believed; repeat', collectList)
    .option('--max-streams <n>', 'requests at a time on a connection', parseCount(1_000_000))
    .option('--wsp-config <file>', 'serve wsp agents as its wsp_server.cfg says')
    .option('--wsp-secret-key <key>', 'serve wsp agents that have this key')
    .option('--wsp-request-token <token>', 'who calls /request of wsp shows this token')
    .option('--wsp-open-requests', 'anybody may call /request of wsp');
  command
    .optionsGroup('Its life:')
    .option('--drain-timeout <time>', 'wait so long for open requests (default: 30s)', parseTime)
    .option('--no-log-requests', 'no line for each request')
    .option('--log-query', 'paths with their query, which may have secrets in it')
    .option('--json', 'one JSON object for each event, a line each')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same');
}

export function parseTime(text: string): number {
  const time = readDuration(text);
  if (time !== undefined) return time;
  throw new InvalidArgumentError('A time is such as 30s, 500ms, 5m, or a number of seconds.');
}

function collectTcp(text: string, ports: readonly TcpPort[] = []): TcpPort[] {
  const found = collectList(text).map((pair) => {
    const [port = '', name = '', ...rest] = pair.split('=');
    if (name === '' || rest.length > 0) {
      throw new InvalidArgumentError('It is written port=name, such as 5432=db.');
    }
    return { port: parsePort(port), name };
  });
  return [...ports, ...found];
}
