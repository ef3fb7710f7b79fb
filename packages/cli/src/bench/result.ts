/** What a run found, as --json prints it: times in milliseconds, sizes in octets. */
import { httpVersionOf } from '../http-version.ts';
import type { Failures } from './failures.ts';
import type { GeneratorUse } from './generator-use.ts';
import type { LatencySummary } from './latencies.ts';
import type { Load } from './load.ts';
import type { LoadSettings } from './load-settings.ts';
import type { Opening } from './opening.ts';
import type { Traffic } from './traffic.ts';

/** What was asked for. */
export interface RunOptions extends LoadSettings {
  readonly compression: boolean;
  readonly http2: boolean;
  /** Whether there was to be one: its URL may have a password. */
  readonly proxy: boolean;
  readonly subprotocols: readonly string[];
  /** Names only: values may be secrets. */
  readonly headers: readonly string[];
}

export interface Volume {
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** Of payloads. */
  readonly octets: number;
  readonly octetsPerSecond: number;
}

export interface BenchResult {
  readonly url: string;
  readonly time: string;
  readonly versions: { readonly framewire: string; readonly node: string };
  readonly options: RunOptions;
  /** Ctrl-C came before the time was over. */
  readonly interrupted: boolean;
  /** How long was measured. */
  readonly elapsed: number;
  readonly connections: {
    readonly opened: number;
    readonly failedToOpen: number;
    /** Opened, and ended before their time. */
    readonly broken: number;
    /** What the first agreed on. */
    readonly subprotocol: string;
    readonly extensions: string;
    readonly httpVersion: '1.1' | '2' | null;
  };
  readonly connectTime: LatencySummary | null;
  readonly sent: Volume;
  readonly received: Volume;
  /** Octets on the sockets while it was measured; null over TLS and HTTP/2. */
  readonly traffic: Traffic | null;
  /** Of an open loop: messages that were due, and those of them that were answered. */
  readonly schedule: { readonly due: number; readonly answered: number } | null;
  /** From when a message was due, which in a closed loop is when it was sent. */
  readonly latency: LatencySummary | null;
  /** From when it was sent; null in a closed loop. */
  readonly latencyFromSending: LatencySummary | null;
  /** Messages given up without an answer; the time they waited counts as latency. */
  readonly unanswered: number;
  readonly errors: readonly { readonly text: string; readonly count: number }[];
  /** Connections that the server or the network ended, by close code. */
  readonly closes: Readonly<Record<string, number>>;
  /** What the load generator took of this machine; null if nothing was measured. */
  readonly generator: GeneratorUse | null;
}

export interface Run {
  readonly url: string;
  readonly time: Date;
  readonly version: string;
  readonly options: RunOptions;
  readonly interrupted: boolean;
  readonly opening: Opening;
  readonly load: Load;
}

export function resultOf({
  url,
  time,
  version,
  options,
  interrupted,
  opening,
  load,
}: Run): BenchResult {
  const { measurement, failures } = load;
  const elapsed = measurement.elapsed;
  const volume = (messages: number): Volume => volumeOf(messages, options.size, elapsed);
  const first = opening.connections[0]?.connection;
  return {
    // As it was given it may have credentials.
    url: first?.url ?? url.replace(/\/\/[^/]*@/u, '//…@'),
    time: time.toISOString(),
    versions: { framewire: version, node: process.version },
    options,
    interrupted,
    elapsed: Math.round(elapsed),
    connections: {
      opened: opening.connections.length,
      failedToOpen: opening.failed,
      broken: failures.count - opening.failed,
      subprotocol: first?.protocol ?? '',
      extensions: first?.extensions ?? '',
      httpVersion: first === undefined ? null : httpVersionOf(first),
    },
    connectTime: opening.times.summary() ?? null,
    sent: volume(measurement.sent),
    received: volume(measurement.messages),
    traffic: load.traffic ?? null,
    schedule: load.due === undefined ? null : { due: load.due, answered: measurement.answered },
    latency: measurement.fromDue.summary() ?? null,
    latencyFromSending: measurement.fromSent.summary() ?? null,
    unanswered: measurement.unanswered,
    ...describeFailures(failures),
    generator: load.generator ?? null,
  };
}

function volumeOf(messages: number, size: number, elapsed: number): Volume {
  const perSecond = elapsed > 0 ? (messages * 1000) / elapsed : 0;
  return {
    messages,
    messagesPerSecond: Math.round(perSecond),
    octets: messages * size,
    octetsPerSecond: Math.round(perSecond * size),
  };
}

function describeFailures({ texts, closes }: Failures): Pick<BenchResult, 'errors' | 'closes'> {
  return {
    errors: Array.from(texts, ([text, count]) => ({ text, count })),
    closes: Object.fromEntries(closes),
  };
}
