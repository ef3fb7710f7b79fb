/** What a relay is to be, from its flags, its environment and its files. */
import {
  hashToken,
  type AgentToken,
  type RelayOptions,
  type WspRelayOptions,
  type WspRequestAccess,
} from '@framewire/tunnel';
import { ConfigError, type Mistake } from './config-error.ts';
import { ConfigFile } from './config-file.ts';
import { refusedByRelay } from './library-checks.ts';
import { relaySchema, type AdminFile, type RelayFile, type TcpPort } from './relay-file.ts';
import type { RelayFlags } from './relay-options.ts';
import { readWspRelayFile, readWspSection } from './wsp-section.ts';

export interface TlsPlan {
  readonly cert: string;
  readonly key: string;
  readonly agentCa: string | undefined;
  readonly http2: boolean;
}

export interface RelayPlan {
  /** Undefined: all addresses. */
  readonly host: string | undefined;
  readonly port: number;
  readonly tls: TlsPlan | undefined;
  readonly options: RelayOptions;
  /** Milliseconds. */
  readonly headersTimeout: number;
  /** Octets. */
  readonly maxHeaderSize: number;
  readonly tcp: readonly TcpPort[];
  readonly admin: AdminFile | undefined;
  /** Milliseconds. */
  readonly drainTimeout: number;
  readonly logsRequests: boolean;
  readonly logsQuery: boolean;
  /** Whether SIGHUP has anything to read. */
  readonly hasFiles: boolean;
  readonly warnings: readonly Mistake[];
}

interface WspPart {
  readonly options: WspRelayOptions | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly Mistake[];
}

const DEFAULTS = {
  port: 8080,
  headersTimeout: 60_000,
  maxHeaderSize: 128 * 1024,
  drainTimeout: 30_000,
} as const;

/** Rejects with a ConfigError that has all mistakes. */
export async function planRelay(flags: RelayFlags): Promise<RelayPlan> {
  const read = flags.config === undefined ? undefined : ConfigFile.read(flags.config);
  const file = read instanceof ConfigFile ? await read.parse<RelayFile>(relaySchema) : undefined;
  const ofFile = read instanceof ConfigFile ? read.mistakes : read === undefined ? [] : [read];
  const wsp = readWsp(flags, file ?? {}, read instanceof ConfigFile ? read : undefined);
  const mistakes = [...ofFile, ...wsp.mistakes, ...mistakesOfFlags(flags)];
  // What the flags lack may stand in a file that cannot be understood yet.
  if (ofFile.length === 0) mistakes.push(...whatIsMissing(flags, file ?? {}, wsp));
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const plan = combine(flags, file ?? {}, wsp);
  // What single parts do not show.
  const reason = refusedByRelay(plan.options);
  if (reason !== undefined) throw new ConfigError([{ place: 'options', key: '', reason }]);
  return plan;
}

function combine(flags: RelayFlags, file: RelayFile, wsp: WspPart): RelayPlan {
  const { limits = {} } = file;
  const isOpen = isOpenRegistration(flags, file);
  return {
    host: flags.host ?? file.host ?? wsp.host ?? (isOpen ? '127.0.0.1' : undefined),
    port: flags.port ?? file.port ?? wsp.port ?? DEFAULTS.port,
    tls: tlsOf(flags, file),
    options: optionsOf(flags, file, wsp),
    headersTimeout: limits.headersTimeout ?? DEFAULTS.headersTimeout,
    maxHeaderSize: limits.maxHeaderSize ?? DEFAULTS.maxHeaderSize,
    tcp: flags.tcp ?? file.tcp ?? [],
    admin: adminOf(flags, file),
    drainTimeout: flags.drainTimeout ?? file.drainTimeout ?? DEFAULTS.drainTimeout,
    logsRequests: flags.logRequests !== false && file.log?.requests !== false,
    logsQuery: flags.logQuery ?? file.log?.query ?? false,
    hasFiles:
      [flags.config, flags.wspConfig].some((path) => path !== undefined) ||
      tlsOf(flags, file) !== undefined,
    warnings: wsp.warnings,
  };
}

function optionsOf(flags: RelayFlags, file: RelayFile, wsp: WspPart): RelayOptions {
  const { connectTimeout, firstByteTimeout, idleTimeout, maxBodySize } = file.limits ?? {};
  const isOpen = isOpenRegistration(flags, file);
  return {
    domains: flags.domain ?? file.domain ?? [],
    ...(file.hosts !== undefined && { hosts: file.hosts }),
    ...(file.paths !== undefined && { paths: file.paths }),
    ...(isOpen ? { openRegistration: true } : { tokens: tokensOf(flags, file) }),
    requiresCertificate: agentCaOf(flags, file) !== undefined,
    access: file.access,
    rateLimit: file.rateLimit,
    limits: {
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(firstByteTimeout !== undefined && { firstByteTimeout }),
      ...(idleTimeout !== undefined && { idleTimeout }),
      ...(maxBodySize !== undefined && { maxBodySize }),
    },
    maxStreams: flags.maxStreams ?? file.limits?.maxStreams,
    maxSessions: file.limits?.maxSessions,
    memoryBudget: file.limits?.memoryBudget,
    trustedProxies: flags.trustedProxy ?? file.trustedProxies,
    sendsForwarded: file.sendForwarded,
    publicUrl: flags.publicUrl ?? file.publicUrl,
    pingInterval: file.pingInterval,
    pingTimeout: file.pingTimeout,
    wsp: wsp.options,
  };
}

/** Those of the command line, or the environment, are there beside those of the file. */
function tokensOf(flags: RelayFlags, file: RelayFile): readonly AgentToken[] {
  const given = (flags.token ?? []).map((token, index) => ({
    id: `option-${index + 1}`,
    hash: hashToken(token),
    names: ['*'],
  }));
  return [...(file.tokens ?? []), ...given];
}

function isOpenRegistration(flags: RelayFlags, file: RelayFile): boolean {
  return flags.openRegistration ?? file.openRegistration ?? false;
}

function tlsOf(flags: RelayFlags, file: RelayFile): TlsPlan | undefined {
  const cert = flags.tlsCert ?? file.tls?.cert;
  const key = flags.tlsKey ?? file.tls?.key;
  if (cert === undefined || key === undefined) return undefined;
  const agentCa = agentCaOf(flags, file);
  return { cert, key, agentCa, http2: flags.http2 !== false && file.tls?.http2 !== false };
}

function agentCaOf(flags: RelayFlags, file: RelayFile): string | undefined {
  return flags.agentCa ?? file.tls?.agentCa;
}

function adminOf(flags: RelayFlags, file: RelayFile): AdminFile | undefined {
  const port = flags.adminPort ?? file.admin?.port;
  return port === undefined ? undefined : { port, host: flags.adminHost ?? file.admin?.host };
}

function readWsp(flags: RelayFlags, file: RelayFile, read: ConfigFile | undefined): WspPart {
  const { wspConfig, wspSecretKey: secretKey } = flags;
  const withKey = (options: WspRelayOptions): WspRelayOptions => ({
    ...options,
    // A key of the command line closes what a file without one has opened.
    ...(secretKey !== undefined && { secretKey, openRegistration: false }),
  });
  const given = requestAccessOf(flags);
  if (wspConfig !== undefined) {
    const part = readWspRelayFile(wspConfig, given);
    const warnings = part.warnings.filter(({ key }) => !isAnswered(key, secretKey));
    return { ...part, options: withKey(part.options), warnings };
  }
  if (file.wsp !== undefined) {
    const { options, warnings } = readWspSection(file.wsp, given);
    const open = warnings.filter(({ key }) => !isAnswered(key, secretKey));
    const placed = open.map(({ key, message }) =>
      read === undefined
        ? { place: '', key, reason: message }
        : read.mistakeAt(['wsp', ...key.split('.')], message),
    );
    return { options: withKey(options), mistakes: [], warnings: placed };
  }
  if (secretKey === undefined) return { options: undefined, mistakes: [], warnings: [] };
  const reason = 'nobody may call /request: see --wsp-request-token and --wsp-open-requests';
  const isClosed = Object.keys(given).length === 0;
  const warnings = isClosed ? [{ place: '--wsp-secret-key', key: '', reason }] : [];
  return { options: { secretKey, ...given }, mistakes: [], warnings };
}

function requestAccessOf({ wspRequestToken, wspOpenRequests }: RelayFlags): WspRequestAccess {
  return {
    ...(wspRequestToken !== undefined && { requestToken: wspRequestToken }),
    ...(wspOpenRequests !== undefined && { openRequests: wspOpenRequests }),
  };
}

/** A file without a key is told of, unless the command line has one. */
function isAnswered(key: string, secretKey: string | undefined): boolean {
  return secretKey !== undefined && /(?:^|\.)secretkey$/iu.test(key);
}

/** Of what the command line or the environment says. */
function mistakesOfFlags(flags: RelayFlags): Mistake[] {
  const { domain: domains, publicUrl, trustedProxy: trustedProxies } = flags;
  const checks: readonly (readonly [string, RelayOptions])[] = [
    ...(domains === undefined ? [] : [['--domain', { domains }] as const]),
    ...(publicUrl === undefined ? [] : [['--public-url', { publicUrl }] as const]),
    ...(trustedProxies === undefined ? [] : [['--trusted-proxy', { trustedProxies }] as const]),
  ];
  return checks.flatMap(([place, options]) => {
    const reason = refusedByRelay(options);
    return reason === undefined ? [] : [{ place, key: '', reason }];
  });
}

/** What goes together, wherever it is said. */
function whatIsMissing(flags: RelayFlags, file: RelayFile, wsp: WspPart): Mistake[] {
  const cert = flags.tlsCert ?? file.tls?.cert;
  const key = flags.tlsKey ?? file.tls?.key;
  const tokens = tokensOf(flags, file);
  const isOpen = isOpenRegistration(flags, file);
  const found: Mistake[] = [];
  const add = (place: string, reason: string): void => {
    found.push({ place, key: '', reason });
  };
  if ((cert === undefined) !== (key === undefined)) {
    add('--tls-cert, --tls-key', 'a certificate and its key belong together');
  }
  if (agentCaOf(flags, file) !== undefined && tlsOf(flags, file) === undefined) {
    add('--agent-ca', 'needs --tls-cert and --tls-key: without TLS nobody shows a certificate');
  }
  if (isOpen && tokens.length > 0) {
    add('--open-registration', 'there are tokens too: agents show one, or they do not');
  }
  if (!isOpen && tokens.length === 0 && wsp.options === undefined) {
    add('--token', 'is missing: no agent could register; "framewire tunnel token" makes one');
  }
  const badWsp = wsp.options && refusedByRelay({ wsp: wsp.options });
  if (badWsp !== undefined) add('wsp', badWsp);
  if (flags.wspConfig !== undefined && file.wsp !== undefined) {
    add('--wsp-config', 'excludes the section wsp of the file');
  }
  return found;
}
