/** Plays parts, each in a workshop of its own, and says what became of their scenarios. */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeCertificate, type Certificate } from './certificate.ts';
import { patiently } from './event-queue.ts';
import { CHROMIUM, debianVersion, isThere } from './peers.ts';
import type { Report } from './report.ts';
import { Workshop, type Part, type Scenario } from './routes/workshop.ts';

/**
 * Milliseconds for starting a part, for one scenario, for all of them, behind which those that
 * would begin fail, and for what is left when they have ended.
 */
const LIMITS = { start: 120_000, scenario: 15_000, run: 240_000, end: 10_000 } as const;

/** Scenarios whose title does not contain `only` are left out. Sets the exit code. */
export async function playParts(
  parts: readonly Part[],
  only: string,
  report: Report,
): Promise<void> {
  const certificate = await makeCertificate();
  // For a run that is interrupted.
  process.once('exit', () => rmSync(dirname(certificate.key), { recursive: true, force: true }));
  try {
    for (const part of parts) await playPart(part, only, certificate, report);
  } finally {
    await certificate[Symbol.asyncDispose]();
  }
  process.exitCode = report.finish() ? 0 : 1;
  // Nothing is left that keeps the process alive; if something is, that is a failure, too.
  setTimeout(() => {
    process.stderr.write('something was left open\n');
    process.exit(1);
  }, LIMITS.end).unref();
}

/** Those with the names, or all; throws for a name that none has. */
export function chooseParts(parts: readonly Part[], names: readonly string[]): readonly Part[] {
  const unknown = names.find((name) => !parts.some((part) => part.name === name));
  if (unknown === undefined) {
    return parts.filter(({ name }) => names.length === 0 || names.includes(name));
  }
  const known = parts.map(({ name }) => name).join(', ');
  throw new RangeError(`no part "${unknown}"; there are ${known}`);
}

async function playPart(
  part: Part,
  only: string,
  certificate: Certificate,
  report: Report,
): Promise<void> {
  if (!(await hasTools(part, report))) return;
  report.heading(part.name, await versions(part), 'framewire');
  const workshop = await Workshop.open(certificate);
  try {
    const scenarios = await begin(part, workshop, report);
    for (const scenario of scenarios.filter(({ title }) => title.includes(only))) {
      await play(part.name, scenario, report);
    }
  } finally {
    await workshop[Symbol.asyncDispose]();
  }
}

/** True when its programs are there; otherwise the report has been told. */
async function hasTools({ name, tools, lack }: Part, report: Report): Promise<boolean> {
  if (lack !== undefined) {
    report.skipped(name, lack);
    return false;
  }
  for (const { path, debian } of tools) {
    if (await isThere(path)) continue;
    const hint = path === CHROMIUM ? ', or set CHROMIUM' : '';
    const reason = `no ${path}: Debian package ${debian}${hint}`;
    if (process.env['INTEROP_REQUIRE'] !== '1') report.skipped(name, reason);
    else report.failed(name, 'its tools are there', new Error(reason));
    return false;
  }
  return true;
}

async function versions({ tools }: Part): Promise<string> {
  if (tools.length === 0) return '(as it was given)';
  const packages = [...new Set(tools.map(({ debian }) => debian))];
  const named = packages.map(async (name) => `${name} ${await debianVersion(name)}`);
  return `(${(await Promise.all(named)).join(', ')})`;
}

/** A part that does not start has failed, and has no scenarios. */
async function begin(part: Part, workshop: Workshop, report: Report): Promise<readonly Scenario[]> {
  try {
    return await patiently('start of the part', part.begin(workshop), LIMITS.start);
  } catch (error) {
    report.failed(part.name, 'it starts', error);
    return [];
  }
}

async function play(name: string, scenario: Scenario, report: Report): Promise<void> {
  const { title, run, limit = LIMITS.scenario } = scenario;
  await report.attempt(name, title, async () => {
    if (performance.now() > LIMITS.run) throw new Error(`the run took more than ${LIMITS.run} ms`);
    await patiently('end of the scenario', run(), limit);
  });
}
