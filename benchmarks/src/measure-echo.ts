/** CPU time per message: every server in turn, round after round, under the same load. */
import type { Child } from './child.ts';
import { CONTENDERS, type ContenderName } from './contenders.ts';
import type { LoadOperations, Sample, ServerOperations, Usage, Workload } from './operations.ts';
import { describeError, interleaved, startLoad, startServer, type Plan } from './plan.ts';
import type { EchoDeflate, EchoScenario } from './scenarios.ts';

/**
 * Messages of a connection before it is measured with compression: what refers to a full window takes
 * more time than what refers to little, and each round begins with new connections.
 */
const FULL_CONTEXT = 48;

export interface EchoRound extends Sample {
  /** What the server took. */
  readonly server: Usage;
}

export interface EchoResult {
  readonly contender: ContenderName;
  readonly rounds: readonly EchoRound[];
  /** Why it was measured no further. */
  readonly error: string | undefined;
}

interface Runner {
  readonly contender: ContenderName;
  readonly server: Child<ServerOperations>;
  readonly rounds: EchoRound[];
  port: number;
  error: string | undefined;
}

export async function measureEcho(scenario: EchoScenario, plan: Plan): Promise<EchoResult[]> {
  const load = startLoad(plan);
  const runners = contendersOf(scenario, plan).map((contender): Runner => {
    return {
      contender,
      server: startServer(contender, plan),
      rounds: [],
      port: 0,
      error: undefined,
    };
  });
  try {
    await load.call('prepare', workloadOf(scenario));
    for (const runner of runners) await attempt(runner, () => start(runner, scenario));
    for (let round = 0; round < plan.rounds; round++) {
      for (const runner of interleaved(runners, round)) {
        if (runner.error !== undefined) continue;
        plan.progress(`${scenario.name} ${round + 1}/${plan.rounds} ${runner.contender}`);
        await attempt(runner, async () => {
          runner.rounds.push(await playRound(scenario, runner, load, plan));
        });
        await load.call('close');
      }
    }
  } finally {
    for (const child of [load, ...runners.map(({ server }) => server)]) await child.end();
  }
  return runners.map(({ contender, rounds, error }) => ({ contender, rounds, error }));
}

function contendersOf({ contenders, deflate }: EchoScenario, plan: Plan): ContenderName[] {
  const chosen = plan.contenders.length === 0 ? contenders : plan.contenders;
  return chosen.filter((name) => deflate === undefined || CONTENDERS[name].raw !== true);
}

async function attempt(runner: Runner, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    runner.error = describeError(error);
  }
}

async function start(runner: Runner, { deflate }: EchoScenario): Promise<void> {
  const { style } = CONTENDERS[runner.contender];
  runner.port = await runner.server.call('start', { style, deflate });
}

async function playRound(
  scenario: EchoScenario,
  { contender, server, port }: Runner,
  load: Child<LoadOperations>,
  plan: Plan,
): Promise<EchoRound> {
  const { raw = false } = CONTENDERS[contender];
  const { connections, deflate } = scenario;
  const { extensions } = await load.call('open', { port, connections, raw });
  if (!raw) checkAgreement(extensions, deflate);
  const warmup = await load.call('run', {
    milliseconds: plan.warmup,
    messages: deflate === undefined ? 0 : connections * FULL_CONTEXT,
  });
  // Nothing is on its way now, nor when the load has run: the time is that of these messages.
  const before = await server.call('usage');
  const sample = await load.call('run', { milliseconds: plan.duration, messages: 1 });
  const after = await server.call('usage');
  const verified = warmup.verified + sample.verified;
  if (verified === 0) throw new Error('no message was compared with what was sent');
  const usage = { user: after.user - before.user, system: after.system - before.system };
  return { ...sample, verified, server: usage };
}

function workloadOf({ kind, size, window, deflate }: EchoScenario): Workload {
  if (deflate === undefined) return { kind, size, window, deflate };
  const keepsContext = !deflate.clientNoContextTakeover;
  const offer = parametersOf(deflate).join('; ');
  return { kind, size, window, deflate: { offer, keepsContext, level: deflate.level } };
}

function parametersOf(deflate: EchoDeflate): string[] {
  return [
    'permessage-deflate',
    ...(deflate.serverNoContextTakeover ? ['server_no_context_takeover'] : []),
    ...(deflate.clientNoContextTakeover ? ['client_no_context_takeover'] : []),
  ];
}

/** Only servers that agreed on the same can be compared. */
function checkAgreement(extensions: string, deflate: EchoDeflate | undefined): void {
  const agreed = extensions.split(/; */).filter((parameter) => parameter !== '');
  const expected = deflate === undefined ? [] : parametersOf(deflate);
  if (agreed.sort().join() === expected.sort().join()) return;
  throw new Error(`the server agreed on "${extensions}"`);
}
