/** CPU time per message that comes back. */
import { CONTENDERS } from './contenders.ts';
import type { Workload } from './operations.ts';
import type { Plan } from './plan.ts';
import type { EchoDeflate, EchoScenario } from './scenarios.ts';
import type { Result } from './turns.ts';
import { costOf, underLoad, type CostRound, type Turn } from './under-load.ts';

/**
 * Messages of a connection before it is measured with compression: what refers to a full window takes
 * more time than what refers to little, and each round begins with new connections.
 */
const FULL_CONTEXT = 48;

export function measureEcho(scenario: EchoScenario, plan: Plan): Promise<Result<CostRound>[]> {
  const { deflate } = scenario;
  const trial = { scenario, task: 'echo', deflate, workload: workloadOf(scenario) } as const;
  return underLoad(trial, plan, (turn) => playRound(scenario, turn, plan));
}

async function playRound(scenario: EchoScenario, turn: Turn, plan: Plan): Promise<CostRound> {
  const { raw = false } = CONTENDERS[turn.contender];
  const { connections, deflate } = scenario;
  const { extensions } = await turn.load.call('open', { port: turn.port, connections, raw });
  if (!raw) checkAgreement(extensions, deflate);
  return costOf(turn, plan, deflate === undefined ? 0 : connections * FULL_CONTEXT);
}

function workloadOf({ kind, size, window, deflate }: EchoScenario): Workload {
  const messages = { pattern: 'echo', kind, size, window } as const;
  if (deflate === undefined) return { ...messages, deflate };
  const keepsContext = !deflate.clientNoContextTakeover;
  const offer = parametersOf(deflate).join('; ');
  return { ...messages, deflate: { offer, keepsContext, level: deflate.level } };
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
