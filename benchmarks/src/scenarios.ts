/** What is measured: a table, in the order of the report. */
import type { ContenderName } from './contenders.ts';
import type { DeflateSettings, Kind } from './operations.ts';

interface Common {
  readonly name: string;
  /** What `--only` may name instead of each. */
  readonly group: string;
  readonly title: string;
}

interface Shape {
  readonly size: number;
  readonly connections: number;
  /** Messages of a connection that are on their way at the same time. */
  readonly window: number;
}

/** Every message is sent back; the figure is the server's CPU time per message. */
export interface EchoScenario extends Common, Shape {
  readonly measure: 'echo';
  readonly kind: Kind;
  readonly deflate?: EchoDeflate;
  readonly contenders: readonly ContenderName[];
}

/** The same on both sides, and for all contenders. */
export interface EchoDeflate extends DeflateSettings {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly level: number;
}

/** Connections that are opened and closed; the figure is the server's CPU time for each. */
export interface HandshakeScenario extends Common {
  readonly measure: 'handshake';
  readonly atOnce: number;
  readonly contenders: readonly ContenderName[];
}

/** One sends, many receive; the figure is the server's CPU time for each that receives. */
export interface BroadcastScenario extends Common {
  readonly measure: 'broadcast';
  readonly size: number;
  readonly receivers: number;
  /** Broadcasts that not all have yet. */
  readonly window: number;
  readonly contenders: readonly ContenderName[];
}

/** A client sends again what comes back; the figure is its CPU time per message. */
export interface ClientScenario extends Common, Shape {
  readonly measure: 'client';
  readonly contenders: readonly ContenderName[];
}

/** One message at a time on each connection; the figures are percentiles of how long that takes. */
export interface LatencyScenario extends Common {
  readonly measure: 'latency';
  readonly size: number;
  readonly connections: number;
  readonly contenders: readonly ContenderName[];
}

/** Connections that do nothing; the figure is the memory of each. */
export interface MemoryScenario extends Common {
  readonly measure: 'memory';
  readonly connections: number;
  /** Each has exchanged one message before, compressed if that was agreed. */
  readonly exchanges: boolean;
  readonly variants: readonly MemoryVariant[];
}

export interface MemoryVariant {
  readonly contender: ContenderName;
  /** What distinguishes it from the others of the same contender. */
  readonly label: string;
  /** The client offers what browsers do; what the server makes of it is its own. */
  readonly deflate?: DeflateSettings;
}

/** Client and server are measured at once; the figures are the CPU time of each per message. */
export interface PairEchoScenario extends Common, Shape {
  readonly measure: 'pair-echo';
  readonly contenders: readonly ContenderName[];
}

/** The same for connections that are opened and closed, while one stays open. */
export interface PairHandshakeScenario extends Common {
  readonly measure: 'pair-handshake';
  readonly atOnce: number;
  readonly contenders: readonly ContenderName[];
}

/** The memory of each connection that does nothing, at either end. */
export interface PairMemoryScenario extends Common {
  readonly measure: 'pair-memory';
  readonly connections: number;
  /** Each has exchanged one message before. */
  readonly exchanges: boolean;
  readonly contenders: readonly ContenderName[];
}

/** Requests of HTTP through a tunnel; the figures are their times, and the CPU time of each process. */
export interface TunnelScenario extends Common {
  readonly measure: 'tunnel';
  /** Octets of an answer. */
  readonly size: number;
  /** Requests at a time, each on a connection of its own. */
  readonly concurrency: number;
  /** The figures are per MB and not per request. */
  readonly isBulk: boolean;
  readonly contenders: readonly ContenderName[];
}

export type PairCostScenario = PairEchoScenario | PairHandshakeScenario;

export type PairScenario = PairCostScenario | PairMemoryScenario;

/** Those whose figure is CPU time. */
export type CostScenario = EchoScenario | HandshakeScenario | BroadcastScenario | ClientScenario;

/** Those whose contenders take turns. */
export type ContestScenario = CostScenario | LatencyScenario | PairScenario | TunnelScenario;

export type Scenario = ContestScenario | MemoryScenario;

const KIB = 1024;

const ECHOES: readonly ContenderName[] = ['net', 'ws', 'ws-corked', 'framewire', 'gorilla'];
const SMALL: readonly ContenderName[] = [...ECHOES, 'framewire-loop'];
const LARGER: readonly ContenderName[] = [...ECHOES, 'framewire-borrowing'];
const TEXTS: readonly ContenderName[] = ['net', 'ws', 'ws-string', 'framewire'];

function echo(
  name: string,
  kind: Kind,
  title: string,
  shape: Shape,
  contenders: readonly ContenderName[],
): EchoScenario {
  return { measure: 'echo', name, group: 'echo', title, kind, ...shape, contenders };
}

const ECHO: readonly EchoScenario[] = [
  echo('echo-20', 'binary', '20 B', { size: 20, connections: 100, window: 1 }, SMALL),
  echo('echo-20-ahead', 'binary', '20 B', { size: 20, connections: 16, window: 64 }, SMALL),
  echo('echo-1k', 'binary', '1 KiB', { size: KIB, connections: 100, window: 1 }, ECHOES),
  echo('echo-16k', 'binary', '16 KiB', { size: 16 * KIB, connections: 16, window: 8 }, LARGER),
  echo('echo-64k', 'binary', '64 KiB', { size: 64 * KIB, connections: 8, window: 4 }, LARGER),
  echo('echo-1m', 'binary', '1 MiB', { size: KIB * KIB, connections: 4, window: 2 }, ECHOES),
  echo('ascii-20', 'ascii', '20 B', { size: 20, connections: 100, window: 1 }, TEXTS),
  echo('text-20-ahead', 'ascii', '20 B', { size: 20, connections: 16, window: 64 }, TEXTS),
  echo('ascii-16k', 'ascii', '16 KiB', { size: 16 * KIB, connections: 16, window: 8 }, TEXTS),
  echo('chinese-16k', 'chinese', '16 KiB', { size: 16 * KIB, connections: 16, window: 8 }, TEXTS),
];

const TAKEOVERS = [
  { keeps: 'neither', serverNoContextTakeover: true, clientNoContextTakeover: true },
  { keeps: 'client', serverNoContextTakeover: true, clientNoContextTakeover: false },
  { keeps: 'server', serverNoContextTakeover: false, clientNoContextTakeover: true },
  { keeps: 'both', serverNoContextTakeover: false, clientNoContextTakeover: false },
];

/** ws leaves the level to zlib, whose default is 6; framewire's default is 1. */
const LEVELS = [1, 6];

const COMPRESSION: readonly EchoScenario[] = LEVELS.flatMap((level) =>
  TAKEOVERS.map(({ keeps, ...takeover }): EchoScenario => ({
    measure: 'echo',
    name: `compression-${level}-${keeps}`,
    group: 'compression',
    title: `1 KiB of JSON, level ${level}, ${describeKeeping(keeps)}`,
    kind: 'json',
    size: KIB,
    connections: 100,
    window: 1,
    deflate: { ...takeover, level },
    contenders: ['ws', 'framewire', 'framewire-documented'],
  })),
);

function describeKeeping(keeps: string): string {
  if (keeps === 'neither') return 'no context takeover';
  if (keeps === 'both') return 'context takeover both ways';
  return `context takeover of the ${keeps}`;
}

const HANDSHAKE: readonly HandshakeScenario[] = [
  {
    measure: 'handshake',
    name: 'handshake',
    group: 'handshake',
    title: 'opened and closed',
    atOnce: 32,
    contenders: ['ws', 'framewire', 'framewire-attached', 'gorilla'],
  },
];

function broadcast(name: string, title: string, window: number): BroadcastScenario {
  const contenders: readonly ContenderName[] = ['ws', 'framewire', 'gorilla'];
  const shape = { size: 100, receivers: 1000, window };
  return { measure: 'broadcast', name, group: 'broadcast', title, ...shape, contenders };
}

const BROADCAST: readonly BroadcastScenario[] = [
  broadcast('broadcast-1', '100 B', 1),
  broadcast('broadcast-16', '100 B', 16),
];

function client(name: string, title: string, shape: Shape): ClientScenario {
  const contenders: readonly ContenderName[] = ['ws', 'undici', 'framewire'];
  return { measure: 'client', name, group: 'client', title, ...shape, contenders };
}

const CLIENT: readonly ClientScenario[] = [
  client('client-20', '20 B', { size: 20, connections: 100, window: 1 }),
  client('client-20-ahead', '20 B', { size: 20, connections: 16, window: 64 }),
  client('client-1k', '1 KiB', { size: KIB, connections: 100, window: 1 }),
  client('client-16k', '16 KiB', { size: 16 * KIB, connections: 16, window: 8 }),
  client('client-1m', '1 MiB', { size: KIB * KIB, connections: 4, window: 2 }),
];

function latency(name: string, connections: number): LatencyScenario {
  const contenders: readonly ContenderName[] = ['net', 'ws', 'framewire', 'gorilla'];
  const shape = { size: 20, connections };
  return { measure: 'latency', name, group: 'latency', title: '20 B', ...shape, contenders };
}

const LATENCY: readonly LatencyScenario[] = [latency('latency-1', 1), latency('latency-100', 100)];

const TAKEOVER: DeflateSettings = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
};
const NO_TAKEOVER: DeflateSettings = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
};

const WITHOUT_COMPRESSION: readonly MemoryVariant[] = [
  { contender: 'ws', label: '' },
  { contender: 'framewire', label: '' },
  { contender: 'gorilla', label: '' },
];

const WITH_COMPRESSION: readonly MemoryVariant[] = [
  { contender: 'ws', label: 'default', deflate: {} },
  { contender: 'ws', label: 'no takeover', deflate: NO_TAKEOVER },
  { contender: 'framewire', label: 'default', deflate: {} },
  { contender: 'framewire', label: 'takeover', deflate: TAKEOVER },
  { contender: 'framewire-documented', label: 'default', deflate: {} },
];

function idle(
  name: string,
  title: string,
  connections: number,
  exchanges: boolean,
  variants: readonly MemoryVariant[],
): MemoryScenario {
  return { measure: 'memory', name, group: 'memory', title, connections, exchanges, variants };
}

const MEMORY: readonly MemoryScenario[] = [
  idle('memory-fresh', 'no compression', 10_000, false, WITHOUT_COMPRESSION),
  idle('memory-used', 'no compression, 5 s after a message', 10_000, true, WITHOUT_COMPRESSION),
  idle('memory-agreed', 'compression agreed on, not used', 10_000, false, WITH_COMPRESSION),
  // Where each has a state of its own this takes more than a GiB.
  idle('memory-compressed', '5 s after a compressed message', 5000, true, WITH_COMPRESSION),
];

const PAIRS: readonly ContenderName[] = [
  'framewire-tcp',
  'framewire-http2',
  'framewire-tcp-tls',
  'framewire-http2-tls',
];

function sessionsEcho(name: string, title: string, shape: Shape): PairEchoScenario {
  return { measure: 'pair-echo', name, group: 'sessions', title, ...shape, contenders: PAIRS };
}

function sessionsIdle(name: string, title: string, exchanges: boolean): PairMemoryScenario {
  const shape = { connections: 1000, exchanges, contenders: PAIRS };
  return { measure: 'pair-memory', name, group: 'sessions', title, ...shape };
}

const SESSIONS: readonly PairScenario[] = [
  sessionsEcho('sessions-20', '20 B', { size: 20, connections: 1000, window: 1 }),
  sessionsEcho('sessions-20-ahead', '20 B', { size: 20, connections: 16, window: 64 }),
  sessionsEcho('sessions-1k', '1 KiB', { size: KIB, connections: 1000, window: 1 }),
  {
    measure: 'pair-handshake',
    name: 'sessions-handshake',
    group: 'sessions',
    title: 'opened and closed',
    atOnce: 32,
    contenders: PAIRS,
  },
  sessionsIdle('sessions-fresh', 'fresh', false),
  sessionsIdle('sessions-used', 'after a message', true),
];

const WAYS: readonly ContenderName[] = [
  'direct',
  'tunnel',
  'tunnel-reading',
  'tunnel-wsp',
  'tunnel-per-request',
];

function tunnel(
  name: string,
  title: string,
  shape: Pick<TunnelScenario, 'size' | 'concurrency' | 'isBulk'>,
): TunnelScenario {
  return { measure: 'tunnel', name, group: 'tunnel', title, ...shape, contenders: WAYS };
}

const TUNNEL: readonly TunnelScenario[] = [
  tunnel('tunnel-1', '12 B', { size: 12, concurrency: 1, isBulk: false }),
  tunnel('tunnel-32', '12 B', { size: 12, concurrency: 32, isBulk: false }),
  tunnel('tunnel-64m', '64 MiB', { size: 64 * KIB * KIB, concurrency: 1, isBulk: true }),
];

export const SCENARIOS: readonly Scenario[] = [
  ...ECHO,
  ...COMPRESSION,
  ...HANDSHAKE,
  ...BROADCAST,
  ...CLIENT,
  ...LATENCY,
  ...MEMORY,
  ...SESSIONS,
  ...TUNNEL,
];

/** What a scenario counts, and the figure is per. */
export type Counted = 'message' | 'handshake' | 'delivery';

export function messageOf({ measure }: CostScenario | PairCostScenario): Counted {
  if (measure === 'handshake' || measure === 'pair-handshake') return 'handshake';
  return measure === 'broadcast' ? 'delivery' : 'message';
}

/** What is measured, in a phrase. */
export function describeScenario(scenario: Scenario): string {
  const { title } = scenario;
  switch (scenario.measure) {
    case 'echo':
      return `Echo of ${scenario.kind}, ${describeShape(scenario)}`;
    case 'client':
      return `Client of an echo, ${describeShape(scenario)}`;
    case 'latency':
      return `Round trips, ${describeShape({ ...scenario, window: 1 })}`;
    case 'handshake':
      return `Connections ${title}, ${scenario.atOnce} at a time`;
    case 'broadcast':
      return `Broadcast of ${title} to ${scenario.receivers}, ${scenario.window} at a time`;
    case 'memory':
      return `KiB per idle connection: ${title}`;
    case 'pair-echo':
      return `Echo, ${describeShape(scenario)}`;
    case 'pair-handshake':
      return `Connections ${title}, ${scenario.atOnce} at a time`;
    case 'pair-memory':
      return `KiB per idle connection: ${title}`;
    case 'tunnel':
      return `GET of ${title}, ${scenario.concurrency} at a time`;
  }
}

function describeShape({ title, connections, window }: Common & Omit<Shape, 'size'>): string {
  const ahead = window === 1 ? '' : `, ${window} messages ahead`;
  return `${title}, ${connections} ${connections === 1 ? 'connection' : 'connections'}${ahead}`;
}

/** Those with one of the words in their name or for their group; all of them without any word. */
export function chooseScenarios(words: readonly string[]): readonly Scenario[] {
  const unknown = words.find((word) => !SCENARIOS.some((scenario) => isMeant(scenario, word)));
  if (unknown !== undefined) throw new RangeError(`no scenario is called "${unknown}"`);
  if (words.length === 0) return SCENARIOS;
  return SCENARIOS.filter((scenario) => words.some((word) => isMeant(scenario, word)));
}

function isMeant({ name, group }: Scenario, word: string): boolean {
  return name === word || group === word;
}
