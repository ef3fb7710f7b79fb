/** What the command line asked for, and where it runs. */
import { Child, type Cores } from './child.ts';
import { CONTENDERS, type ContenderName } from './contenders.ts';
import type { ClientOperations, LoadOperations, ServerOperations } from './operations.ts';
import type { Progress } from './progress.ts';
import type { ContestScenario, MemoryScenario, MemoryVariant } from './scenarios.ts';

export interface Plan {
  readonly rounds: number;
  /** Milliseconds of measuring in each round, and of the same before it. */
  readonly duration: number;
  readonly warmup: number;
  /** Those to measure instead of a scenario's own; none stands for these. */
  readonly contenders: readonly ContenderName[];
  /** Idle connections, where not as many as the scenario says. */
  readonly connections: number | undefined;
  readonly cores: Cores | undefined;
  /** Programs that are not run by Node, as far as they are there. */
  readonly programs: Programs;
  readonly progress: Progress;
}

export interface Programs {
  /** The file of the Go server; undefined where it cannot be built. */
  readonly gorilla: string | undefined;
}

export function startServer(name: ContenderName, plan: Plan): Child<ServerOperations> {
  const { program, env } = CONTENDERS[name];
  return new Child({
    name: `servers/${program}`,
    executable: name === 'gorilla' ? plan.programs.gorilla : undefined,
    core: plan.cores?.server,
    env,
  });
}

export function startLoad({ cores }: Plan): Child<LoadOperations> {
  return new Child({ name: 'load', core: cores?.load });
}

/** Whom clients talk to: cheap, and the same for all of them. */
export function startEcho({ cores }: Plan): Child<ServerOperations> {
  return new Child({ name: 'servers/framewire', core: cores?.load });
}

export function startClient(name: ContenderName, { cores }: Plan): Child<ClientOperations> {
  return startClientOn(cores?.server, name);
}

/** The client of a pair: its server has the core that servers have. */
export function startOtherEnd(name: ContenderName, { cores }: Plan): Child<ClientOperations> {
  return startClientOn(cores?.load, name);
}

function startClientOn(core: number | undefined, name: ContenderName): Child<ClientOperations> {
  const { program, env } = CONTENDERS[name];
  return new Child({ name: `clients/${program}`, core, env });
}

/** Any server can be asked to echo; elsewhere there are those of the scenario. */
export function contendersOf(scenario: ContestScenario, plan: Plan): readonly ContenderName[] {
  const isEcho = scenario.measure === 'echo' || scenario.measure === 'latency';
  const isFree = isEcho && plan.contenders.length > 0;
  const candidates = isFree ? plan.contenders.filter(isServer) : scenario.contenders;
  const isCompressed = scenario.measure === 'echo' && scenario.deflate !== undefined;
  return candidates.filter((name) => {
    return isChosen(name, plan) && !(isCompressed && CONTENDERS[name].raw === true);
  });
}

function isServer(name: ContenderName): boolean {
  const { isClient = false, isWay = false, link } = CONTENDERS[name];
  return !isClient && !isWay && link === undefined;
}

export function variantsOf({ variants }: MemoryScenario, plan: Plan): readonly MemoryVariant[] {
  return variants.filter(({ contender }) => isChosen(contender, plan));
}

function isChosen(name: ContenderName, { contenders, programs }: Plan): boolean {
  if (name === 'gorilla' && programs.gorilla === undefined) return false;
  return contenders.length === 0 || contenders.includes(name);
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
