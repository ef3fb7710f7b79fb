/** `framewire tunnel agent`: the private side. */
import { Command } from 'commander';
import { describeError } from '../describe-error.ts';
import { EXIT_CODES_HELP, ExitCode } from '../exit-codes.ts';
import { Interruption } from '../interruption.ts';
import { sanitizeLine } from '../sanitize.ts';
import { Screen } from '../terminal.ts';
import { addAgentOptions, AGENT_HELP, type AgentFlags } from '../tunnel/agent-options.ts';
import { planAgent, type AgentPlan } from '../tunnel/agent-plan.ts';
import { withoutUser } from '../tunnel/describe.ts';
import { optionsOf } from '../tunnel/environment.ts';
import { Inspection, type InspectChoice } from '../tunnel/inspection.ts';
import { createLog, type Log } from '../tunnel/log.ts';
import { RunningAgent } from '../tunnel/running-agent.ts';
import { logMistakes } from '../tunnel/running-relay.ts';
import { aborted, onHangup, orForced } from '../tunnel/stopping.ts';

export function tunnelAgentCommand(finish: (code: ExitCode) => void): Command {
  const command = new Command('agent')
    .summary('be the private side: let the world reach a service here')
    .description('Lets the world reach a service beside it, by a name at a relay.')
    .argument('[target]', 'the service, such as http://localhost:3000');
  addAgentOptions(command);
  command.addHelpText('after', `${AGENT_HELP}\n${EXIT_CODES_HELP}`);
  return command.action(async (target: string | undefined) =>
    finish(await runAgent(target, optionsOf<AgentFlags>(command))),
  );
}

async function runAgent(target: string | undefined, flags: AgentFlags): Promise<ExitCode> {
  const { color: colours } = flags;
  const screen = new Screen({ output: process.stdout, errors: process.stderr, colours });
  const plan = await planAgent(target, flags);
  using interruption = new Interruption();
  const log = createLog(screen, flags.json === true);
  logMistakes(log, plan);
  tellPlan(log, plan);
  await using inspection = await Inspection.start(plan.inspect, log);
  if (inspection !== undefined) tellInspection(log, inspection);
  const agent = new RunningAgent(plan, log, inspection?.inspector);
  const started = agent.start();
  // Told by whoever waits for it below.
  started.catch(() => {});
  try {
    using _hangup = onHangup(
      plan.hasFiles,
      () => void reload({ target, flags, agent, log, inspect: plan.inspect }),
    );
    await Promise.race([started.then(() => agent.ended), aborted(interruption.asked)]);
    if (!interruption.asked.aborted) await failWith(await agent.ended);
    const text = 'waiting for open requests; another signal ends at once';
    log.write({ event: 'draining', text });
    await orForced(agent.close(), interruption);
  } finally {
    agent.abort();
    await log.end();
  }
  return ExitCode.ok;
}

async function failWith(error: Error | undefined): Promise<void> {
  if (error !== undefined) throw error;
}

interface Reloading {
  readonly target: string | undefined;
  readonly flags: AgentFlags;
  readonly agent: RunningAgent;
  readonly log: Log;
  /** As it was at the beginning. */
  readonly inspect: InspectChoice;
}

async function reload({ target, flags, agent, log, inspect }: Reloading): Promise<void> {
  let isPlanned = false;
  try {
    const plan = await planAgent(target, flags);
    isPlanned = true;
    if (!(await agent.reload(plan))) return;
    log.write({ event: 'reloaded', text: 'the configuration was read again' });
    if (plan.inspect === inspect) return;
    const text = 'not changed before a restart: inspect';
    log.write({ level: 'warn', event: 'restart-needed', fields: { keys: ['inspect'] }, text });
  } catch (error) {
    // A file with mistakes has not come as far as the agent.
    const isGone = isPlanned && !agent.isServing;
    const now = isGone ? 'what was there before is opened again' : 'all stays as it was';
    const text = `not reloaded, ${now}: ${describeError(error)}`;
    log.write({
      level: 'error',
      event: 'reload-failed',
      fields: { serving: agent.isServing },
      text,
    });
  }
}

function tellInspection(log: Log, { url }: Inspection): void {
  const text = `inspecting: ${url}`;
  log.write({ event: 'inspecting', fields: { url }, text, format: 'green' });
}

function tellPlan(log: Log, plan: AgentPlan): void {
  if (plan.kind === 'wsp') {
    const relays = [plan.options.targets].flat().map(withoutUser);
    const text = sanitizeLine(`agent of wsp for ${relays.join(', ')}`);
    log.write({ event: 'starting', fields: { relays }, text });
    return;
  }
  const { relay, target, names } = plan;
  const bare = withoutUser(relay);
  const text = sanitizeLine(`${target} as ${names.join(', ')} at ${bare}`);
  log.write({ event: 'starting', fields: { target, names, relay: bare }, text });
}
