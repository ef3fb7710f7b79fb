/** A whole run: opening the connections, loading them, and closing them again. */
import { addAbortListener } from 'node:events';
import type { Clock } from 'framewire';
import { ExitCode } from '../exit-codes.ts';
import type { LoadConnection } from './load-connection.ts';
import type { LoadSettings } from './load-settings.ts';
import { Load, type LoadProgress } from './load.ts';
import { Opening, type Dial } from './opening.ts';

export interface RunObserver {
  opening(opened: number, failed: number): void;
  loading(progress: LoadProgress): void;
}

export interface RunInit {
  readonly settings: LoadSettings;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly observer: RunObserver;
  /** Ends the run early, in an orderly way; and at once. */
  readonly asked: AbortSignal;
  readonly forced: AbortSignal;
}

export interface RunOutcome {
  readonly opening: Opening;
  readonly load: Load;
}

/** Never rejects for what a peer or the network does: that is in the outcome. */
export async function run(init: RunInit): Promise<RunOutcome> {
  const { settings, dial, clock, observer, asked, forced } = init;
  const load = new Load(settings, clock, (progress) => observer.loading(progress));
  const opening = new Opening({
    count: settings.connections,
    dial,
    clock,
    signal: asked,
    failures: load.failures,
    create: () => load.createConnection(),
    onProgress: (opened, failed) => observer.opening(opened, failed),
  });
  await opening.run();
  if (!asked.aborted) {
    using _asked = addAbortListener(asked, () => load.interrupt());
    using _forced = addAbortListener(forced, () => load.interrupt());
    await load.run(opening.connections);
  }
  await closeAll(opening.connections, forced);
  return { opening, load };
}

async function closeAll(
  connections: readonly LoadConnection[],
  forced: AbortSignal,
): Promise<void> {
  const terminate = (): void => {
    for (const { connection } of connections) connection?.terminate();
  };
  using _forced = addAbortListener(forced, terminate);
  for (const connection of connections) connection.close();
  await Promise.all(connections.map(async ({ connection }) => connection?.closed));
}

export interface Verdict {
  readonly exitCode: ExitCode;
  /** What went wrong, if anything did. */
  readonly text: string | undefined;
  /** There are figures to show. */
  readonly isMeasured: boolean;
}

export function verdictOf({ opening, load }: RunOutcome, interrupted: boolean): Verdict {
  const { failures, measurement } = load;
  const isMeasured = measurement.messages + measurement.answered > 0;
  const { first, count } = failures;
  if (first !== undefined) {
    const tried = opening.connections.length + opening.failed;
    const text = isMeasured ? `${count} of ${tried} connections failed: ${first.text}` : first.text;
    return { exitCode: first.exitCode, text, isMeasured };
  }
  if (isMeasured) return { exitCode: ExitCode.ok, text: undefined, isMeasured };
  const text = interrupted
    ? 'stopped before anything was measured'
    : 'nothing was measured: no message was due within --duration';
  return { exitCode: ExitCode.error, text, isMeasured };
}
