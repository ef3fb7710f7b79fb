/** The configuration file of a relay. */
import type { AccessPolicy, AgentToken, PathRule, RateLimitOptions } from '@framewire/tunnel';
import { z } from 'zod';
import { count, date, duration, port, rate, size, text, texts } from './config-values.ts';
import { checkedByRelay, refusedByRelay } from './library-checks.ts';
import { logSchema, type LogFile } from './log-file.ts';
import { checkWspSection } from './wsp-section.ts';

export interface TcpPort {
  readonly port: number;
  readonly host?: string | undefined;
  readonly name: string;
}

export interface RelayTlsFile {
  readonly cert: string;
  readonly key: string;
  readonly http2?: boolean | undefined;
  /** Certificates of authorities: agents have to show one of theirs. */
  readonly agentCa?: string | undefined;
}

export interface AdminFile {
  readonly port: number;
  readonly host?: string | undefined;
}

export interface RelayLimitsFile {
  readonly connectTimeout?: number | undefined;
  readonly firstByteTimeout?: number | undefined;
  readonly idleTimeout?: number | undefined;
  readonly maxBodySize?: number | undefined;
  readonly headersTimeout?: number | undefined;
  readonly maxHeaderSize?: number | undefined;
  readonly maxStreams?: number | undefined;
  readonly maxSessions?: number | undefined;
  readonly memoryBudget?: number | undefined;
}

/** As it is after reading: times in milliseconds, sizes in octets. */
export interface RelayFile {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly domain?: readonly string[] | undefined;
  readonly publicUrl?: string | undefined;
  readonly tls?: RelayTlsFile | undefined;
  readonly hosts?: Readonly<Record<string, string>> | undefined;
  readonly paths?: readonly PathRule[] | undefined;
  readonly tokens?: readonly AgentToken[] | undefined;
  readonly openRegistration?: boolean | undefined;
  readonly access?: Readonly<Record<string, AccessPolicy>> | undefined;
  readonly rateLimit?: Omit<RateLimitOptions, 'clock'> | undefined;
  readonly limits?: RelayLimitsFile | undefined;
  readonly trustedProxies?: readonly string[] | undefined;
  readonly sendForwarded?: boolean | undefined;
  readonly pingInterval?: number | undefined;
  readonly pingTimeout?: number | undefined;
  readonly wsp?: Readonly<Record<string, unknown>> | undefined;
  readonly tcp?: readonly TcpPort[] | undefined;
  readonly admin?: AdminFile | undefined;
  readonly drainTimeout?: number | undefined;
  readonly log?: LogFile | undefined;
}

const tls = z.strictObject({
  cert: text,
  key: text,
  http2: z.boolean().optional(),
  agentCa: text.optional(),
});

const pathRule = z
  .strictObject({ prefix: text, name: text.optional(), strip: z.boolean().optional() })
  .transform(({ prefix, name, strip }): PathRule => ({
    prefix,
    ...(name !== undefined && { name }),
    ...(strip !== undefined && { strips: strip }),
  }))
  .superRefine(checkedByRelay((rule) => ({ paths: [rule] })));

const token = z
  .strictObject({
    id: text,
    hash: text,
    names: texts,
    expires: date.optional(),
    maxSessions: count.optional(),
  })
  .transform(({ expires, maxSessions, ...token }): AgentToken => ({
    ...token,
    ...(maxSessions !== undefined && { maxSessions }),
    ...(expires !== undefined && { expires }),
  }))
  .superRefine(checkedByRelay((token) => ({ tokens: [token] })));

const access = z
  .strictObject({
    allow: texts.optional(),
    deny: texts.optional(),
    basic: z.record(z.string(), text).optional(),
    bearer: texts.optional(),
    realm: text.optional(),
  })
  .transform((policy) => policy as AccessPolicy)
  .superRefine(checkedByRelay((policy) => ({ access: { name: policy } })));

const rateLimit = z
  .strictObject({
    requestsPerSecond: rate.optional(),
    burst: rate.optional(),
    connections: count.optional(),
    maxNames: count.optional(),
  })
  .transform((limit) => limit as Omit<RateLimitOptions, 'clock'>)
  .superRefine(checkedByRelay((rateLimit) => ({ rateLimit })));

const hosts = z.record(z.string(), text).superRefine((hosts, context) => {
  for (const [host, name] of Object.entries(hosts)) {
    const message = refusedByRelay({ hosts: { [host]: name } });
    if (message !== undefined) context.addIssue({ code: 'custom', message, path: [host] });
  }
});

const limits = z.strictObject({
  connectTimeout: duration.optional(),
  firstByteTimeout: duration.optional(),
  idleTimeout: duration.optional(),
  maxBodySize: size.optional(),
  headersTimeout: duration.optional(),
  maxHeaderSize: size.optional(),
  maxStreams: count.optional(),
  maxSessions: count.optional(),
  memoryBudget: size.optional(),
});

export const relaySchema: z.ZodType<RelayFile> = z.strictObject({
  host: text.optional(),
  port: port.optional(),
  domain: texts.superRefine(checkedByRelay((domains) => ({ domains }))).optional(),
  publicUrl: text.superRefine(checkedByRelay((publicUrl) => ({ publicUrl }))).optional(),
  tls: tls.optional(),
  hosts: hosts.optional(),
  paths: z.array(pathRule).optional(),
  tokens: z.array(token).optional(),
  openRegistration: z.boolean().optional(),
  access: z.record(z.string(), access).optional(),
  rateLimit: rateLimit.optional(),
  limits: limits.optional(),
  trustedProxies: texts
    .superRefine(checkedByRelay((trustedProxies) => ({ trustedProxies })))
    .optional(),
  sendForwarded: z.boolean().optional(),
  pingInterval: duration.optional(),
  pingTimeout: duration.optional(),
  // Its keys are those of wsp, which know themselves.
  wsp: z.record(z.string(), z.unknown()).superRefine(checkWspSection).optional(),
  tcp: z.array(z.strictObject({ port, host: text.optional(), name: text })).optional(),
  admin: z.strictObject({ port, host: text.optional() }).optional(),
  drainTimeout: duration.optional(),
  log: logSchema.optional(),
});
