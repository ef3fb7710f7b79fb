/** `framewire tunnel relay`: the public side. */
import { Command } from 'commander';
import { describeError } from '../describe-error.ts';
import { EXIT_CODES_HELP, ExitCode } from '../exit-codes.ts';
import { Interruption } from '../interruption.ts';
import { Screen } from '../terminal.ts';
import { optionsOf } from '../tunnel/environment.ts';
import { createLog, type Log } from '../tunnel/log.ts';
import { addRelayOptions, RELAY_HELP, type RelayFlags } from '../tunnel/relay-options.ts';
import { planRelay, type RelayPlan } from '../tunnel/relay-plan.ts';
import { logMistakes, RunningRelay, type RelayAddresses } from '../tunnel/running-relay.ts';
import { aborted, onHangup, orForced } from '../tunnel/stopping.ts';

export function tunnelRelayCommand(finish: (code: ExitCode) => void): Command {
  const command = new Command('relay')
    .summary('be the public side: serve names that agents register')
    .description('Serves names that agents register: their requests go to the agents.');
  addRelayOptions(command);
  command.addHelpText('after', `${RELAY_HELP}\n${EXIT_CODES_HELP}`);
  return command.action(async () => finish(await runRelay(optionsOf<RelayFlags>(command))));
}

async function runRelay(flags: RelayFlags): Promise<ExitCode> {
  const { color: colours } = flags;
  const screen = new Screen({ output: process.stdout, errors: process.stderr, colours });
  const plan = await planRelay(flags);
  using interruption = new Interruption();
  const log = createLog(screen, flags.json === true);
  logMistakes(log, plan);
  {
    await using relay = new RunningRelay(plan, log);
    const started = relay.start();
    // A signal may come as soon as it is told where it listens.
    using _hangup = onHangup(plan.hasFiles, () => {
      started.then(
        () => reload(flags, relay, log),
        () => {},
      );
    });
    tellAddresses(log, plan, await started);
    await aborted(interruption.asked);
    const open = relay.openRequests;
    const what = open === 1 ? '1 open request' : `${open} open requests`;
    const text = `waiting for ${what}; another signal ends at once`;
    log.write({ event: 'draining', fields: { openRequests: open }, text });
    await orForced(relay.drain(), interruption);
  }
  log.write({ event: 'stopped', text: 'stopped' });
  await log.end();
  return ExitCode.ok;
}

/** A file with mistakes changes nothing. */
async function reload(flags: RelayFlags, relay: RunningRelay, log: Log): Promise<void> {
  try {
    const plan = await planRelay(flags);
    relay.reload(plan);
    logMistakes(log, plan);
    log.write({ event: 'reloaded', text: 'the configuration was read again' });
  } catch (error) {
    const text = `not reloaded, all stays as it was: ${describeError(error)}`;
    log.write({ level: 'error', event: 'reload-failed', text });
  }
}

function tellAddresses(log: Log, { options }: RelayPlan, addresses: RelayAddresses): void {
  const { url, port, tcp, admin } = addresses;
  const { domains = [], wsp } = options;
  const fields = { url, port, domains, tcp, admin, wsp: wsp !== undefined && wsp !== false };
  const tunnels = domains.map((domain) => `<name>.${domain}`).join(', ');
  const text = [
    `relay on ${url}`,
    ...(tunnels === '' ? [] : [`serving ${tunnels}`]),
    ...tcp.map(({ port, name }) => `TCP port ${port} for ${name}`),
    ...(admin === undefined ? [] : [`health and metrics on ${admin}`]),
  ].join(', ');
  log.write({ event: 'listening', fields, text });
  if (options.openRegistration === true) {
    const warning = 'anybody who reaches this port may register a name: there are no tokens';
    log.write({ level: 'warn', event: 'open-registration', text: warning });
  }
}
