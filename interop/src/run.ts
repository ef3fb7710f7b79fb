/**
 * `node interop/dist/run.js [peer ...]`: framewire against implementations that nobody here wrote.
 * `--subject ws` plays the same scenarios with npm's ws in framewire's place, to tell a mistake of
 * the suite from one of the library. `--only text` plays the scenarios whose title contains the text;
 * `--full` plays compression with all its parameters and far more messages.
 */
import { parseArgs } from 'node:util';
import { makeCertificate, type Certificate } from './certificate.ts';
import { EchoPage, STEPS } from './echo-page.ts';
import type { Endpoint, Role } from './endpoint.ts';
import { patiently } from './event-queue.ts';
import { FramewireEndpoint } from './framewire-endpoint.ts';
import { chromium, MissingTool, PEERS, type Peer } from './peers.ts';
import { Report } from './report.ts';
import { Stage, type Cast, type Scenario } from './scenario.ts';
import { BROWSER } from './scenarios/browser.ts';
import { CLOSING_HANDSHAKE } from './scenarios/closing-handshake.ts';
import { CONTROL_FRAMES } from './scenarios/control-frames.ts';
import { DEFLATED_MESSAGES } from './scenarios/deflated-messages.ts';
import { deflateMatrix } from './scenarios/deflate-matrix.ts';
import { deflateNegotiation } from './scenarios/deflate-negotiation.ts';
import { FAILURES } from './scenarios/failures.ts';
import { JSON_CODEC } from './scenarios/json-codec.ts';
import { MESSAGES } from './scenarios/messages.ts';
import { OPENING_HANDSHAKE } from './scenarios/opening-handshake.ts';
import { SECURE } from './scenarios/secure.ts';

function allScenarios(full: boolean): readonly Scenario[] {
  return [
    ...OPENING_HANDSHAKE,
    ...MESSAGES,
    ...CONTROL_FRAMES,
    ...CLOSING_HANDSHAKE,
    ...FAILURES,
    ...SECURE,
    ...JSON_CODEC,
    ...BROWSER,
    ...deflateNegotiation(full),
    ...DEFLATED_MESSAGES,
    ...deflateMatrix(full),
  ];
}

/** Milliseconds for one scenario and for all of them; what would begin later fails at once. */
interface Limits {
  readonly scenario: number;
  readonly run: number;
}

const LIMITS: Limits = { scenario: 15_000, run: 240_000 };
const FULL_LIMITS: Limits = { scenario: 300_000, run: 4 * 3_600_000 };

/** The page of `framewire echo`, beside the peers. */
const PAGE = 'page';

const ROLES: readonly Role[] = ['client', 'server'];

interface Plan {
  readonly subject: () => Promise<Endpoint>;
  readonly only: string;
  readonly scenarios: readonly Scenario[];
  readonly limits: Limits;
  readonly certificate: Certificate;
  readonly report: Report;
}

/** Why a scenario makes no sense with this peer in this role; empty when it does. */
function obstacle(scenario: Scenario, { subject, peer, peerRole: role }: Cast): string {
  const { needs = [], clientNeeds = [], serverNeeds = [] } = scenario;
  const { subjectNeeds = [], roles = ROLES } = scenario;
  const [client, server] = role === 'client' ? [peer, subject] : [subject, peer];
  if (role === 'server' && !peer.abilities.has('listens')) return 'the peer does not listen';
  if (!roles.includes(role)) return `they are about the peer as ${roles.join(' or ')}`;
  const lacking = [
    ...needs.filter((need) => !peer.abilities.has(need)),
    ...subjectNeeds.filter((need) => !subject.abilities.has(need)),
    ...clientNeeds.filter((need) => !client.abilities.has(need)),
    ...serverNeeds.filter((need) => !server.abilities.has(need)),
  ];
  return lacking.length === 0 ? '' : `they need one that ${lacking.join(', ')}`;
}

async function play({ title, run }: Scenario, stage: Stage, plan: Plan): Promise<void> {
  const { report, limits } = plan;
  await report.attempt(`${stage.peer.name} as ${stage.peerRole}`, title, async () => {
    if (performance.now() > limits.run) throw new Error(`the run took more than ${limits.run} ms`);
    await patiently('end of the scenario', run(stage), limits.scenario);
  });
  await patiently('end of the clearing', stage.clear()).catch(() => undefined);
}

async function playRole(cast: Cast, plan: Plan): Promise<void> {
  const { peer, peerRole } = cast;
  const obstacles = new Map<string, number>();
  for (const scenario of plan.scenarios.filter(({ title }) => title.includes(plan.only))) {
    const reason = obstacle(scenario, cast);
    if (reason !== '') obstacles.set(reason, (obstacles.get(reason) ?? 0) + 1);
    if (reason === '') await play(scenario, new Stage(cast), plan);
  }
  plan.report.inapplicable(`${peer.name} as ${peerRole}`, obstacles);
}

/** True when the tools are there; otherwise the report has been told. */
async function isPrepared({ name, prepare }: Peer, report: Report): Promise<boolean> {
  try {
    await prepare();
    return true;
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error;
    if (process.env['INTEROP_REQUIRE'] === '1') report.failed(name, 'its tools are there', error);
    else report.skipped(name, error.message);
    return false;
  }
}

async function playPeer(entry: Peer, plan: Plan): Promise<void> {
  const { report, certificate } = plan;
  if (!(await isPrepared(entry, report))) return;
  const subject = await plan.subject();
  report.heading(entry.name, await entry.version(), subject.name);
  const peer = await entry.start();
  const endings: Promise<void>[] = [];
  const others = { certificate, startPeer: entry.start, endings };
  try {
    for (const peerRole of ROLES) await playRole({ subject, peer, peerRole, ...others }, plan);
  } finally {
    await Promise.all(endings);
    await Promise.all([peer.dispose(), subject.dispose()]);
  }
}

/** The steps build on each other: after one that fails the rest is not played. */
async function playEchoPage(report: Report): Promise<void> {
  if (!(await isPrepared({ ...chromium, name: PAGE }, report))) return;
  report.heading(PAGE, await chromium.version(), 'framewire echo');
  const echo = await EchoPage.start();
  try {
    for (const { title, run } of STEPS) {
      const passes = await report.attempt(PAGE, title, () =>
        patiently('end of the step', run(echo), LIMITS.scenario),
      );
      if (!passes) break;
    }
  } finally {
    await echo.dispose();
  }
}

function choose(names: readonly string[]): readonly Peer[] {
  const unknown = names.find((name) => !PEERS.some((peer) => peer.name === name));
  if (unknown === undefined)
    return PEERS.filter(({ name }) => names.length === 0 || names.includes(name));
  throw new RangeError(
    `no peer "${unknown}"; there are ${PEERS.map(({ name }) => name).join(', ')}, ${PAGE}`,
  );
}

function subjectNamed(name: string): () => Promise<Endpoint> {
  if (name === 'framewire') return () => Promise.resolve(new FramewireEndpoint());
  const standIn = choose([name])[0];
  if (standIn === undefined) throw new RangeError('no subject');
  return async () => {
    await standIn.prepare();
    return standIn.start();
  };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      subject: { type: 'string', default: 'framewire' },
      only: { type: 'string', default: '' },
      full: { type: 'boolean', default: false },
    },
  });
  const wantsPage = positionals.length === 0 || positionals.includes(PAGE);
  const names = positionals.filter((name) => name !== PAGE);
  const peers = names.length === 0 && positionals.length > 0 ? [] : choose(names);
  const report = new Report();
  const certificate = await makeCertificate();
  try {
    const { only, full } = values;
    const scenarios = allScenarios(full);
    const limits = full ? FULL_LIMITS : LIMITS;
    const plan = { only, scenarios, limits, certificate, report };
    const subject = subjectNamed(values.subject);
    for (const peer of peers) await playPeer(peer, { subject, ...plan });
    if (wantsPage && values.subject === 'framewire' && only === '') await playEchoPage(report);
  } finally {
    await certificate[Symbol.asyncDispose]();
  }
  process.exitCode = report.finish() ? 0 : 1;
}

await main();
