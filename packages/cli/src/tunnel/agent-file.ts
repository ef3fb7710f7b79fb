/** The configuration file of an agent. */
import type { TargetRule, TargetRules } from '@framewire/tunnel';
import { z } from 'zod';
import { count, duration, port, text, texts } from './config-values.ts';
import type { InspectChoice } from './inspection.ts';
import { checkedByTunnel, refusedByTunnel } from './library-checks.ts';
import { logSchema, type LogFile } from './log-file.ts';

/** Whom to trust. */
export interface TrustFile {
  readonly ca?: string | undefined;
  /** False accepts what cannot be verified. */
  readonly check?: boolean | undefined;
}

/** And what to show. */
export interface RelayTrustFile extends TrustFile {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** As it is after reading: times in milliseconds. */
export interface AgentFile {
  readonly target?: string | undefined;
  readonly relay?: string | undefined;
  readonly name?: readonly string[] | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly connections?: number | undefined;
  readonly exclusive?: boolean | undefined;
  readonly hostHeader?: string | undefined;
  readonly rules?: TargetRules | undefined;
  readonly proxy?: string | undefined;
  readonly tls?: RelayTrustFile | undefined;
  readonly targetTls?: TrustFile | undefined;
  readonly allowLinkLocal?: boolean | undefined;
  readonly connectTimeout?: number | undefined;
  readonly maxStreams?: number | undefined;
  readonly pingInterval?: number | undefined;
  readonly pingTimeout?: number | undefined;
  readonly drainTimeout?: number | undefined;
  readonly inspect?: InspectChoice | undefined;
  readonly log?: LogFile | undefined;
}

const trust = z.strictObject({ ca: text.optional(), check: z.boolean().optional() });

const relayTrust = trust.extend({ cert: text.optional(), key: text.optional() });

const rule = z
  .strictObject({ methods: texts.optional(), path: text.optional() })
  .transform((rule): TargetRule => rule)
  .superRefine(checkedByTunnel((rule) => ({ rules: { allow: [rule] } })));

/** `3000` is a number in YAML, and a target. */
const target = z
  .union([text, z.int().min(1).max(65_535)], 'has to be a URL, or a port')
  .transform(String)
  .superRefine(checkedByTunnel((target) => ({ target })));

const relay = text.superRefine(async (url, context) => {
  const message = await refusedByTunnel({}, url);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

export const agentSchema: z.ZodType<AgentFile> = z.strictObject({
  target: target.optional(),
  relay: relay.optional(),
  name: texts.superRefine(checkedByTunnel((name) => ({ name }))).optional(),
  token: text.optional(),
  tokenFile: text.optional(),
  connections: count.superRefine(checkedByTunnel((connections) => ({ connections }))).optional(),
  exclusive: z.boolean().optional(),
  hostHeader: text.optional(),
  rules: z
    .strictObject({ allow: z.array(rule).optional(), deny: z.array(rule).optional() })
    .optional(),
  proxy: text.optional(),
  tls: relayTrust.optional(),
  targetTls: trust.optional(),
  allowLinkLocal: z.boolean().optional(),
  connectTimeout: duration.optional(),
  maxStreams: count.optional(),
  pingInterval: duration.optional(),
  pingTimeout: duration.optional(),
  drainTimeout: duration.optional(),
  inspect: z.union([z.boolean(), port], 'has to be true, false or a port').optional(),
  log: logSchema.optional(),
});
