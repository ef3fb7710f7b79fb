/** `framewire bench`: how many messages a server echoes, and how long that takes it. */
import { setMaxListeners } from 'node:events';
import { Command } from 'commander';
import { connect, type Clock, type ConnectOptions } from 'framewire';
import { BenchReporter } from '../bench/bench-reporter.ts';
import { LiveView } from '../bench/live-view.ts';
import { OPENING_AT_ONCE, type Dial } from '../bench/opening.ts';
import { resultOf, type RunOptions } from '../bench/result.ts';
import { run, verdictOf } from '../bench/run.ts';
import type { ExitCode } from '../exit-codes.ts';
import { Interruption } from '../interruption.ts';
import { completeUrl } from '../target-url.ts';
import { painter, Screen, usesColours } from '../terminal.ts';
import { readVersion } from '../version.ts';
import { addBenchOptions, BENCH_HELP, runOptions, type BenchFlags } from './bench-options.ts';
import { tlsOptions } from './connect.ts';
import { routeOptions } from './route-options.ts';

/** Keeps the process alive while somebody waits for it. */
const clock: Clock = {
  now: () => performance.now(),
  setTimer(delay, task) {
    const timeout = setTimeout(task, delay);
    return { cancel: () => clearTimeout(timeout) };
  },
};

export function benchCommand(finish: (exitCode: ExitCode) => void): Command {
  const command = new Command('bench')
    .summary('measure a server that echoes')
    .description('Loads a WebSocket server that sends back every message, and measures it.')
    .argument('<url>', 'where to connect to, such as ws://127.0.0.1:8080/');
  addBenchOptions(command);
  return command.addHelpText('after', BENCH_HELP).action(async (url: string) => {
    finish(await runBench(completeUrl(url), command.opts<BenchFlags>()));
  });
}

async function runBench(url: string, flags: BenchFlags): Promise<ExitCode> {
  const options = runOptions(flags);
  const connectOptions = await connectOptionsOf(url, flags);
  const reporter = makeReporter(flags, options);
  using interruption = new Interruption();
  const { asked: signal, forced } = interruption;
  // Every opening handshake under way listens.
  setMaxListeners(2 * OPENING_AT_ONCE, signal);
  const dial: Dial = (handler) => connect(url, { ...connectOptions, signal, handler });
  const time = new Date();
  const outcome = await run({
    settings: options,
    dial,
    clock,
    observer: reporter,
    asked: signal,
    forced,
  });
  const interrupted = signal.aborted;
  const verdict = verdictOf(outcome, interrupted);
  const version = readVersion();
  const result = resultOf({ url, time, version, options, interrupted, ...outcome });
  await reporter.finished(result, verdict);
  return verdict.exitCode;
}

async function connectOptionsOf(url: string, flags: BenchFlags): Promise<ConnectOptions> {
  return {
    headers: flags.header ?? [],
    protocols: flags.subprotocol ?? [],
    handshakeTimeout: flags.handshakeTimeout,
    perMessageDeflate: flags.compression,
    tls: await tlsOptions(flags),
    ...routeOptions(url, flags),
    // What is in flight is bounded by the window, and who does not answer is noticed by that.
    maxBufferedAmount: Infinity,
    heartbeat: false,
  };
}

/** Figures on the way are for a person who sees both outputs. */
function makeReporter(flags: BenchFlags, options: RunOptions): BenchReporter {
  const { stdout: output, stderr: errors } = process;
  const screen = new Screen({ output, errors, colours: flags.color });
  const json = flags.json === true;
  const isWatched = output.isTTY && errors.isTTY && !json && flags.quiet !== true;
  const paint = painter(usesColours(errors, flags.color));
  const view = isWatched ? new LiveView(errors, paint, options) : undefined;
  return new BenchReporter(screen, view, json);
}
