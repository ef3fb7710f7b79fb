/** What an agent is to be, from its flags, its environment and its files. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { RelayDialOptions, TunnelOptions, WspAgentOptions } from '@framewire/tunnel';
import { messageOf } from '../error-message.ts';
import { agentSchema, type AgentFile, type TrustFile } from './agent-file.ts';
import type { AgentFlags } from './agent-options.ts';
import { ConfigError, type Mistake } from './config-error.ts';
import { ConfigFile } from './config-file.ts';
import type { InspectChoice } from './inspection.ts';
import { refusedByTunnel } from './library-checks.ts';
import { readWspAgentFile } from './wsp-section.ts';

export interface CommonPlan {
  /** Milliseconds. */
  readonly drainTimeout: number;
  readonly logsRequests: boolean;
  readonly logsQuery: boolean;
  readonly inspect: InspectChoice;
  /** Whether SIGHUP has anything to read. */
  readonly hasFiles: boolean;
  readonly warnings: readonly Mistake[];
}

export interface NativePlan extends CommonPlan {
  readonly kind: 'native';
  readonly relay: string;
  /** As it is shown. */
  readonly target: string;
  readonly names: readonly string[];
  readonly options: TunnelOptions;
}

export interface WspPlan extends CommonPlan {
  readonly kind: 'wsp';
  readonly options: WspAgentOptions;
}

export type AgentPlan = NativePlan | WspPlan;

const DRAIN_TIMEOUT = 30_000;

/** Rejects with a ConfigError that has all mistakes. */
export async function planAgent(target: string | undefined, flags: AgentFlags): Promise<AgentPlan> {
  const read = flags.config === undefined ? undefined : ConfigFile.read(flags.config);
  const file = read instanceof ConfigFile ? await read.parse<AgentFile>(agentSchema) : undefined;
  const mistakes: Mistake[] = read instanceof ConfigFile ? read.mistakes : read ? [read] : [];
  const isReadable = mistakes.length === 0;
  const dialling = diallingOf(flags, file ?? {}, mistakes);
  mistakes.push(...mistakesOfInspect(target, flags, file ?? {}, read));
  if (flags.wspConfig !== undefined) {
    return planWsp(flags.wspConfig, target, flags, { file: file ?? {}, dialling, mistakes });
  }
  const wanted = target ?? file?.target;
  const relay = flags.relay ?? file?.relay;
  const names = flags.name ?? file?.name ?? [];
  mistakes.push(...(await mistakesOfFlags(target, flags)));
  if (isReadable) mistakes.push(...whatIsMissing(wanted, relay, names));
  const secureTarget = trustOf('--target-ca', targetTrust(flags, file ?? {}), mistakes);
  if (mistakes.length > 0 || wanted === undefined || relay === undefined) {
    throw new ConfigError(mistakes);
  }
  const options: TunnelOptions = {
    ...settingsOf(flags, file ?? {}),
    target: wanted,
    name: names,
    tls: secureTarget,
    relay: dialling,
  };
  const why = await refusedByTunnel(options, relay);
  if (why !== undefined) throw new ConfigError([{ place: 'options', key: '', reason: why }]);
  return { kind: 'native', relay, target: wanted, names, options, ...commonOf(flags, file ?? {}) };
}

interface WspParts {
  readonly file: AgentFile;
  readonly dialling: RelayDialOptions;
  readonly mistakes: readonly Mistake[];
}

function planWsp(
  path: string,
  target: string | undefined,
  flags: AgentFlags,
  { file, dialling, mistakes }: WspParts,
): WspPlan {
  const wsp = readWspAgentFile(path);
  const found = [...mistakes, ...wsp.mistakes];
  if (target !== undefined) {
    const reason = 'has no part in it: with --wsp-config, callers say their destination';
    found.push({ place: `the target`, key: '', reason });
  }
  if (found.length > 0) throw new ConfigError(found);
  const { wspSecretKey: secretKey, relay } = flags;
  const { proxy, tls } = dialling;
  const options: WspAgentOptions = {
    ...wsp.options,
    ...(relay !== undefined && { targets: [relay] }),
    ...(secretKey !== undefined && { secretKey }),
    connect: { proxy, tls },
  };
  return { kind: 'wsp', options, ...commonOf(flags, file), warnings: wsp.warnings };
}

function settingsOf(flags: AgentFlags, file: AgentFile): Omit<TunnelOptions, 'target' | 'name'> {
  const path = flags.tokenFile ?? (flags.token === undefined ? file.tokenFile : undefined);
  const token = flags.token ?? file.token;
  return {
    token: path === undefined ? token : () => readToken(path),
    exclusive: flags.exclusive ?? file.exclusive,
    host: flags.hostHeader ?? file.hostHeader,
    connections: flags.connections ?? file.connections,
    maxStreams: file.maxStreams,
    connectTimeout: flags.connectTimeout ?? file.connectTimeout,
    allowLinkLocal: flags.allowLinkLocal ?? file.allowLinkLocal,
    rules: file.rules,
    pingInterval: file.pingInterval,
    pingTimeout: file.pingTimeout,
  };
}

/** For each connection, so that a new token is taken as soon as it is there. */
async function readToken(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim();
}

function commonOf(flags: AgentFlags, file: AgentFile): CommonPlan {
  return {
    drainTimeout: flags.drainTimeout ?? file.drainTimeout ?? DRAIN_TIMEOUT,
    logsRequests: flags.logRequests ?? file.log?.requests ?? false,
    logsQuery: flags.logQuery ?? file.log?.query ?? false,
    inspect: inspectOf(flags, file),
    hasFiles: flags.config !== undefined || flags.wspConfig !== undefined,
    warnings: [],
  };
}

function inspectOf(flags: AgentFlags, file: AgentFile): InspectChoice {
  return flags.inspect ?? file.inspect ?? false;
}

/** Where there is nothing to be seen, somebody would wait for it. */
function mistakesOfInspect(
  target: string | undefined,
  flags: AgentFlags,
  file: AgentFile,
  read: ConfigFile | Mistake | undefined,
): Mistake[] {
  if (inspectOf(flags, file) === false) return [];
  const isOfWsp = flags.wspConfig !== undefined;
  if (!isOfWsp && !isRaw(target ?? file.target ?? '')) return [];
  const what = isOfWsp ? 'an agent of wsp' : 'a target of tcp: or tls:, which is no HTTP';
  const reason = `has nothing to show of ${what}`;
  const isOfFile = flags.inspect === undefined && read instanceof ConfigFile;
  return [isOfFile ? read.mistakeAt(['inspect'], reason) : { place: '--inspect', key: '', reason }];
}

/** Whether nobody but the two ends knows what is said. */
export function isRaw(target: string): boolean {
  return /^(?:tcp|tls):/iu.test(target);
}

function diallingOf(flags: AgentFlags, file: AgentFile, mistakes: Mistake[]): RelayDialOptions {
  const proxy = flags.proxy ?? file.proxy;
  const trust = {
    ca: flags.ca ?? file.tls?.ca,
    check: flags.check !== false && file.tls?.check !== false,
  };
  const shown = shownOf(flags.cert ?? file.tls?.cert, flags.key ?? file.tls?.key, mistakes);
  const trusted = trustOf('--ca', trust, mistakes);
  return {
    proxy: proxy === 'env' ? 'environment' : proxy,
    tls: trusted || shown ? { ...trusted, ...shown } : undefined,
  };
}

/** The certificate of the agent itself. */
function shownOf(
  cert: string | undefined,
  key: string | undefined,
  mistakes: Mistake[],
): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  const place = '--cert, --key';
  if (cert === undefined || key === undefined) {
    mistakes.push({ place, key: '', reason: 'a certificate and its key belong together' });
    return undefined;
  }
  try {
    const shown = { cert: readFileSync(cert), key: readFileSync(key) };
    createSecureContext(shown);
    return shown;
  } catch (error) {
    mistakes.push({ place, key: '', reason: `are of no use: ${messageOf(error)}` });
    return undefined;
  }
}

function targetTrust({ targetCa, targetCheck }: AgentFlags, { targetTls }: AgentFile): TrustFile {
  const check = targetCheck !== false && targetTls?.check !== false;
  return { ca: targetCa ?? targetTls?.ca, check };
}

function trustOf(
  place: string,
  { ca, check }: TrustFile,
  mistakes: Mistake[],
): { readonly ca?: Buffer; readonly rejectUnauthorized?: boolean } | undefined {
  if (ca === undefined && check !== false) return undefined;
  try {
    return {
      ...(ca !== undefined && { ca: readFileSync(ca) }),
      ...(check === false && { rejectUnauthorized: false }),
    };
  } catch (error) {
    mistakes.push({ place, key: '', reason: `cannot be read: ${messageOf(error)}` });
    return undefined;
  }
}

/** Of what the command line or the environment says. */
async function mistakesOfFlags(target: string | undefined, flags: AgentFlags): Promise<Mistake[]> {
  const { name, relay, tokenFile } = flags;
  const { token } = flags;
  const found: Mistake[] = [];
  const add = (place: string, reason: string | undefined): void => {
    if (reason !== undefined) found.push({ place, key: '', reason });
  };
  if (token !== undefined && tokenFile !== undefined) {
    add('--token, --token-file', 'exclude each other (each may be a variable of the environment)');
  }
  if (target !== undefined) add('the target', await refusedByTunnel({ target }));
  if (name !== undefined) add('--name', await refusedByTunnel({ name }));
  if (relay !== undefined) add('--relay', await whyNoRelay(relay));
  if (tokenFile !== undefined) {
    try {
      readFileSync(tokenFile);
    } catch (error) {
      add('--token-file', `cannot be read: ${messageOf(error)}`);
    }
  }
  return found;
}

async function whyNoRelay(relay: string): Promise<string | undefined> {
  if (!/^(?:wss?|https?):\/\//iu.test(relay)) {
    return 'has to begin with wss:// or ws://, such as wss://relay.example.com';
  }
  return refusedByTunnel({}, relay);
}

function whatIsMissing(
  target: string | undefined,
  relay: string | undefined,
  names: readonly string[],
): Mistake[] {
  const missing = [
    ...(target === undefined ? [['the target', 'such as http://localhost:3000, or 3000']] : []),
    ...(relay === undefined ? [['--relay', 'such as wss://relay.example.com']] : []),
    ...(names.length === 0 ? [['--name', 'by which the world asks for it, such as app']] : []),
  ];
  return missing.map(([place = '', what]) => ({ place, key: '', reason: `is missing, ${what}` }));
}
