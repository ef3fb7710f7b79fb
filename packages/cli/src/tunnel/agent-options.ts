/** The options of `framewire tunnel agent`. */
import { InvalidArgumentError, type Command } from 'commander';
import { parseCount } from '../option-values.ts';
import { bindEnvironment, collectList, ENVIRONMENT_HELP } from './environment.ts';
import type { InspectChoice } from './inspection.ts';
import { parseTime } from './relay-options.ts';

/** The options as commander names them. */
export interface AgentFlags {
  readonly config?: string;
  readonly relay?: string;
  readonly name?: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly connections?: number;
  readonly exclusive?: boolean;
  readonly hostHeader?: string;
  readonly allowLinkLocal?: boolean;
  readonly connectTimeout?: number;
  readonly proxy?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly check?: boolean;
  readonly targetCa?: string;
  readonly targetCheck?: boolean;
  readonly wspConfig?: string;
  readonly wspSecretKey?: string;
  readonly drainTimeout?: number;
  readonly inspect?: InspectChoice;
  readonly logRequests?: boolean;
  readonly logQuery?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

export const AGENT_HELP: string = `
The target is http://localhost:3000, or 3000 for short; https:, unix:/run/app.sock, and tcp: or tls:
for what is no HTTP. It need not be there yet: callers get a 502 until it is.

A relay that cannot be reached, or goes, is tried again without end, after delays of 1 to 30 seconds.
A token that is none, or a name that is taken, ends the agent with exit code 3.

--inspect serves a page that shows each request and its answer, and sends requests again. It is on
127.0.0.1:4040, or any other port where that one is taken; a port that is named has to be free. Only
the address that is printed opens it: who has it sees everything. The target stands before it, as in
"agent 3000 --inspect"; what follows it is its port.

SIGHUP reads the file of --config again. SIGTERM or Ctrl-C waits for open requests, and ends; a
second one does not wait.
${ENVIRONMENT_HELP}

Examples:
  $ framewire tunnel agent http://localhost:3000 --relay wss://relay.example.com --name app
  $ framewire tunnel agent 3000 --relay ws://127.0.0.1:8080 --name app --inspect
  $ framewire tunnel agent tcp://localhost:5432 --relay wss://relay.example.com --name db
  $ framewire tunnel agent --wsp-config wsp_client.cfg`;

export function addAgentOptions(command: Command): void {
  bindEnvironment(command);
  command
    .optionsGroup('What is served:')
    .option('-c, --config <file>', 'read this YAML file too')
    .option('--relay <url>', 'the relay, such as wss://relay.example.com')
    .option('--name <name>', 'the name to be reached by; repeat, or commas', collectList)
    .option('--token <token>', 'what the relay lets the agent in for')
    .option('--token-file <file>', 'a file with the token, read for each connection')
    .option('--exclusive', 'nobody else may serve the name meanwhile')
    .option(
      '--host-header <host>',
      'the Host the target is told: preserve (default), target, or it',
    )
    .option(
      '--allow-link-local',
      'also targets at link-local addresses, such as metadata of clouds',
    )
    .option('--connect-timeout <time>', 'for the target to connect (default: 10s)', parseTime)
    .option('--wsp-config <file>', 'be an agent of wsp, as its wsp_client.cfg says')
    .option('--wsp-secret-key <key>', 'with it: the key, in place of the one of the file');
  command
    .optionsGroup('Way to the relay, and to the target:')
    .option('--connections <n>', 'connections to the relay (default: 2)', parseCount(16))
    .option('--proxy <url>', 'go through a proxy; "env" for the one of the environment')
    .option('--ca <file>', 'PEM certificates of the authorities to trust for the relay')
    .option('--cert <file>', 'PEM certificate to show to the relay, where it asks for one')
    .option('--key <file>', 'PEM private key of that certificate')
    .option('-n, --no-check', 'accept certificates of the relay that cannot be verified')
    .option('--target-ca <file>', 'the same for a target of https: or tls:')
    .option('--no-target-check', 'accept certificates of the target that cannot be verified');
  command
    .optionsGroup('Its life:')
    .option('--drain-timeout <time>', 'wait so long for open requests (default: 30s)', parseTime)
    .option('--inspect [port]', 'a page that shows the requests (default: 4040)', parseInspect)
    .option('--log-requests', 'a line for each request, which has them read on the way')
    .option('--log-query', 'paths with their query, which may have secrets in it')
    .option('--json', 'one JSON object for each event, a line each')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same');
}

/** In the environment it has a value in any case: yes, no or the port. */
function parseInspect(text: string): InspectChoice {
  const word = text.toLowerCase();
  if (['yes', 'true', 'on'].includes(word)) return true;
  if (['no', 'false', 'off'].includes(word)) return false;
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('It is a port, 0 to 65535; the target stands before --inspect.');
}
