/** `framewire tunnel demo`: the whole story on one machine, with nothing to install. */
import { Command, Option } from 'commander';
import { EXIT_CODES_HELP, ExitCode } from '../exit-codes.ts';
import { Interruption } from '../interruption.ts';
import { parsePort } from '../option-values.ts';
import { Screen } from '../terminal.ts';
import type { NativePlan } from '../tunnel/agent-plan.ts';
import { Inspection } from '../tunnel/inspection.ts';
import { createLog, type Log } from '../tunnel/log.ts';
import type { RelayPlan } from '../tunnel/relay-plan.ts';
import { RunningAgent } from '../tunnel/running-agent.ts';
import { RunningRelay } from '../tunnel/running-relay.ts';
import { SampleService } from '../tunnel/sample-service.ts';
import { aborted, orForced } from '../tunnel/stopping.ts';

interface DemoFlags {
  readonly port: number;
  readonly json?: boolean;
  readonly color: boolean;
}

const NAME = 'app';
/** The tunnel of each name is there too, for programs that do not know what *.localhost is. */
const PREFIX = '/t';
/** Milliseconds for what is open when it ends: nobody waits for a demonstration. */
const DRAIN_TIMEOUT = 2_000;

const TAKEN = '--port 0 takes any that is free, as does "npm start -- --port 0"';

const HELP = `
A relay, an agent and a small service behind it run in this process, on 127.0.0.1 only. Agents need
no token here: whoever is on this machine may put a service of their own beside the sample. The
inspector, which shows the requests, is on port 4040, or any other one where that is taken.`;

export function tunnelDemoCommand(finish: (code: ExitCode) => void): Command {
  const command = new Command('demo')
    .summary('a relay, an agent and a sample service, to look at')
    .description('Runs a relay, an agent and a sample service on this machine, to look at.')
    .addOption(
      new Option('--port <port>', 'port of the relay, 0 for any that is free')
        .argParser(parsePort)
        .default(8080),
    )
    .option('--json', 'one JSON object for each event, a line each')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same')
    .addHelpText('after', `${HELP}\n${EXIT_CODES_HELP}`);
  return command.action(async () => finish(await runDemo(command.opts<DemoFlags>())));
}

async function runDemo({ port, json, color: colours }: DemoFlags): Promise<ExitCode> {
  const screen = new Screen({ output: process.stdout, errors: process.stderr, colours });
  using interruption = new Interruption();
  const log = createLog(screen, json === true);
  {
    await using relay = new RunningRelay(relayPlan(port), log);
    await using service = new SampleService();
    const { port: found } = await relay.start(TAKEN);
    await using inspection = await Inspection.start(true, log);
    const place = { relay: found, service: await service.start() };
    const agent = new RunningAgent(agentPlan(place), log, inspection?.inspector);
    await agent.start();
    tellPlace(screen, log, { ...place, inspector: inspection?.url ?? '' });
    await aborted(interruption.asked);
    log.write({ event: 'draining', text: 'ending; another signal does not wait' });
    await orForced(end(service, agent, relay), interruption);
    agent.abort();
  }
  await log.end();
  return ExitCode.ok;
}

/** From the inside out, so that nothing is cut off. */
async function end(
  service: SampleService,
  agent: RunningAgent,
  relay: RunningRelay,
): Promise<void> {
  await service[Symbol.asyncDispose]();
  await agent.close();
  await relay.drain();
}

interface Place {
  /** Ports of 127.0.0.1. */
  readonly relay: number;
  readonly service: number;
}

interface ShownPlace extends Place {
  /** Its address. */
  readonly inspector: string;
}

function tellPlace(screen: Screen, log: Log, { relay, service, inspector }: ShownPlace): void {
  const page = `http://${NAME}.localhost:${relay}/`;
  const path = `http://127.0.0.1:${relay}${PREFIX}/${NAME}/`;
  const own = `npx framewire tunnel agent 3000 --relay ws://127.0.0.1:${relay} --name mine`;
  const { paint } = screen;
  const text = [
    `a tunnel from ${page} to a service on 127.0.0.1:${service}`,
    `  open ${paint('bold', page)} in a browser`,
    `  see its requests at ${paint('bold', inspector)}`,
    `  or run ${paint('bold', `curl ${path}hello`)}`,
    `  a service of your own: ${paint('bold', own)}`,
    `    is then at http://mine.localhost:${relay}/`,
    '  Ctrl-C stops',
    '',
  ].join('\n');
  log.write({ event: 'listening', fields: { page, path, inspector, port: relay, service }, text });
}

function relayPlan(port: number): RelayPlan {
  return {
    host: '127.0.0.1',
    port,
    tls: undefined,
    options: { domains: ['localhost'], paths: [{ prefix: PREFIX }], openRegistration: true },
    headersTimeout: 60_000,
    maxHeaderSize: 128 * 1024,
    tcp: [],
    admin: undefined,
    drainTimeout: DRAIN_TIMEOUT,
    logsRequests: true,
    logsQuery: false,
    hasFiles: false,
    warnings: [],
  };
}

function agentPlan({ relay, service }: Place): NativePlan {
  const target = `http://127.0.0.1:${service}`;
  const url = `ws://127.0.0.1:${relay}`;
  return {
    kind: 'native',
    relay: url,
    target,
    names: [NAME],
    options: { target, name: NAME },
    drainTimeout: DRAIN_TIMEOUT,
    logsRequests: false,
    logsQuery: false,
    inspect: true,
    hasFiles: false,
    warnings: [],
  };
}
